// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What waits for the machine's clock survives a kill: it is kept in a spool of its own.
#pragma once

#include <mesura/measurement.hpp>

#include "runtime/log.hpp"
#include "spool/spool.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace mesura::pipeline {

/// Writes on a thread of its own, at most a second after keep(). Troubles of the file are logged once: measurements are
/// then held in memory only.
class HoldKeeper {
 public:
  struct Options {
    std::filesystem::path path;
    std::string boot = boot_id();
    std::chrono::nanoseconds write_interval = std::chrono::seconds{1};
    /// Until what was released is safe with the sinks or their spools.
    std::chrono::nanoseconds settle = std::chrono::seconds{70};
  };
  /// A batch that an earlier process held, and what its wall clock said beyond the monotonic one then.
  struct Found {
    std::int64_t id;
    std::shared_ptr<Batch> batch;
    std::int64_t offset_ns;
    bool same_boot = false;  ///< the monotonic clock still counts from where it did
  };

  /// `series` must outlive it.
  HoldKeeper(Options options, SeriesTable& series, runtime::Logger log);
  /// Writes what is not written yet.
  ~HoldKeeper();
  HoldKeeper(const HoldKeeper&) = delete;
  HoldKeeper& operator=(const HoldKeeper&) = delete;

  /// What was held when an earlier process was killed, in order; once. A file without any is not made.
  struct Left {
    std::vector<Found> found;
    bool same_boot = false;                      ///< the last who held was of this boot
    std::optional<std::int64_t> wall_offset_ns;  ///< the synchronised one by which some were released already
  };
  [[nodiscard]] Left left_behind();

  /// Keeps a copy; returns its number.
  std::int64_t keep(const Batch& batch, std::int64_t offset_ns);
  /// All up to `id` have gone on. `wall_offset_ns`: of the synchronised clock that moved them, so that a repeat after a
  /// kill gives the same times.
  void released(std::int64_t id, std::optional<std::int64_t> wall_offset_ns);

  [[nodiscard]] static std::string boot_id();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  void run();
  bool work(const std::vector<spool::Entry>& fresh, bool forget_offset, std::optional<std::int64_t> wall_offset,
            std::int64_t erase_to);
  spool::Spool& file();

  const Options options_;
  SeriesTable& series_;
  const runtime::Logger log_;
  std::unique_ptr<spool::Spool> file_;  ///< the thread's, after left_behind()
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<spool::Entry> fresh_;
  std::optional<std::int64_t> wall_offset_;  ///< to be written
  bool forget_offset_ = false;
  std::int64_t next_id_ = 1;
  std::int64_t released_ = 0;
  SteadyTime released_at_{};
  bool stop_ = false;
  bool failing_ = false;
  std::thread thread_;
};

}  // namespace mesura::pipeline
