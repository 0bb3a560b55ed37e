// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The energy counters: what the panels gave and the loads took, by day of the inverter's clock.
#pragma once

#include <cstdint>
#include <map>

namespace mesura::axpert::twin {

class EnergyLog {
 public:
  enum class Of { pv, load };

  /// `seconds` at so many watts on `day` (since 1970-01-01).
  void add(std::int64_t day, std::int64_t pv_w, std::int64_t load_w, std::int64_t seconds);
  void add_wh(std::int64_t day, std::int64_t pv_wh, std::int64_t load_wh);
  /// RTEY.
  void erase() { days_.clear(); }

  /// Wh, days `from` to before `to`.
  [[nodiscard]] std::int64_t wh(Of what, std::int64_t from, std::int64_t to) const;
  [[nodiscard]] std::int64_t total_wh(Of what) const { return wh(what, INT64_MIN, INT64_MAX); }

 private:
  struct Day {
    std::int64_t pv_ws = 0;
    std::int64_t load_ws = 0;
  };
  std::map<std::int64_t, Day> days_;
};

}  // namespace mesura::axpert::twin
