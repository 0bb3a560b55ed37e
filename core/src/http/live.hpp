// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace mesura::http {

/// What is being measured, in memory, for those who read over the network.
///
/// take() is the collector's: readers hold the lock only to copy pointers and numbers, so collection never waits for
/// one. Everything is thread-safe.
class Live {
 public:
  /// `series` must outlive it. The ring of events holds at most so many values (the newest batch always).
  explicit Live(const SeriesTable& series, std::size_t ring_values = 200'000);

  /// Keeps the batches of a device for so long (by their time), for recent().
  void keep(const std::string& device, std::chrono::nanoseconds how_long);
  /// Keeps the blocks of waveform of every device for so long, for recent_waveforms(): megabytes a second.
  void keep_waveforms(std::chrono::nanoseconds how_long);
  void take(const BatchPtr& batch);

  struct Event {
    std::uint64_t id = 0;  ///< grows by one with each batch of this process, from 1
    BatchPtr batch;
  };
  /// Events after `id`, oldest first, at most `max`; those that have left the ring are missing.
  [[nodiscard]] std::vector<Event> since(std::uint64_t id, std::size_t max) const;
  [[nodiscard]] std::uint64_t newest_id() const;

  struct Value {
    std::uint32_t series = 0;
    Measurement measurement{};
    std::int64_t received_ns = 0;
    std::string text;
  };
  /// The newest value of each series that has one, by id.
  [[nodiscard]] std::vector<Value> latest() const;
  /// Batches of a device given to keep(), with a time of at least `from_ns`, by time.
  [[nodiscard]] std::vector<BatchPtr> recent(const std::string& device, std::int64_t from_ns) const;
  /// Blocks of waveform of a device as keep_waveforms() says, the same way.
  [[nodiscard]] std::vector<BatchPtr> recent_waveforms(const std::string& device, std::int64_t from_ns) const;

  [[nodiscard]] const SeriesTable& series() const { return series_; }

 private:
  struct Kept {
    std::int64_t how_long_ns = 0;
    std::deque<BatchPtr> batches;
  };

  const SeriesTable& series_;
  std::size_t ring_values_;
  mutable std::mutex mutex_;
  std::deque<Event> ring_;
  std::size_t values_ = 0;  ///< in the ring
  std::uint64_t newest_ = 0;
  std::vector<Value> latest_;  ///< by series; series of those without a value: UINT32_MAX
  std::map<std::string, Kept, std::less<>> kept_;
  std::int64_t keep_waveforms_ns_ = 0;
  std::map<std::string, std::deque<BatchPtr>, std::less<>> waveforms_;  ///< by device
};

}  // namespace mesura::http
