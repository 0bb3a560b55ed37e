// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a virtual SmartMeter can sample: rows, rates, chunk sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mesura::smartmeter::twin {

enum class Model { smartmeter, powermeter };
enum class Sink { tcp, udp, serial, mqtt, raw };

/// What one float of a row holds.
enum class Value { wave_v, wave_i, rms_v, rms_i, p, q };

struct Channel {
  Value value;
  std::size_t line;  ///< 0 to 2
};

/// A kind of row.
struct Measures {
  std::string_view request;  ///< as clients ask for it
  std::string_view reply;    ///< as the reply calls it
  std::string_view unit;
  bool latched;  ///< one set of values per row instead of samples: at most 50 Hz
  std::vector<Channel> channels;

  [[nodiscard]] std::size_t row_bytes() const { return channels.size() * sizeof(float); }
};

/// The rows that `request` (also in one of its longer spellings, empty for the default) names, or nullptr.
[[nodiscard]] const Measures* find_measures(Model model, std::string_view request);

/// Divisors of 32000 for waveforms of a SmartMeter, 1 to 8000 for a PowerMeter, up to 50 for latched rows. The firmware
/// refuses no negative latched rate; this does.
[[nodiscard]] bool rate_allowed(Model model, const Measures& measures, std::int64_t rate);

[[nodiscard]] constexpr std::int64_t default_rate(Model model) { return model == Model::smartmeter ? 8000 : 4000; }

/// Payload bytes of a full frame: a tenth of a second's rows, rounded up to a power of two of at most 1024 bytes (512
/// over UDP, always 128 on a serial line), rounded down to whole rows.
[[nodiscard]] std::size_t chunk_bytes(Sink sink, std::int64_t rate, std::size_t row_bytes);

}  // namespace mesura::smartmeter::twin
