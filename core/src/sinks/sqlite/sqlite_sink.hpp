// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "database/sqlite.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mesura::sinks::sqlite {

struct Options {
  std::filesystem::path path;
  /// false: PRAGMA synchronous=NORMAL; a power cut then loses the last commits, never the file.
  bool full_sync = true;
  /// Raw rows older than this go; nullopt: never.
  std::optional<std::chrono::nanoseconds> keep_raw;
  std::string site_zone;  ///< of days, quarter hours and the `_local` views
  bool rollups = true;
  using Age = std::optional<std::chrono::nanoseconds>;
  Age keep_minutes = {};  ///< the same for the rows of rollups, by their start
  Age keep_quarter_hours = {};
  Age keep_hours = {};
  Age keep_days = {};
  Age keep_quarters = {};  ///< the five-second detail
};

/// Measurements in one SQLite file: a wide table per device or fleet, readable while it is written. The folder's README
/// has the layout.
class SqliteSink final : public Sink {
 public:
  /// `series` must outlive the sink. Nothing is opened yet.
  SqliteSink(Options options, const SeriesTable& series, runtime::Logger log);
  ~SqliteSink() override;

  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  void maintain(std::int64_t now_ns) override;
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  class Connection;

  Options options_;
  const SeriesTable& series_;
  runtime::Logger log_;
  void open_or_replace();
  void note_damage(const database::Error& e);

  std::unique_ptr<Connection> connection_;
  std::vector<std::filesystem::path> asides_;  ///< damaged files of this run that are not copied yet
  std::optional<std::string> damage_;  ///< SQLite's words while writing: the file is replaced at the next open()
};

}  // namespace mesura::sinks::sqlite
