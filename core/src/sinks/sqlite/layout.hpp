// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which table and column of the file a series has. The README of this folder shows the layout.
#pragma once

#include <mesura/measurement.hpp>

#include "database/sqlite.hpp"
#include "sinks/rollup/backend.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::sinks::sqlite {

using database::Database;
using database::quote_name;
using database::Statement;

/// "Mesu": PRAGMA application_id, so that file(1) and we know whose file it is.
inline constexpr std::int64_t kApplicationId = 0x4d657375;
/// PRAGMA user_version.
inline constexpr std::int64_t kLayoutVersion = 3;

/// A wide table: of one device, or of all devices of a fleet.
struct WideTable {
  std::string name;
  bool fleet = false;                                       ///< its key is (time, device_id)
  std::string device;                                       ///< whose it is; of a fleet's empty
  std::vector<std::string> columns;                         ///< without the key's
  std::vector<rollup::ColumnKind> kinds;                    ///< by column
  std::map<std::uint32_t, rollup::Backend::Demand> powers;  ///< by member: the columns of its power at the grid
  std::vector<rollup::Backend::Demand> demands;             ///< the same, as rollups want them
  std::set<std::string> folded;  ///< the same in lower case, and the key's: SQLite ignores case in names
  std::unordered_map<std::string, std::uint32_t> by_meaning;  ///< fleet: channel, quantity and unit -> column
  std::int64_t newest_read = INT64_MIN;                       ///< greatest time in the table when it was read
  std::vector<std::int64_t> newest;                           ///< greatest time by member, beyond `newest_read`

  /// No row of `member` is later than this; later ones can be inserted without a look.
  std::int64_t& newest_of(std::uint32_t member) {
    if (member >= newest.size()) newest.resize(member + 1, newest_read);
    return newest[member];
  }
  /// SQLite takes 2000 columns: the table's key and what the view adds are among them.
  [[nodiscard]] std::size_t max_columns() const { return fleet ? 1996 : 1998; }
};

/// Where the values of one series go.
struct Slot {
  enum class Place : std::uint8_t { unknown, wide, state, refused };
  Place place = Place::unknown;
  bool text = false;         ///< of the series
  std::uint8_t usual = 0;    ///< quality flags that all its values have unless table `quality` says otherwise
  std::uint32_t table = 0;   ///< index into Layout::tables()
  std::uint32_t column = 0;  ///< index into its columns
  std::uint32_t member = 0;  ///< devices.id in a fleet's table, else 0
  std::int64_t id = 0;       ///< series.id
};

/// The file's tables as they are now, and the means to add to them. Throws database::Error.
class Layout {
 public:
  /// Reads the layout, or makes it in a new file; in a transaction of the caller's.
  explicit Layout(const Database& db) : db_(db) {}
  void load();
  static void create(const Database& db, std::string_view site_zone, std::int64_t now_us);
  /// Brings a file of layout 1 (no fleets) or 2 (no rollups) to the present one; in a transaction of the caller's.
  static void upgrade(const Database& db);

  /// The slot of a series, made on first sight within the caller's transaction. `quality` is that of the value at hand.
  Slot resolve(const SeriesInfo& info, std::uint8_t quality, std::int64_t now_us);

  [[nodiscard]] std::vector<WideTable>& tables() { return tables_; }
  [[nodiscard]] const std::vector<WideTable>& tables() const { return tables_; }
  [[nodiscard]] const std::vector<std::int64_t>& state_series() const { return state_series_; }
  /// A name that nothing in the file has, `wish` if that is free; it is taken from now on.
  std::string take_name(const std::string& wish);

 private:
  struct Known {
    Slot slot;
    std::string fleet, label, role, source;
    int decimals = 0;
    Kind kind = Kind::gauge;
  };

  /// Whose table it is: a device's or a fleet's.
  struct Owner {
    bool fleet;
    const std::string& name;
    [[nodiscard]] std::string key() const { return (fleet ? "f" : "d") + name; }
  };

  std::uint32_t table_of(const Owner& owner);
  std::uint32_t add_table(const Owner& owner);
  std::uint32_t read_table(const Owner& owner, std::string name);
  void load_devices();
  std::uint32_t member_of(const std::string& fleet, const std::string& device, std::int64_t now_us);
  bool place(Slot& slot, const SeriesInfo& info, std::int64_t now_us);
  std::uint32_t add_column(WideTable& table, const SeriesInfo& info);
  static void describe_column(WideTable& table, const Slot& slot, const SeriesInfo& info);
  void update(Known& known, const SeriesInfo& info);
  void put_series(Known& known, const SeriesInfo& info, std::string_view table, std::string_view column,
                  std::int64_t now_us);

  const Database& db_;
  std::vector<WideTable> tables_;
  std::unordered_map<std::string, std::uint32_t> table_by_owner_;
  std::unordered_map<std::string, std::uint32_t> members_;  ///< fleet and device -> devices.id
  std::set<std::string> names_;                             ///< of everything in the file, in lower case
  std::unordered_map<std::string, Known> series_;
  std::vector<std::int64_t> state_series_;
  Statement put_series_;
};

}  // namespace mesura::sinks::sqlite
