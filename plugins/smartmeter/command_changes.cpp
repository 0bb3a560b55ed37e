// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that change calibration, energy, the daily restart, the relay, reporting and registers.
#include "command_flows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr double kLeastFactor = 0.5, kMostFactor = 2.0;
constexpr std::array<std::string_view, 6> kFactors = {"v1", "i1", "v2", "i2", "v3", "i3"};
constexpr std::array<std::string_view, 3> kLines = {"l1", "l2", "l3"};

/// Numbers of a JSON list or single number, as a list.
std::vector<double> numbers_of(const std::string& json) {
  std::array<double, 8> values{};
  const std::size_t count = parse_numbers(json, values);
  return {values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::string list_text(const std::vector<double>& values) {
  std::string out = "[";
  for (const double v : values) out += (out.size() > 1 ? "," : "") + number_text(v);
  return out + "]";
}

bool nearly(const std::string& wanted, const std::string& got, double below, double above) {
  const auto a = numbers_of(wanted), b = numbers_of(got);
  return !a.empty() && a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](double x, double y) {
    return y >= x - below && y <= x + above;
  });
}

std::string energy_of(const JsonObject& info) {
  const auto* member = info.find("energy");
  if (member == nullptr) return "null";
  const auto values =
      numbers_of(member->type == JsonMember::Type::number ? number_text(member->number) : std::string{member->text});
  return values.empty() ? "null" : list_text(values);
}

std::string relay_of(const JsonObject& info) {
  if (const auto on = info.boolean("relay")) return *on ? "true" : "false";
  if (const auto state = info.number("relay")) return *state != 0 ? "true" : "false";
  return "null";
}

}  // namespace

void calibrate(Job& job) {
  const bool one_line = job.port().model() == Model::powermeter;
  const std::size_t count = one_line ? 2 : kFactors.size();
  std::vector<double> factors;
  for (std::size_t i = 0; i < kFactors.size(); ++i) {
    const bool given = job.args().has(kFactors[i]);
    if (given != (i < count)) {
      job.finish(MESURA_REPLY_INVALID, one_line
                                           ? "expected two factors, v1 and i1, which is what a PowerMeter has"
                                           : "expected six factors, v1 i1 v2 i2 v3 i3: a SmartMeter sets all at once");
      return;
    }
    if (!given) continue;
    factors.push_back(job.args().number(kFactors[i]));
    if (!(std::abs(factors.back()) >= kLeastFactor && std::abs(factors.back()) <= kMostFactor)) {
      job.finish(MESURA_REPLY_INVALID, fmt::format("expected factors of {} to {}, got {} for {}", kLeastFactor,
                                                   kMostFactor, factors.back(), kFactors[i]));
      return;
    }
  }
  Setting setting;
  setting.word = "calibration";
  setting.line = one_line ? fmt::format(R"({{"cmd":"calibration","calV":{},"calI":{}}})", number_text(factors[0]),
                                        number_text(factors[1]))
                          : fmt::format(R"({{"cmd":"calibration","cal":{}}})", list_text(factors));
  setting.wanted = list_text(factors);
  setting.read = [](const JsonObject& info) { return json_of(info.find("calibration")); };
  setting.same = [](const std::string& wanted, const std::string& got) { return nearly(wanted, got, 1e-4, 1e-4); };
  setting.note =
      "present firmware keeps the factors without using them: the option calibration of this device applies "
      "them here";
  change_setting(job, std::move(setting));
}

void reset_energy(Job& job) {
  const Arguments& args = job.args();
  const std::size_t lines = job.port().model() == Model::powermeter ? 1 : 3;
  const bool some = args.has("l1") || args.has("l2") || args.has("l3");
  std::vector<double> values;
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    if (i < lines) values.push_back(args.number(kLines[i]));
    if (some && args.has(kLines[i]) != (i < lines)) {
      job.finish(MESURA_REPLY_INVALID, lines == 1 ? "expected one value, of the one line of a PowerMeter"
                                                  : "expected a value for each of the three lines, or none for zero");
      return;
    }
  }
  Setting setting;
  setting.word = "resetEnergy";
  setting.line = R"({"cmd":"resetEnergy")";
  if (some) setting.line += fmt::format(R"(,"energy":{})", list_text(values));
  if (args.has("ts")) setting.line += fmt::format(R"(,"ts":{})", args.integer("ts"));
  setting.line += "}";
  setting.wanted = list_text(values);
  setting.read = energy_of;
  // It counts on meanwhile: what 32 A on a line can make of it in some seconds.
  setting.same = [](const std::string& wanted, const std::string& got) { return nearly(wanted, got, 0.01, 25); };
  setting.always = true;
  if (args.has("ts")) setting.unreadable = "the time of the reset";
  change_setting(job, std::move(setting));
}

