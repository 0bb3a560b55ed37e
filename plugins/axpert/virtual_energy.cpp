// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_energy.hpp"

namespace mesura::axpert::twin {

void EnergyLog::add(std::int64_t day, std::int64_t pv_w, std::int64_t load_w, std::int64_t seconds) {
  Day& d = days_[day];
  d.pv_ws += pv_w * seconds;
  d.load_ws += load_w * seconds;
}

void EnergyLog::add_wh(std::int64_t day, std::int64_t pv_wh, std::int64_t load_wh) { add(day, pv_wh, load_wh, 3600); }

std::int64_t EnergyLog::wh(Of what, std::int64_t from, std::int64_t to) const {
  std::int64_t ws = 0;
  for (auto d = days_.lower_bound(from); d != days_.end() && d->first < to; ++d)
    ws += what == Of::pv ? d->second.pv_ws : d->second.load_ws;
  return ws / 3600;
}

}  // namespace mesura::axpert::twin
