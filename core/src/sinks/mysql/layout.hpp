// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which table and column of the database a series has. The README of this folder shows the layout.
#pragma once

#include <mesura/measurement.hpp>

#include "database/mariadb.hpp"
#include "sinks/power_columns.hpp"
#include "sinks/rollup/stats.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::sinks::mysql {

using database::mariadb::Connection;
using database::mariadb::quote_name;

/// `meta.layout`.
inline constexpr std::int64_t kLayoutVersion = 2;

/// Texts and enumerations of all devices.
inline constexpr char kStateTable[] = "states";

/// Whether the columns of table `series` do not hold a name of this one: it cannot be stored.
[[nodiscard]] bool names_too_long(const SeriesInfo& info);

/// A wide table: of one device, or of all devices of a fleet.
struct WideTable {
  std::string name;
  bool fleet = false;                     ///< its key is (time, device_id)
  bool full = false;                      ///< the server has refused a further column
  std::string device;                     ///< whose it is; of a fleet's empty
  std::vector<std::string> columns;       ///< without the key's
  std::vector<bool> doubles;              ///< by column: false for one of another type, which a person has added
  std::vector<rollup::ColumnKind> kinds;  ///< by column
  PowerColumns powers;
  std::set<std::string> folded;  ///< the same and the key's in lower case: the case of columns says nothing
  std::map<std::string, std::uint32_t, std::less<>> unclaimed;  ///< columns of doubles that no series has
  std::unordered_map<std::string, std::uint32_t> by_meaning;    ///< fleet: channel, quantity and unit -> column
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

/// A series to be placed, with its first value's quality and time.
struct Wanted {
  std::uint32_t series;
  std::uint8_t quality;
  std::int64_t time_us;
};

/// The database's tables as they are now, and the means to add to them. Throws database::mariadb::Error; then what it
/// knows may be wrong, make a new one.
///
/// Tables are not part of transactions here: what is half made after a crash is found and used by the next one.
class Layout {
 public:
  Layout(const Connection& db, const SeriesTable& series, std::string site_zone, bool arrays);

  /// Makes what is missing, and reads all. Throws SinkError for tables that are another program's or a newer Mesura's.
  void open(std::int64_t now_us);

  /// Finds or makes the places of series, and puts them into `slots` (by series id); outside of any transaction. True
  /// when another program has added to the layout meanwhile: everything was read again, tables and columns have other
  /// numbers, and all other slots are unknown.
  bool place(std::span<const Wanted> wanted, std::vector<Slot>& slots);

  [[nodiscard]] const std::vector<WideTable>& tables() const { return tables_; }
  /// Of all tables that we make.
  [[nodiscard]] const std::string& collation() const { return collation_; }

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
    std::string name;
    [[nodiscard]] std::string key() const { return (fleet ? "f" : "d") + name; }
    [[nodiscard]] std::string comment() const;
  };
  struct Fresh {
    const SeriesInfo* info;
    const Wanted* wanted;
    std::string key;
    Known known;
  };
  /// A column to be made, and the series that wait for it: several in a fleet.
  struct Plan {
    std::string name;
    const SeriesInfo* info;
    std::vector<Fresh*> for_whom;
  };
  struct Column {
    std::string name;
    bool is_double;
  };
  void read();
  void read_names();
  void read_series();
  std::uint32_t read_table(const Owner& owner, const std::string& name);
  [[nodiscard]] const std::vector<Column>* columns_of(const std::string& table) const;
  [[nodiscard]] bool others_came() const;
  void make(std::span<const Wanted> wanted);
  void plan(std::map<std::uint32_t, std::vector<Plan>>& plans, Fresh& fresh);
  void carry_out(std::uint32_t table, std::vector<Plan>& plans);
  void add_columns(std::uint32_t table, std::span<Plan> plans);
  void claim(std::uint32_t table, const Plan& plan, std::uint32_t column);
  [[nodiscard]] std::string definitions(std::span<const Plan> plans) const;
  void make_view(const WideTable& table) const;
  void put_members(std::span<Fresh*> fresh);
  void put_series(std::span<Fresh*> fresh);
  [[nodiscard]] std::string free_name(const Owner& owner) const;
  static void describe_column(WideTable& table, const Slot& slot, const SeriesInfo& info);
  static std::string free_column(const WideTable& table, const std::string& flat_name);
  void update(Known& known, const SeriesInfo& info) const;

  const Connection& db_;
  const SeriesTable& series_;
  std::string site_zone_;
  bool arrays_;
  std::string collation_;
  std::size_t max_columns_ = 0;
  std::vector<WideTable> tables_;
  std::unordered_map<std::string, std::uint32_t> table_by_owner_;
  std::map<std::uint32_t, Owner> unmade_;                         ///< tables that are planned only
  std::unordered_map<std::string, std::uint32_t> members_;        ///< fleet and device -> devices.id
  std::unordered_map<std::string, std::string> names_;            ///< of all tables in lower case -> their comment
  std::unordered_map<std::string, std::vector<Column>> columns_;  ///< of all tables
  std::unordered_map<std::string, Known> known_;
  std::unordered_map<std::string, std::int64_t> homeless_;  ///< key -> id of series whose column is gone
  std::int64_t last_id_ = 0;                                ///< of series
  std::uint32_t last_member_ = 0;
};

}  // namespace mesura::sinks::mysql
