// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/register_growth.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::energy {
namespace {

/// Registers have at least so many digits before they roll over.
constexpr double kNarrowest = 1e4;
constexpr double kWidest = 1e15;
constexpr double kNear = 1e-3;

/// Where a register that stands there rolls over, if that is near.
std::optional<double> width_above(double value) {
  for (double width = kNarrowest; width <= kWidest; width *= 10) {
    if (value > width) continue;
    return value >= width * (1 - kNear) ? std::optional{width} : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

RegisterRules RegisterRules::of(std::string_view unit) {
  if (unit == "Wh" || unit == "varh" || unit == "VAh") return {1e5, 1e6};
  if (unit == "m3") return {100, 1000};
  if (unit == "GJ") return {10, 100};
  return {};
}

Step step(const Reading& a, const Reading& b, const RegisterRules& rules) {
  const double growth = b.value - a.value;
  if (!std::isfinite(growth)) return {};
  const double hours = static_cast<double>(std::max<std::int64_t>(0, b.time_ns - a.time_ns)) / 3.6e12;
  const double most = rules.per_hour > 0 ? rules.at_once + rules.per_hour * hours : INFINITY;
  if (growth >= 0) return growth <= most ? Step{growth, false} : Step{0, true};
  if (const auto width = width_above(a.value)) {
    const double through = *width - a.value + b.value;
    if (b.value >= 0 && b.value <= *width * kNear && through <= most) return {through, true};
  }
  return {0, true};
}

GrowthWalk::GrowthWalk(std::span<const TimeRange> windows, RegisterRules rules, BorderRules borders)
    : windows_(windows), rules_(rules), border_rules_(borders), epochs_(windows.size(), 0) {
  borders_.reserve(windows.size() + 1);
  if (!windows.empty()) borders_.push_back({windows.front().from_ns, {}});
  for (const TimeRange& window : windows) borders_.push_back({window.to_ns, {}});
}

void GrowthWalk::reading(const Reading& reading) {
  if (!std::isfinite(reading.value)) return;
  if (!last_) {
    for (; next_ < borders_.size() && borders_[next_].time_ns <= reading.time_ns; ++next_)
      if (reading.time_ns - borders_[next_].time_ns <= border_rules_.late_ns) borders_[next_].at = 0;
    last_ = reading;
    return;
  }
  if (reading.time_ns <= last_->time_ns) return;
  const Step made = step(*last_, reading, rules_);
  const std::int64_t span = reading.time_ns - last_->time_ns;
  for (; next_ < borders_.size() && borders_[next_].time_ns <= reading.time_ns; ++next_) {
    Border& border = borders_[next_];
    if (reading.time_ns - border.time_ns <= border_rules_.late_ns) {
      border.at = grown_ + made.growth;
      continue;
    }
    const double part = static_cast<double>(border.time_ns - last_->time_ns) / static_cast<double>(span);
    border.at = grown_ + made.growth * part;
    border.interpolated = true;
    border.estimated = made.epoch || span > border_rules_.gap_ns;
  }
  if (made.epoch) {
    // A reading that a border has taken belongs to the window before it.
    std::size_t after = next_;
    while (after > 0 && reading.time_ns - borders_[after - 1].time_ns <= border_rules_.late_ns) --after;
    if (after > 0 && after <= epochs_.size()) ++epochs_[after - 1];
  }
  grown_ += made.growth;
  last_ = reading;
}

std::vector<store::Growth> GrowthWalk::finish() const {
  std::vector<store::Growth> out;
  out.reserve(windows_.size());
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Border& from = borders_[i];
    const Border& to = borders_[i + 1];
    // Borders without a value lie before the first reading, or (from next_ on) after the last one.
    const double begin = from.at.value_or(i < next_ ? 0 : grown_);
    const double end = to.at.value_or(i + 1 < next_ ? 0 : grown_);
    store::Growth growth;
    growth.window = windows_[i];
    growth.amount = std::max(0.0, end - begin);
    growth.epochs = epochs_[i];
    growth.estimated = from.estimated || to.estimated;
    out.push_back(growth);
  }
  return out;
}

}  // namespace mesura::energy
