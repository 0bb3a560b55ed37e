// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One run of sampling on a virtual SmartMeter: what was asked for, how many rows there are by now, frames made of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "virtual_faults.hpp"
#include "virtual_measures.hpp"
#include "virtual_signal.hpp"

namespace mesura::smartmeter::twin {

/// What `sample` asked for, checked.
struct SampleRequest {
  Sink sink = Sink::tcp;
  std::string type = "TCP";  ///< as sent
  std::int64_t rate = 0;
  const Measures* measures = nullptr;
  bool prefix = true;
  bool flow_control = false;
  std::int64_t port = 0;
  std::optional<std::pair<std::int64_t, std::int64_t>> slot;  ///< slot, slots; a malformed array has 0 slots
  std::optional<std::int64_t> time;                           ///< scheduled start, unix s
};

/// Paces rows by the clock alone: row n exists from start + (n + 1) / rate on, whoever is late.
class Run {
 public:
  /// `start_ns`: host time of row 0; `compression` rows' time passes in one of the host's.
  Run(SampleRequest request, RowWriter writer, std::int64_t start_ns, std::int64_t compression);

  [[nodiscard]] std::uint64_t rows_at(std::int64_t now_ns) const;
  /// When row `rows` - 1 exists, so that there are `rows` of them.
  [[nodiscard]] std::int64_t due_ns(std::uint64_t rows) const;

  [[nodiscard]] std::uint64_t buffered() const { return produced - taken; }
  [[nodiscard]] std::size_t chunk_rows() const { return chunk_rows_; }
  [[nodiscard]] std::size_t chunk() const { return chunk_rows_ * row_bytes_; }
  [[nodiscard]] std::size_t row_bytes() const { return row_bytes_; }

  /// Takes the next `rows` (at most 2000, at most those buffered) and appends them to `out`, framed if asked for. A
  /// frame that is to be dropped is counted, not appended.
  void take(std::vector<std::uint8_t>& out, std::size_t rows, const Faults& faults);

  SampleRequest request;
  RowWriter writer;
  std::int64_t start_ns;
  std::uint64_t produced = 0;   ///< rows sampled
  std::uint64_t taken = 0;      ///< rows that left the buffer
  std::uint64_t frames = 0;     ///< number of the next one
  std::uint64_t next_line = 0;  ///< rows at which the next rate line is due
  bool paused = false;
  bool in_slot = false;
  std::uint64_t slot_rows = 0;  ///< sent in this slot
  std::string owner;            ///< peer
  std::uint32_t owner_link = 0;
  std::string destination;         ///< UDP
  std::vector<std::uint8_t> held;  ///< UDP: a datagram that comes late
  std::uint64_t sent_bytes = 0;

 private:
  std::int64_t compression_;
  std::size_t row_bytes_;
  std::size_t chunk_rows_;
};

}  // namespace mesura::smartmeter::twin
