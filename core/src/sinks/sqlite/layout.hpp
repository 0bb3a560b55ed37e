// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which table and column of the file a series has. The README of this folder shows the layout.
#pragma once

#include <mesura/measurement.hpp>

#include "sinks/sqlite/database.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::sinks::sqlite {

/// "Mesu": PRAGMA application_id, so that file(1) and we know whose file it is.
inline constexpr std::int64_t kApplicationId = 0x4d657375;
/// PRAGMA user_version.
inline constexpr std::int64_t kLayoutVersion = 1;
/// SQLite takes 2000 columns; the view needs one more than the table, `time` is another.
inline constexpr std::size_t kMaxSeriesColumns = 1998;

/// A device's wide table.
struct WideTable {
  std::string name;
  std::vector<std::string> columns;  ///< without `time`
  std::set<std::string> folded;      ///< the same in lower case, and `time`: SQLite ignores case in names
  std::int64_t newest = 0;           ///< greatest time in the table; valid unless `empty`
  bool empty = true;
};

/// Where the values of one series go.
struct Slot {
  enum class Place : std::uint8_t { unknown, wide, state, refused };
  Place place = Place::unknown;
  bool text = false;         ///< of the series
  std::uint8_t usual = 0;    ///< quality flags that all its values have unless table `quality` says otherwise
  std::uint32_t table = 0;   ///< index into Layout::tables()
  std::uint32_t column = 0;  ///< index into its columns
  std::int64_t id = 0;       ///< series.id
};

/// The file's tables as they are now, and the means to add to them. Throws Error.
class Layout {
 public:
  /// Reads the layout, or makes it in a new file; in a transaction of the caller's.
  explicit Layout(const Database& db) : db_(db) {}
  void load();
  static void create(const Database& db, std::string_view site_zone, std::int64_t now_us);

  /// The slot of a series, made on first sight within the caller's transaction. `quality` is that of the value at hand.
  Slot resolve(const SeriesInfo& info, std::uint8_t quality, std::int64_t now_us);

  [[nodiscard]] std::vector<WideTable>& tables() { return tables_; }
  [[nodiscard]] const std::vector<std::int64_t>& state_series() const { return state_series_; }

 private:
  struct Known {
    Slot slot;
    std::string label, role, source;
    int decimals = 0;
    Kind kind = Kind::gauge;
  };

  std::uint32_t table_of(const std::string& device);
  std::uint32_t add_table(const std::string& device);
  std::uint32_t read_table(const std::string& device, std::string name);
  std::uint32_t add_column(WideTable& table, const std::string& flat_name);
  void update(Known& known, const SeriesInfo& info);

  const Database& db_;
  std::vector<WideTable> tables_;
  std::unordered_map<std::string, std::uint32_t> table_by_device_;
  std::set<std::string> names_;  ///< of everything in the file, in lower case
  std::unordered_map<std::string, Known> series_;
  std::vector<std::int64_t> state_series_;
};

}  // namespace mesura::sinks::sqlite
