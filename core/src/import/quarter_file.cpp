// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/quarter_file.hpp"

#include <date/date.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

namespace mesura::importing {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kQuarter_s = 900;
constexpr std::int64_t kSummerBit = 0x80;
constexpr int kQuarters = 96;
constexpr double kMost = 1e6;  // W

int digits(std::string_view text, std::size_t count) {
  int value = -1;
  if (text.size() != count) return -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  return error == std::errc{} && end == text.data() + count ? value : -1;
}

bool is_quarter(const QuarterName& n) {
  const date::year_month_day day{date::year{n.year}, date::month{static_cast<unsigned>(n.month)},
                                 date::day{static_cast<unsigned>(n.day)}};
  return day.ok() && n.year >= 2000 && n.year < 2128 && n.hour >= 0 && n.hour < 24 && n.minute >= 0 && n.minute < 60 &&
         n.minute % 15 == 0;
}

}  // namespace

std::string QuarterName::path() const {
  return fmt::format("{:04}/{:02}/{:02}/{:02}{:02}{}.json", year, month, day, hour, minute, summer ? 'S' : 'W');
}

std::int64_t QuarterName::id() const {
  return (std::int64_t{year - 2000} << 24) | (std::int64_t{month} << 16) | (std::int64_t{day} << 8) |
         (hour * 4 + minute / 15) | (summer ? kSummerBit : 0);
}

std::int64_t QuarterName::start_ns() const {
  const auto days = date::sys_days{date::year{year} / date::month{static_cast<unsigned>(month)} /
                                   date::day{static_cast<unsigned>(day)}};
  const std::int64_t local = days.time_since_epoch().count() * std::int64_t{86400} + hour * 3600 + minute * 60;
  return (local - (summer ? 7200 : 3600)) * kSecond;
}

std::optional<QuarterName> quarter_of_id(std::int64_t id) {
  if (id < 0 || id > UINT32_MAX) return std::nullopt;
  QuarterName n;
  const std::int64_t q = id & 0x7f;
  n.summer = (id & kSummerBit) != 0;
  n.year = 2000 + static_cast<int>(id >> 24);
  n.month = static_cast<int>(id >> 16 & 0xff);
  n.day = static_cast<int>(id >> 8 & 0xff);
  n.hour = static_cast<int>(q / 4);
  n.minute = static_cast<int>(q % 4 * 15);
  if (q >= kQuarters || !is_quarter(n)) return std::nullopt;
  return n;
}

std::optional<QuarterName> quarter_of_path(std::string_view year, std::string_view month, std::string_view day,
                                           std::string_view file) {
  if (file.size() != 10 || !file.ends_with(".json") || (file[4] != 'S' && file[4] != 'W')) return std::nullopt;
  QuarterName n{
      digits(year, 4), digits(month, 2), digits(day, 2), digits(file.substr(0, 2), 2), digits(file.substr(2, 2), 2),
      file[4] == 'S'};
  if (!is_quarter(n)) return std::nullopt;
  return n;
}

struct QuarterReader::Parser {
  simdjson::dom::parser json;
};

QuarterReader::QuarterReader() : parser_(std::make_unique<Parser>()) {}
QuarterReader::~QuarterReader() = default;

QuarterContent QuarterReader::read(std::string_view json, const QuarterName& name) {
  QuarterContent out;
  simdjson::dom::element root;
  if (const auto error = parser_->json.parse(json.data(), json.size()).get(root); error != simdjson::SUCCESS) {
    out.error = fmt::format("p1-json: expected a JSON object, got {} bytes that are none: {}", json.size(),
                            simdjson::error_message(error));
    return out;
  }
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    out.error = "p1-json: expected a JSON object";
    return out;
  }
  if (object.size() == 0) return out;
  std::int64_t interval = 0;
  if (object["quarter_id"].get(out.id) != simdjson::SUCCESS ||
      object["interval_secs"].get(interval) != simdjson::SUCCESS) {
    out.error = "p1-fields: expected quarter_id and interval_secs as whole numbers";
    return out;
  }
  if (out.id != name.id()) {
    out.error = fmt::format("p1-quarter: expected quarter_id {} in {}, got {}", name.id(), name.path(), out.id);
    return out;
  }
  if (interval < 1 || interval > kQuarter_s || kQuarter_s % interval != 0) {
    out.error = fmt::format("p1-fields: expected interval_secs to divide {}, got {}", kQuarter_s, interval);
    return out;
  }
  const auto most = static_cast<std::size_t>(kQuarter_s / interval);
  const auto read_array = [&](std::string_view key, double sign, std::optional<double> Slot::*member) {
    simdjson::dom::array values;
    if (object[key].get(values) != simdjson::SUCCESS) {
      out.bad_values.push_back(fmt::format("{}: expected an array", key));
      return;
    }
    std::size_t at = 0;
    for (const simdjson::dom::element value : values) {
      const std::size_t slot = at++;
      if (slot >= most) {
        out.bad_values.push_back(fmt::format("{}: expected at most {} values", key, most));
        return;
      }
      if (value.is_null()) continue;
      double watts = 0;
      if (value.is_bool() || value.get(watts) != simdjson::SUCCESS || watts * sign < 0 || watts * sign > kMost) {
        out.bad_values.push_back(fmt::format("{}[{}]: expected watts {} 0, got {}", key, slot,
                                             sign > 0 ? "from" : "up to", simdjson::to_string(value)));
        continue;
      }
      if (out.slots.size() <= slot) out.slots.resize(slot + 1);
      out.slots[slot].*member = watts;
    }
  };
  read_array("consumed_power_interval_avgs", 1, &Slot::consumed_w);
  read_array("produced_power_interval_avgs", -1, &Slot::produced_w);
  for (std::size_t i = 0; i < out.slots.size(); ++i)
    out.slots[i].start_ns = name.start_ns() + static_cast<std::int64_t>(i) * interval * kSecond;
  std::erase_if(out.slots, [](const Slot& s) { return !s.consumed_w && !s.produced_w; });
  return out;
}

}  // namespace mesura::importing
