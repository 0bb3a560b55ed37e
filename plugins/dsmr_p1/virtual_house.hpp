// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A plausible house: base load, fridge, kettle, washing, the evening's cooking and light, and panels on the roof.
#pragma once

#include "virtual_profile.hpp"

namespace mesura::dsmr_p1::twin {

/// A function of the seed and the instant alone, in integers throughout: the same house on every machine.
class HouseLoad final : public LoadProfile {
 public:
  explicit HouseLoad(const ProfileSetup& setup);
  Load at(UtcSeconds t) const override;

 private:
  /// Local time as the house lives it.
  struct Moment {
    std::int64_t t;       // UTC seconds
    std::int64_t day;     // local day number
    std::int64_t second;  // of the local day
  };

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
  const MeterClock* clock_;
};

}  // namespace mesura::dsmr_p1::twin
