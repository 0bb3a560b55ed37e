// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/clock_check.hpp"

#include "model/zones.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

namespace mesura::doctor {
namespace {

/// 2026-01-01: no clock of this program's time can show less.
constexpr std::int64_t kWritten = 1'767'225'600'000'000'000;
constexpr std::int64_t kYear = 365LL * 86'400 * 1'000'000'000;

std::vector<std::string> start_a_daemon(const ClockFacts& facts) {
  if (!facts.daemon.empty()) return {"timedatectl status"};
  return {"sudo apt-get install systemd-timesyncd", "sudo timedatectl set-ntp true"};
}

/// What the service does about it.
std::string consequence(const config::ClockConfig& clock) {
  if (clock.sync == "require") return "measurements that carry our time wait until it is (`clock: {sync: require}`)";
  return "measurements that carry our time wait for it shortly after boot; later the clock is taken as it is";
}

}  // namespace

void check_clock(const ClockFacts& facts, const config::ClockConfig& clock, Findings& out) {
  const std::string now = runtime::format_time(facts.wall_ns);
  if (facts.wall_ns < kWritten || facts.wall_ns > kWritten + 50 * kYear) {
    Finding wrong{Severity::error, "doc-clock-wrong", "clock", "the clock is wrong by years"};
    wrong.expected = "a time after " + runtime::format_time(kWritten);
    wrong.got = now;
    wrong.remedy =
        "let it be set from the network; a machine without a battery clock starts in 1970 or at its last stop";
    wrong.commands = start_a_daemon(facts);
    out.push_back(std::move(wrong));
  }
  if (!facts.synchronised) {
    out.push_back({Severity::note, "doc-clock-unknown", "clock",
                   "the kernel does not tell whether the clock is synchronised; it is taken to be"});
  } else if (*facts.synchronised) {
    out.push_back({Severity::good, "doc-clock", "clock", "synchronised, " + now});
  } else if (clock.sync == "ignore") {
    out.push_back({Severity::note, "doc-clock-unsynchronised", "clock",
                   "not synchronised, and the configuration does not mind (`clock: {sync: ignore}`)"});
  } else {
    Finding loose{clock.sync == "require" ? Severity::error : Severity::warning, "doc-clock-unsynchronised", "clock",
                  "the clock is not synchronised: " + consequence(clock)};
    loose.expected = "a clock that is set from the network";
    loose.got = facts.daemon.empty() ? "no program that sets it" : facts.daemon + " runs, but has not set it";
    loose.remedy = facts.daemon.empty() ? "run one such as systemd-timesyncd or chrony (in a container: on its host)"
                                        : "does it reach its time servers? UDP port 123 may be closed";
    loose.commands = start_a_daemon(facts);
    out.push_back(std::move(loose));
  }
  if (facts.hardware && !*facts.hardware && facts.synchronised.value_or(true) == false)
    out.push_back({Severity::note, "doc-clock-hardware", "clock",
                   "this machine has no clock that runs without power: after a power cut it is wrong until the network "
                   "has set it"});
}

void check_zones(const std::string& zone, Findings& out) {
  model::Problem problem;
  try {
    const std::string wanted = zone.empty() ? "Europe/Brussels" : zone;
    if (model::Zone::find(wanted, &problem)) {
      out.push_back({Severity::good, "doc-zone", "zones", "known: " + wanted});
      return;
    }
    if (!model::Zone::names().empty() && !zone.empty()) return;  // a wrong name: the configuration's check says so
  } catch (const std::exception&) {
    // The library throws where it finds nothing at all.
  }
  Finding none{Severity::error, "doc-zone-data", "zones", "this system knows no zones of time"};
  none.expected = "the zones in /usr/share/zoneinfo";
  none.got = "none";
  none.remedy = "install them";
  none.commands = {"sudo apt-get install tzdata"};
  out.push_back(std::move(none));
}

}  // namespace mesura::doctor
