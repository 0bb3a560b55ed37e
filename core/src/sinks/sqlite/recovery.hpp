// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A damaged file is moved aside, a new one goes on at once, and what can be read of the old one is copied over.
#pragma once

#include <mesura/measurement.hpp>

#include "database/sqlite_salvage.hpp"
#include "sinks/rollup/rollup.hpp"
#include "sinks/sqlite/layout.hpp"
#include "sinks/sqlite/rollup_store.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::sqlite {

/// True when the file has texts that only our files have, or is followed by a WAL: a damaged file of ours, and not
/// somebody's letter.
[[nodiscard]] bool looks_like_ours(const std::filesystem::path& file);

/// Copies what is left of a damaged file into a good one. Rows that are there already keep their values and get those
/// that they lack: copying twice, or again after a crash, changes nothing.
class Recovery {
 public:
  /// Where the rows go. All must outlive the recovery.
  struct Target {
    const Database& db;
    Layout& layout;
    RollupStore& store;
    rollup::Rollup* rollup;     ///< or null
    const SeriesTable& series;  ///< the program's: names columns whose description is lost
  };
  Recovery(std::filesystem::path damaged, Target target);

  /// Copies some rows, in a transaction of the caller's on the target; false when there are no more.
  bool portion();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  /// Stretches that could not be read, or tables.
  [[nodiscard]] std::uint64_t holes() const { return holes_; }

 private:
  struct Job {
    database::Salvage salvage;
    std::function<void(const Statement&)> copy;
    std::function<void()> finish;
  };
  /// A numeric table of the damaged file and where it goes.
  struct Wide {
    std::string name;
    bool fleet = false;
    std::uint32_t table = 0;                                     ///< in the target
    std::vector<std::pair<std::string, std::uint32_t>> columns;  ///< to the target's
    std::map<std::int64_t, std::uint32_t> members;
    std::int64_t newest = INT64_MIN;
    std::int64_t oldest = INT64_MAX;
  };

  void plan();
  void read_devices();
  void read_series();
  void plan_wide(const std::string& table);
  void plan_rollups(Wide& wide);
  void plan_states();
  void plan_quality();
  void plan_quarters();
  void add(database::SalvageSource source, std::function<void(const Statement&)> copy,
           std::function<void()> finish = {});
  [[nodiscard]] std::vector<std::string> columns_of(const std::string& table) const;
  void read_all(database::SalvageSource source, const std::function<void(const Statement&)>& visit);
  void copy_row(Wide& wide, Statement& put, const Statement& row);
  void copy_rollup(const Wide& wide, rollup::Level level,
                   const std::vector<std::pair<std::string, std::uint32_t>>& names,
                   const std::vector<std::size_t>& places, const Statement& row);

  std::filesystem::path path_;
  Target target_;
  std::unique_ptr<Database> damaged_;
  bool planned_ = false;
  std::vector<std::string> tables_;
  std::map<std::int64_t, std::pair<std::string, std::string>> devices_;  ///< id -> name, fleet
  struct Old {
    SeriesInfo info;
    std::string table;
    std::string column;
    std::uint8_t usual = 0;
    std::optional<Slot> slot;
  };
  std::map<std::int64_t, Old> series_;
  std::vector<std::unique_ptr<Wide>> wides_;
  std::deque<Job> jobs_;
  std::uint64_t rows_ = 0;
  std::uint64_t holes_ = 0;
};

}  // namespace mesura::sinks::sqlite
