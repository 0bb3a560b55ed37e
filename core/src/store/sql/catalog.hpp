// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/store.hpp>

#include "model/zones.hpp"
#include "sinks/names.hpp"
#include "sinks/rollup/levels.hpp"
#include "store/sql/session.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::store::sql {

using sinks::rollup::Level;
inline constexpr std::size_t kLevels = sinks::rollup::kLevels.size();

/// Where values of a series stand. A device that has joined a fleet has two places.
struct Place {
  std::uint32_t table = 0;
  std::int64_t member = 0;  ///< devices.id in the table of a fleet
  std::string column;
};

/// A row of table `series`.
struct SeriesRow {
  std::int64_t id = 0;
  std::uint8_t usual = 0;  ///< quality of values that table `quality` does not name
  bool state = false;      ///< stands in table `states`
};

struct Entry {
  std::vector<Place> places;
  std::vector<SeriesRow> rows;
};

/// How a column is called in rollups.
struct RollupColumn {
  std::string name;
  bool reg = false;
  std::size_t part = 0;
};

struct LevelTable {
  std::string name;  ///< empty: there is none
  std::set<std::string> columns;
};

/// A wide table of a device or fleet. What is below `ready` is read when it is first needed.
struct Table {
  std::string name;
  bool fleet = false;
  std::set<std::int64_t> members;  ///< of a fleet: those that have series
  bool ready = false;
  std::set<std::string> columns;
  std::map<std::string, RollupColumn> rollup_columns;   ///< by column
  std::array<std::vector<LevelTable>, kLevels> levels;  ///< by part
};

/// What is behind or gone of a table's rollups, now.
struct Standing {
  struct Stretch {
    std::int64_t start_us;
    std::int64_t end_us;
    bool days;  ///< only the days
  };
  std::vector<Stretch> pending;                        ///< by start
  std::array<std::int64_t, kLevels + 1> expired_us{};  ///< by level, the last one raw; INT64_MIN: nothing is gone
};

/// Series, tables and columns of a database, as last read.
class Catalog {
 public:
  explicit Catalog(std::string site_zone) : configured_zone_(std::move(site_zone)) {}

  /// Reads all again; a series that is known keeps its number.
  void load(Session& session);
  [[nodiscard]] const std::vector<StoredSeries>& series() const { return series_; }
  [[nodiscard]] const Entry& entry(std::uint32_t series) const { return entries_.at(series); }
  /// Its columns and rollups read.
  const Table& table(Session& session, std::uint32_t index);
  [[nodiscard]] std::size_t tables() const { return tables_.size(); }
  [[nodiscard]] const model::Zone& zone() const { return zone_; }
  /// False: rollups are switched off, or the layout has none.
  [[nodiscard]] bool rolled_up() const { return rolled_up_; }
  [[nodiscard]] Standing standing(Session& session, std::uint32_t table) const;
  /// Devices that have a series in the table.
  [[nodiscard]] std::size_t members_of(std::uint32_t table) const { return tables_.at(table).members.size(); }

 private:
  std::uint32_t table_index(const std::string& name, bool fleet);
  [[nodiscard]] std::int64_t member(const std::string& fleet, const std::string& device) const;

  std::string configured_zone_;
  model::Zone zone_ = model::Zone::utc();
  bool rolled_up_ = false;
  std::vector<StoredSeries> series_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::uint32_t> by_key_;  ///< device, channel, quantity, unit
  std::vector<Table> tables_;
  std::unordered_map<std::string, std::uint32_t> table_by_name_;
  std::map<std::pair<std::string, std::string>, std::int64_t> members_;  ///< fleet and device
};

}  // namespace mesura::store::sql
