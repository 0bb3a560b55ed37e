// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plot/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace mesura::plot {

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

/// Units that take k, M and m.
bool takes_prefix(std::string_view unit) {
  static constexpr std::array<std::string_view, 9> kUnits{"W", "VA", "var", "Wh", "VAh", "varh", "V", "A", "J"};
  return std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end();
}

double nice_step(double span, std::size_t wanted) {
  const double raw = span / static_cast<double>(std::max<std::size_t>(wanted, 1));
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double times : {1.0, 2.0, 5.0})
    if (times * power >= raw * 0.999999) return times * power;
  return 10 * power;
}

/// Round steps of time, and how many characters their labels have.
struct TimeStep {
  enum class Unit : std::uint8_t { fixed, hours, days, months, years };
  Unit unit;
  std::int64_t n;       // ns, hours, days, months, years
  std::int64_t length;  // about
  std::size_t label;
};
constexpr std::array<TimeStep, 34> kSteps{{
    {TimeStep::Unit::fixed, 1'000'000, 1'000'000, 12},
    {TimeStep::Unit::fixed, 2'000'000, 2'000'000, 12},
    {TimeStep::Unit::fixed, 5'000'000, 5'000'000, 12},
    {TimeStep::Unit::fixed, 10'000'000, 10'000'000, 12},
    {TimeStep::Unit::fixed, 20'000'000, 20'000'000, 12},
    {TimeStep::Unit::fixed, 50'000'000, 50'000'000, 12},
    {TimeStep::Unit::fixed, 100'000'000, 100'000'000, 12},
    {TimeStep::Unit::fixed, 200'000'000, 200'000'000, 12},
    {TimeStep::Unit::fixed, 500'000'000, 500'000'000, 12},
    {TimeStep::Unit::fixed, kSecond, kSecond, 8},
    {TimeStep::Unit::fixed, 2 * kSecond, 2 * kSecond, 8},
    {TimeStep::Unit::fixed, 5 * kSecond, 5 * kSecond, 8},
    {TimeStep::Unit::fixed, 10 * kSecond, 10 * kSecond, 8},
    {TimeStep::Unit::fixed, 30 * kSecond, 30 * kSecond, 8},
    {TimeStep::Unit::fixed, kMinute, kMinute, 5},
    {TimeStep::Unit::fixed, 2 * kMinute, 2 * kMinute, 5},
    {TimeStep::Unit::fixed, 5 * kMinute, 5 * kMinute, 5},
    {TimeStep::Unit::fixed, 10 * kMinute, 10 * kMinute, 5},
    {TimeStep::Unit::fixed, 15 * kMinute, 15 * kMinute, 5},
    {TimeStep::Unit::hours, 1, kHour, 5},
    {TimeStep::Unit::hours, 2, 2 * kHour, 5},
    {TimeStep::Unit::hours, 3, 3 * kHour, 5},
    {TimeStep::Unit::hours, 6, 6 * kHour, 5},
    {TimeStep::Unit::hours, 12, 12 * kHour, 5},
    {TimeStep::Unit::days, 1, kDay, 5},
    {TimeStep::Unit::days, 2, 2 * kDay, 5},
    {TimeStep::Unit::days, 7, 7 * kDay, 5},
    {TimeStep::Unit::days, 14, 14 * kDay, 5},
    {TimeStep::Unit::months, 1, 30 * kDay, 7},
    {TimeStep::Unit::months, 3, 91 * kDay, 7},
    {TimeStep::Unit::months, 6, 182 * kDay, 7},
    {TimeStep::Unit::years, 1, 365 * kDay, 4},
    {TimeStep::Unit::years, 5, 5 * 365 * kDay, 4},
    {TimeStep::Unit::years, 20, 20 * 365 * kDay, 4},
}};

std::int64_t up_to_multiple(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = ((value % step) + step) % step;
  return rest == 0 ? value : value + (step - rest);
}

std::string clock_label(const model::LocalTime& t, const TimeStep& step) {
  // A new day says which.
  if (step.length >= kMinute && t.hour == 0 && t.minute == 0) return fmt::format("{:02}-{:02}", t.month, t.day);
  if (step.length >= kMinute) return fmt::format("{:02}:{:02}", t.hour, t.minute);
  if (step.length >= kSecond) return fmt::format("{:02}:{:02}:{:02}", t.hour, t.minute, t.second);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", t.hour, t.minute, t.second, t.nanosecond / 1'000'000);
}

}  // namespace