void daily_restart(Job& job) {
  const std::string time = job.args().text("time");
  int hour = -1, minute = -1;
  if (time != "off") {
    const auto digit = [&](std::size_t at) { return time[at] >= '0' && time[at] <= '9'; };
    const bool shaped = time.size() == 5 && digit(0) && digit(1) && time[2] == ':' && digit(3) && digit(4);
    if (shaped) {
      hour = (time[0] - '0') * 10 + time[1] - '0';
      minute = (time[3] - '0') * 10 + time[4] - '0';
    }
    if (!shaped || hour > 23 || minute > 59) {
      job.finish(MESURA_REPLY_INVALID,
                 fmt::format("expected HH:MM of the device's local time, or off; got '{}'", time));
      return;
    }
  }
  Setting setting;
  setting.word = "dailyRestart";
  setting.line = fmt::format(R"({{"cmd":"dailyRestart","hour":{},"minute":{}}})", hour, minute);
  setting.wanted = hour < 0 ? "\"None\"" : fmt::format("\"@{:02}:{:02}:00\"", hour, minute);
  setting.read = [](const JsonObject& info) { return json_of(info.find("dailyReset")); };
  change_setting(job, std::move(setting));
}

void switch_relay(Job& job) {
  if (job.port().model() != Model::powermeter) {
    job.finish(MESURA_REPLY_INVALID, "a SmartMeter has no relay; only a PowerMeter has");
    return;
  }
  const bool on = job.args().text("state") == "on";
  Setting setting;
  setting.word = "switch";
  setting.line = fmt::format(R"({{"cmd":"switch","payload":{{"value":{}}}}})", on ? 1 : 0);
  setting.wanted = on ? "true" : "false";
  setting.read = relay_of;
  change_setting(job, std::move(setting));
}

void publish_interval(Job& job) {
  if (job.port().model() != Model::powermeter) {
    job.finish(MESURA_REPLY_INVALID, "a SmartMeter publishes every 5 s; only a PowerMeter can be told otherwise");
    return;
  }
  const std::int64_t seconds = job.args().has("interval") ? job.args().integer("interval") / 1'000'000'000 : -1;
  job.tell("publishInterval", fmt::format(R"({{"cmd":"publishInterval","intv":{}}})", seconds > 0 ? seconds : -1),
           [](Job& j, const Answer& answer) {
             if (!j.is_reply(answer)) return;
             if (const std::string why = refusal_of(*answer.json); !why.empty()) {
               j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses publishInterval: {}", why));
             } else {
               j.finish(MESURA_REPLY_UNVERIFIED, "the device took it; it can't be read back",
                        before_and_after("null", "null"));
             }
           });
}

namespace {

struct RegisterWrite {
  std::string request;
  std::uint32_t value;
};

void register_written(Job& job, const Answer& answer, const RegisterWrite& what) {
  if (!job.is_reply(answer)) return;
  if (const std::string why = refusal_of(*answer.json); !why.empty()) {
    job.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses ade9k: {}", why));
    return;
  }
  job.ask("ade9k", what.request + "}", [wanted = what.value](Job& j, const Answer& again) {
    if (again.kind != Answer::Kind::reply || !again.json->number("regValue")) {
      j.finish(MESURA_REPLY_UNVERIFIED, "the device took it, but does not tell it back",
               before_and_after(j.before, "null"));
      return;
    }
    const auto value = static_cast<std::uint32_t>(static_cast<std::int64_t>(*again.json->number("regValue")));
    j.finish(value == wanted ? MESURA_REPLY_DONE : MESURA_REPLY_MISMATCH,
             value == wanted ? "" : fmt::format("expected 0x{:04x} to be read back, got 0x{:04x}", wanted, value),
             before_and_after(j.before, fmt::format("{}", value)));
  });
}

}  // namespace

void register_write(Job& job) {
  const std::int64_t most = job.args().text("size") == "32" ? 0xFFFFFFFF : 0xFFFF;
  const auto value = parse_register(job.args().text("value"), most);
  if (!value) {
    job.finish(MESURA_REPLY_INVALID,
               fmt::format("expected a value from 0 to 0x{:x} of this size, got '{}'", most, job.args().text("value")));
    return;
  }
  const auto request = register_request(job);
  if (!request) return;
  const RegisterWrite what{*request, static_cast<std::uint32_t>(*value)};
  job.ask("ade9k", *request + "}", [what](Job& j, const Answer& answer) {
    if (!j.is_reply(answer)) return;
    if (const std::string why = refusal_of(*answer.json); !why.empty()) {
      j.finish(MESURA_REPLY_REFUSED, fmt::format("the device refuses ade9k: {}", why));
      return;
    }
    if (const auto before = answer.json->number("regValue")) {
      const auto present = static_cast<std::uint32_t>(static_cast<std::int64_t>(*before));
      j.before = fmt::format("{}", present);
      if (present == what.value) {
        j.finish(MESURA_REPLY_DONE, "already in force", before_and_after(j.before, j.before));
        return;
      }
    }
    j.tell("ade9k", what.request + fmt::format(R"(,"write":"0x{:04x}"}})", what.value),
           [what](Job& k, const Answer& written) { register_written(k, written, what); });
  });
}

}  // namespace mesura::smartmeter
