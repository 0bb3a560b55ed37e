// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <stdexcept>

#include "table.hpp"

namespace mesura::axpert {
namespace {

using namespace std::chrono_literals;
using Nanoseconds = std::chrono::nanoseconds;

constexpr LinkId kData = 0;

/// Deadlines by kind of link; the last row is for all others.
struct Deadlines {
  std::string_view kind;
  Nanoseconds first, gap, total;
};
constexpr std::array kDeadlines = {
    Deadlines{"hid", 1000ms, 300ms, 2500ms}, Deadlines{"serial", 1000ms, 200ms, 2000ms},
    Deadlines{"pty", 1000ms, 200ms, 2000ms},
    Deadlines{"", 1100ms, 300ms, 2100ms},  // a bridge in between adds its own delays
};

struct Unit {
  std::string_view name;
  Nanoseconds length;
};
constexpr std::array kUnits = {Unit{"ms", 1ms}, Unit{"s", 1s}, Unit{"m", 1min}, Unit{"h", 1h}, Unit{"d", 24h}};

std::optional<Nanoseconds> duration_from(std::string_view text) {
  Nanoseconds sum{};
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::uint32_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const auto* unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == text.substr(0, letters); });
    if (unit == kUnits.end()) return std::nullopt;
    sum += unit->length * n;
    text.remove_prefix(letters);
  }
  return sum;
}

/// "QPGS" for "QPGS#".
std::string_view stem(std::string_view pattern) {
  return pattern.ends_with('#') || pattern.ends_with('@') ? pattern.substr(0, pattern.size() - 1) : pattern;
}

bool is_query(std::string_view name) {
  return std::any_of(queries().begin(), queries().end(), [&](const Query& q) { return stem(q.command) == name; });
}

bool is_command(std::string_view name) {
  return any_layout([&](const Layout& l) { return stem(l.command) == name || command_fits(l.command, name); });
}

void read_schedule(Settings& s, const Options& options) {
  for (const auto& entry : options.entries("schedule")) {
    const std::string_view key = abi::view(entry.key), value = abi::view(entry.value);
    if (!is_query(key))
      throw std::invalid_argument(
          fmt::format("option schedule: expected the name of a query such as QPIRI, QPGS or GS, got '{}'", key));
    const auto pace = pace_from(value);
    if (!pace)
      throw std::invalid_argument(fmt::format(
          "option schedule, {}: expected a duration of at least 100ms such as 60s, or once, or off, got '{}'", key,
          value));
    s.schedule.emplace_back(key, *pace);
  }
}

const date::time_zone* read_zone(const SessionInfo& info) {
  const std::string_view name = info.options.text("zone", info.zone);
  if (name.empty()) return nullptr;
  try {
    return date::locate_zone(std::string{name});
  } catch (const std::runtime_error&) {
    throw std::invalid_argument(
        fmt::format("option zone: expected an IANA zone such as Europe/Brussels, got '{}'", name));
  }
}

Engine::Settings read_engine(const SessionInfo& info) {
  const std::string_view kind = info.link(kData).kind;
  const auto* row =
      std::find_if(kDeadlines.begin(), kDeadlines.end() - 1, [&](const auto& d) { return d.kind == kind; });
  Engine::Settings e;
  e.hid = kind == "hid";
  e.first = info.options.duration("first_timeout", row->first);
  e.gap = info.options.duration("gap_timeout", row->gap);
  e.total = info.options.duration("reply_timeout", row->total);
  e.report_delay = info.options.duration("report_delay", 20ms);
  return e;
}

}  // namespace

std::optional<Pace> pace_from(std::string_view text) {
  if (text == "off") return Pace{Pace::Kind::off, {}};
  if (text == "once") return Pace{Pace::Kind::once, {}};
  const auto period = duration_from(text);
  if (!period || *period < 100ms) return std::nullopt;
  return Pace{Pace::Kind::every, *period};
}

Settings Settings::from(const SessionInfo& info) {
  Settings s;
  const std::string_view kind = info.link(kData).kind;
  s.offline = !info.live || kind == "file" || kind == "replay";
  const std::string_view dialect = info.options.text("dialect", "auto");
  if (dialect != "auto") {
    s.dialect = dialect_from(dialect);
    if (!s.dialect) throw std::invalid_argument(fmt::format("option dialect: got '{}', which there is not", dialect));
  }
  s.interval = info.options.duration("interval", 5s);
  s.ratings_interval = info.options.duration("ratings_interval", 60s);
  s.serial_number = info.options.text("serial_number");
  s.command = info.options.text("command");
  if (!s.command.empty() && !is_command(s.command))
    throw std::invalid_argument(
        fmt::format("option command: expected a query such as QPIGS, QPGS1, QED20240501 or GS, got '{}'", s.command));
  read_schedule(s, info.options);
  s.zone = read_zone(info);
  s.engine = read_engine(info);
  return s;
}

}  // namespace mesura::axpert
