// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is true at the clamps of the virtual CT6, before its chips and their calibration look at it.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_house/house.hpp"

namespace mesura::ct6::twin {

/// At one clamp; direction as the CT6 reports it: plus = exported, generated, discharged.
struct Clamp {
  double active_w = 0;
  double reactive_var = 0;
};

struct LoadSetup {
  std::string profile = "house";  ///< "count", or what virtual_house knows
  int ports = 6;
  int phases = 1;
  std::uint64_t seed = 1;
  std::int64_t start = 0;  ///< UTC seconds
  std::int64_t pv_watts = 0;
  std::int64_t battery_wh = 0;
  std::string zone;
};

/// One phase:    ct1 grid, ct2 solar, ct3 battery, ct5 house
/// Three phases: ct1 to ct3 grid, ct4 solar and battery together
/// Whatever is set by hand stands over the profile.
///
/// errors  the constructor throws std::invalid_argument for a profile that nobody knows
class Loads {
 public:
  explicit Loads(const LoadSetup& setup);

  /// The profile that answers count in, without a house.
  [[nodiscard]] bool counts() const { return house_ == nullptr; }
  [[nodiscard]] static std::string_view default_name(int port, int phases);

  /// Makes the moment `time_ns` the present one; cheap within a second.
  void look(std::int64_t time_ns);
  [[nodiscard]] const Clamp& clamp(int port) const { return clamps_[static_cast<std::size_t>(port - 1)]; }
  /// At the transformer of chip 0 (CS4: ct1 to ct3) or 1 (CS0).
  [[nodiscard]] double voltage(int chip) const;
  [[nodiscard]] double frequency() const { return forced_hz_ > 0 ? forced_hz_ : frequency_hz_; }

  /// A fixed power at a clamp; NaN: the profile's again.
  void force_power(int port, double watts);
  /// Resistive, consuming; NaN: the profile's again.
  void force_current(int port, double amperes);
  /// 0: the profile's again.
  void force_voltage(double volts) { forced_v_ = volts; }
  void force_frequency(double hertz) { forced_hz_ = hertz; }
  /// The chips can't see a current that nothing drives.
  [[nodiscard]] double current(int port) const;

 private:
  static constexpr double kFree = std::numeric_limits<double>::quiet_NaN();

  void spread(const virtual_house::Instant& now);

  int phases_;
  std::unique_ptr<virtual_house::Profile> house_;
  std::int64_t second_ = std::numeric_limits<std::int64_t>::min();
  std::vector<Clamp> clamps_;
  std::vector<double> forced_w_, forced_a_;
  double voltage_v_ = 230;
  double frequency_hz_ = 50;
  double forced_v_ = 0;
  double forced_hz_ = 0;
};

}  // namespace mesura::ct6::twin
