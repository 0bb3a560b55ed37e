// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A plausible house: base load, fridge, kettle, washing, the evening's cooking and light, panels on the roof, and a
// battery behind them.
#pragma once

#include "virtual_house/battery.hpp"
#include "virtual_house/clock.hpp"
#include "virtual_house/house.hpp"

namespace mesura::virtual_house {

class HouseProfile final : public Profile {
 public:
  explicit HouseProfile(const Setup& setup);
  [[nodiscard]] Instant at(UtcSeconds t) const override;

 private:
  /// Local time as the house lives it.
  struct Moment {
    std::int64_t t;       // UTC seconds
    std::int64_t day;     // local day number
    std::int64_t second;  // of the local day
  };

  [[nodiscard]] Instant without_battery(UtcSeconds t) const;
  [[nodiscard]] std::int64_t base_watts(const Moment& m) const;
  [[nodiscard]] std::int64_t fridge_watts(const Moment& m) const;
  [[nodiscard]] std::int64_t kettle_watts(const Moment& m) const;
  [[nodiscard]] std::int64_t washing_watts(const Moment& m) const;
  [[nodiscard]] std::int64_t cooking_watts(const Moment& m) const;
  [[nodiscard]] std::int64_t light_watts(const Moment& m) const;
  [[nodiscard]] std::int64_t pv_watts(const Moment& m) const;

  int phases_;
  std::uint64_t seed_;
  std::int64_t pv_watts_;
  LocalClock clock_;
  Battery battery_;
};

}  // namespace mesura::virtual_house
