// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::pipeline {

/// How a route makes one value of the many in a window.
enum class Aggregate : std::uint8_t { last, mean, min, max, sum };

/// Thins the measurements of one route to one per series and window (`every`, `aggregate`).
///
/// Windows lie on the grid of UTC and take (start, end]. The aggregate carries the window's end as its time, as meters
/// stamp their own intervals; `last` keeps the time of the measurement itself. Registers, states and texts always take
/// the last value: a mean of register readings means nothing. A measurement that is older than its series' open window
/// is passed on as it is, at its own time, rather than lost. Qualities add up.
class Sampler {
 public:
  Sampler(const SeriesTable& series, std::chrono::nanoseconds every, Aggregate aggregate);

  /// Takes items[i] of `batch` for each index in `indexes`; what closes by that is appended to `out`, at most one
  /// batch.
  void add(const Batch& batch, const std::vector<std::uint32_t>& indexes, std::int64_t steady_ns,
           std::vector<BatchPtr>& out);
  /// Closes every window that nothing has come for since two windows: series that went quiet. Told by our steady clock,
  /// as the source's may be off by any amount.
  void close_idle(std::int64_t steady_ns, std::vector<BatchPtr>& out);
  /// Closes all windows: the program stops, nothing may be lost. An aggregate of half a window is marked estimated and
  /// stands at its last measurement's time, so that what comes after a restart does not replace it.
  void close_all(std::vector<BatchPtr>& out);

 private:
  struct Window {
    std::int64_t end_ns;
    std::string device;
    double sum;
    double min;
    double max;
    std::uint64_t count;
    Measurement last;
    std::string last_text;
    std::uint8_t quality;
    std::int64_t added_ns;  ///< steady time of the last measurement's arrival
  };

  void close(std::uint32_t series, const Window& window, bool whole, Batch& into) const;
  [[nodiscard]] std::int64_t window_end(std::int64_t time_ns) const;
  template <class Predicate>
  void close_if(Predicate&& predicate, bool whole, std::vector<BatchPtr>& out);

  const SeriesTable& series_;
  std::int64_t every_ns_;
  Aggregate aggregate_;
  std::unordered_map<std::uint32_t, Window> windows_;
};

}  // namespace mesura::pipeline
