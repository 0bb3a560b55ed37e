// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "calibration.hpp"
#include "derive.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::smartmeter {

enum class Place : std::uint8_t { total, l1, l2, l3, relay };
enum class Quantity : std::uint8_t {
  voltage,
  current,
  current_sum,
  active_power,
  reactive_power,
  apparent_power,
  power_factor,
  frequency,
  phase_angle,
  energy_import,
  energy_export,
  summed_import,  ///< energy of the rows, from 0 with each session: the host carries it on
  summed_export,
  operating_mode,
  signal_strength,
  sampling_rate,
  relay_state,
  clock_drift,
};
constexpr std::size_t kPlaces = 5, kQuantities = 18;

[[nodiscard]] std::string_view name_of(Place place);
[[nodiscard]] std::string_view name_of(Quantity quantity);
[[nodiscard]] constexpr Place line_place(std::size_t line) { return static_cast<Place>(line); }  ///< line: 1 to 3

/// One device's measurements: its series, resolved when they first appear, and its energy registers, which live as long
/// as the session, whatever connections come and go.
class Emitter {
 public:
  Emitter(Host host, DeviceId device, const Calibration& calibration);
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  /// Of the numbers that are read for this; applied by whoever reads them.
  [[nodiscard]] const Calibration& calibration() const { return calibration_; }
  /// Waveform against chip.
  [[nodiscard]] PowerCheck& power_check() { return power_check_; }
  [[nodiscard]] DeviceId device() const { return device_; }

  /// Into the batch that the next emit sends. What is no finite number is left out.
  void add(Place place, Quantity quantity, double value, std::uint8_t quality = MESURA_GOOD,
           std::int64_t time_ns = MESURA_NO_TIME);
  void emit(std::int64_t time_ns, std::int64_t received_ns);
  /// At once, and only if it is not what was told last.
  void mode(std::string_view mode, std::int64_t received_ns);

  /// The values of a second of a run that began at `start_ns`.
  void second(const Second& second, const Measure& measure, std::int64_t rate, std::int64_t start_ns,
              std::int64_t received_ns);
  /// Latched rows, each at its own time.
  void rows(Bytes payload, const Measure& measure, std::int64_t rate, std::int64_t start_ns, std::uint64_t first_row,
            std::int64_t received_ns);

 private:
  SeriesId series(Place place, Quantity quantity);
  void add_second(const LineSecond& line, Place place, std::uint8_t quality);
  void add_energy(double wh, std::size_t slot);
  void tell_energy(Place place, std::size_t slot);

  struct Energy {
    double import_wh = 0, export_wh = 0;
  };

  void check_power(const LineSecond& line, std::size_t number, const Measure& measure, std::int64_t now_ns);

  Host host_;
  DeviceId device_;
  const Calibration& calibration_;
  PowerCheck power_check_;
  struct Resolved {
    SeriesId id = MESURA_NO_SERIES;
    bool done = false;
  };
  std::array<std::array<Resolved, kQuantities>, kPlaces> series_{};
  std::vector<mesura_measurement> batch_;
  std::array<Energy, 4> energy_{};  ///< total, l1 to l3
  std::string mode_;
};

/// Time of a row of a run.
[[nodiscard]] std::int64_t row_time(std::int64_t start_ns, std::uint64_t row, std::int64_t rate);

}  // namespace mesura::smartmeter
