// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/grid_power.hpp"

#include <algorithm>
#include <cmath>

namespace mesura::http::compat::p1_monitor {
namespace {

std::optional<GridPower::Part> part_of(const SeriesInfo& info, std::string_view device) {
  if (info.device != device || info.channel != "total" || info.unit != "W") return std::nullopt;
  if (info.quantity == "active_power_import") return GridPower::Part::imported;
  if (info.quantity == "active_power_export") return GridPower::Part::exported;
  if (info.quantity == "active_power" && info.role == "grid") return GridPower::Part::net;
  return std::nullopt;
}

}  // namespace

GridPower::GridPower(const SeriesTable& table, std::string_view device) : parts_(table.size()) {
  for (std::uint32_t i = 0; i < parts_.size(); ++i) parts_[i] = part_of(table.at(i), device);
  // Where both are told apart nothing has to be guessed from the sign.
  const bool apart = std::any_of(parts_.begin(), parts_.end(), [](const auto& p) { return p && *p != Part::net; });
  if (apart) std::replace(parts_.begin(), parts_.end(), std::optional{Part::net}, std::optional<Part>{});
}

StoredPower::StoredPower(const std::vector<store::StoredSeries>& stored, std::string_view device) {
  for (const bool net : {false, true}) {
    for (const store::StoredSeries& s : stored) {
      const auto part = part_of(s.info, device);
      if (!part || s.stored_as_state || (*part == GridPower::Part::net) != net) continue;
      series_.push_back(s.info.id);
      parts_.push_back(*part);
    }
    if (!series_.empty()) return;
  }
}

std::pair<double, double> StoredPower::of(std::span<const double> values) const {
  std::pair<double, double> power{NAN, NAN};
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (std::isnan(values[i])) continue;
    if (parts_[i] == GridPower::Part::exported)
      power.second = values[i];
    else
      power.first = values[i];
    if (parts_[i] == GridPower::Part::net) power.second = -values[i];
  }
  return power;
}

}  // namespace mesura::http::compat::p1_monitor