std::string Scale::label(double value) const {
  std::string text = fmt::format("{:.{}f}", value / factor, decimals);
  // "-0"
  if (text.find_first_not_of("-0.") == std::string::npos && text.front() == '-') text.erase(0, 1);
  return text;
}

Scale value_scale(double min, double max, std::string_view unit, std::size_t wanted) {
  Scale scale;
  if (!(min < max)) {
    const double room = min == 0 ? 1 : std::fabs(min) * 0.05;
    min -= room;
    max += room;
  }
  scale.step = nice_step(max - min, wanted);
  scale.low = std::floor(min / scale.step + 1e-9) * scale.step;
  scale.high = std::ceil(max / scale.step - 1e-9) * scale.step;
  const auto count = static_cast<std::size_t>(std::lround((scale.high - scale.low) / scale.step));
  for (std::size_t i = 0; i <= count; ++i) scale.ticks.push_back(scale.low + static_cast<double>(i) * scale.step);
  const double most = std::max(std::fabs(scale.low), std::fabs(scale.high));
  std::string_view prefix;
  if (takes_prefix(unit)) {
    if (most >= 1e9)
      scale.factor = 1e9, prefix = "G";
    else if (most >= 1e6)
      scale.factor = 1e6, prefix = "M";
    else if (most >= 2e3)
      scale.factor = 1e3, prefix = "k";
    else if (most < 0.2)
      scale.factor = 1e-3, prefix = "m";
  }
  scale.unit = std::string{prefix} + std::string{unit == "1" ? std::string_view{} : unit};
  scale.decimals = std::clamp(static_cast<int>(-std::floor(std::log10(scale.step / scale.factor) + 1e-9)), 0, 12);
  return scale;
}

std::vector<TimeTick> time_ticks(std::int64_t from_ns, std::int64_t to_ns, const model::Zone& zone, std::size_t width) {
  std::vector<TimeTick> ticks;
  if (from_ns >= to_ns || width == 0) return ticks;
  const double per_character = static_cast<double>(to_ns - from_ns) / static_cast<double>(width);
  const auto* step = &kSteps.back();
  for (const auto& candidate : kSteps) {
    if (static_cast<double>(candidate.length) < per_character * static_cast<double>(candidate.label + 3)) continue;
    step = &candidate;
    break;
  }
  const auto add = [&](std::int64_t time_ns, std::string label) {
    if (from_ns <= time_ns && time_ns < to_ns) ticks.push_back({time_ns, std::move(label)});
  };
  switch (step->unit) {
    case TimeStep::Unit::fixed:
      for (std::int64_t t = up_to_multiple(from_ns, step->n); t < to_ns; t += step->n)
        add(t, clock_label(zone.to_local(t), *step));
      break;
    case TimeStep::Unit::hours:
      // Zones are quarters of an hour off UTC; an hour that is repeated is marked twice, as a clock would show it.
      for (std::int64_t t = up_to_multiple(from_ns, 15 * kMinute); t < to_ns; t += 15 * kMinute) {
        const auto local = zone.to_local(t);
        if (local.minute == 0 && local.hour % step->n == 0) add(t, clock_label(local, *step));
      }
      break;
    case TimeStep::Unit::days:
      for (auto day = zone.day(from_ns); day.start_ns < to_ns; day = zone.day(day.end_ns)) {
        const auto local = zone.to_local(day.start_ns);
        // Counted in days since 1970, not within the month: the distance stays the same.
        const std::int64_t number = (day.start_ns + local.offset_s * kSecond) / kDay;
        if (number % step->n == 0) add(day.start_ns, fmt::format("{:02}-{:02}", local.month, local.day));
        if (day.end_ns <= day.start_ns) break;
      }
      break;
    case TimeStep::Unit::months:
    case TimeStep::Unit::years:
      for (auto month = zone.month(from_ns); month.start_ns < to_ns; month = zone.month(month.end_ns)) {
        const auto local = zone.to_local(month.start_ns);
        if (step->unit == TimeStep::Unit::months && (local.month - 1) % step->n == 0)
          add(month.start_ns, fmt::format("{:04}-{:02}", local.year, local.month));
        if (step->unit == TimeStep::Unit::years && local.month == 1 && local.year % step->n == 0)
          add(month.start_ns, fmt::format("{:04}", local.year));
        if (month.end_ns <= month.start_ns) break;
      }
      break;
  }
  return ticks;
}

}  // namespace mesura::plot
