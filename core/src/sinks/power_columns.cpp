// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/power_columns.hpp"

namespace mesura::sinks {

void PowerColumns::note(std::uint32_t member, std::uint32_t column, const SeriesInfo& info) {
  if (info.channel != "total" || info.unit != "W") return;
  const bool net = info.quantity == "active_power" && info.role == "grid";
  if (!net && info.quantity != "active_power_import" && info.quantity != "active_power_export") return;
  rollup::Backend::Demand& power = by_member_[member];
  power.member = member;
  (net ? power.net : info.quantity == "active_power_import" ? power.imported : power.exported) = column;
  demands_.clear();
  // Where both are told apart nothing has to be guessed from the sign.
  for (auto [who, demand] : by_member_) {
    if (demand.imported || demand.exported) demand.net.reset();
    demands_.push_back(demand);
  }
}

}  // namespace mesura::sinks
