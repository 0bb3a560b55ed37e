// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What `waveform record` takes of one device: where it begins and ends, what is missing, the summary.
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

/// How much of a device's run is wanted. Rows count from the first one that is recorded, lost ones included.
struct TakeLimit {
  std::uint64_t rows = 0;                ///< 0: see duration
  std::int64_t duration_ns = 0;          ///< of rows by their own time; 0: no limit
  std::optional<std::int64_t> start_ns;  ///< row 0 must be of this instant
  [[nodiscard]] bool any() const { return rows != 0 || duration_ns != 0; }
};

class Take {
 public:
  /// `sees_begin`: rows that are missing before the first block were lost, not unasked for.
  Take(TakeLimit limit, bool sees_begin) : limit_(limit), sees_begin_(sees_begin) {}

  /// The part of a block that belongs to it, under `name`; null: none. After the last one done() or failure() is set.
  BatchPtr take(const BatchPtr& block, const std::string& name);
  [[nodiscard]] bool begun() const { return stream_ != nullptr; }
  [[nodiscard]] bool done() const { return done_; }
  /// A second run, or one that began at another time: "rec-run: ..."; empty: none.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  [[nodiscard]] const WaveformStream& stream() const { return *stream_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }  ///< recorded
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t gaps() const { return gaps_; }
  [[nodiscard]] std::uint64_t wanted() const { return wanted_; }  ///< 0: no limit
  [[nodiscard]] std::int64_t start_ns() const { return stream_->time_ns(first_); }
  [[nodiscard]] std::int64_t stop_ns() const { return stream_->time_ns(next_); }
  [[nodiscard]] double rate_hz() const { return 1e9 / stream_->period_ns; }
  /// Rows a second of this computer's clock, lost ones counted; nothing for less than a second of blocks.
  [[nodiscard]] std::optional<double> average_hz() const;

 private:
  bool begin(const Waveform& block, const std::string& name);
  void lose(std::uint64_t rows);

  TakeLimit limit_;
  bool sees_begin_;
  std::uint64_t id_ = 0;                          ///< of the run as the device's session has it
  std::shared_ptr<const WaveformStream> stream_;  ///< as it is recorded
  std::uint64_t first_ = 0, next_ = 0;
  std::uint64_t wanted_ = 0;
  std::uint64_t rows_ = 0, lost_ = 0, gaps_ = 0;
  std::uint64_t first_block_end_ = 0;
  std::int64_t first_received_ns_ = 0, last_received_ns_ = 0;
  bool done_ = false;
  std::string failure_;
};

/// One device in the summary.
struct TakeSummary {
  std::string device;
  const Take* take = nullptr;
  std::string status;  ///< "done", "interrupted", "failed"
  std::string reason;  ///< of a failure: "rec-lost: ..."
  std::vector<std::filesystem::path> files;
};
/// As a table with a line of totals, times in UTC.
[[nodiscard]] std::string summary_table(const std::vector<TakeSummary>& takes);
/// As JSON lines, the last one of totals.
[[nodiscard]] std::string summary_json(const std::vector<TakeSummary>& takes);

}  // namespace mesura::app
