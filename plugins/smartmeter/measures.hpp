// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be measured, how its rows lie, and at which rates: tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mesura::smartmeter {

enum class Model : std::uint8_t { smartmeter, powermeter };

/// What the values of a row are.
enum class RowKind : std::uint8_t {
  wave,   ///< momentary voltage and current of each line, v and i alternating
  power,  ///< P of each line, then Q of each line
  rms,    ///< RMS voltage of each line, then RMS current of each line
  mixed,  ///< one line: momentary voltage and current, P, Q
};

/// How the rows of a measure lie. Every value is a little-endian float32; V, mA, W and var.
struct Measure {
  Model model;
  RowKind kind;
  std::string_view request;  ///< what `sample` is asked for
  std::string_view option;   ///< what users write
  std::string_view reply;    ///< what the device calls it in its answer
  std::uint8_t lines;
  std::uint8_t first_line;  ///< 1 to 3
  std::uint8_t channels;
  std::array<std::string_view, 6> names;
  std::array<std::string_view, 6> units;

  [[nodiscard]] std::size_t row_bytes() const { return std::size_t{4} * channels; }
  [[nodiscard]] bool is_wave() const { return kind == RowKind::wave || kind == RowKind::mixed; }
};

/// Null if the model has no such measure.
[[nodiscard]] const Measure* find_measure(Model model, std::string_view option);
/// By the words of a `sample` reply; null if its rows can't be told. The number of floats decides, never the request.
[[nodiscard]] const Measure* measure_of_reply(std::string_view measures, std::string_view unit, std::size_t channels);

constexpr std::int64_t kMaxLatchedRate = 50;
constexpr std::int64_t kMaxPowerMeterRate = 8000;

/// The rates at which a SmartMeter gives waveforms, ascending: the divisors of 32000.
[[nodiscard]] std::span<const std::int64_t> wave_rates();
/// Empty if the rate is one for the measure, else what is expected instead.
[[nodiscard]] std::string refuse_rate(const Measure& measure, std::int64_t rate);
[[nodiscard]] std::int64_t default_rate(const Measure& measure);

enum class Sink : std::uint8_t { tcp, udp, serial, mqtt };

/// Payload bytes of a full frame, as the device computes them.
/// source  protocol sheet, chunk size
[[nodiscard]] std::size_t chunk_bytes(Sink sink, std::int64_t rate, std::size_t row_bytes);

}  // namespace mesura::smartmeter
