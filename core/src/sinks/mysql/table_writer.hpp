// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"
#include "model/zones.hpp"
#include "sinks/mysql/table_layout.hpp"
#include "sinks/mysql/upserts.hpp"
#include "sinks/mysql/writer.hpp"
#include "sinks/rows.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::mysql {

/// Somebody else's tables: a database per device, a row per second, the vendor's signs, means of minutes, hours and
/// days of the installation's zone.
class TableWriter final : public Writer {
 public:
  TableWriter(const database::mariadb::Connection& db, const SeriesTable& series,
              std::shared_ptr<const TableLayout> layout, const std::string& site_zone, bool arrays);

  std::vector<Rejected> write(std::span<const BatchPtr> batches) override;
  /// Means of what is still open, of devices that have gone silent.
  void settle() override;
  std::uint64_t expire(const Retention& keep, std::int64_t now_us) override;

 private:
  /// A device and its database. Times are seconds since 1970, UTC.
  struct Unit {
    std::string device;
    std::string database;  ///< quoted
    bool made = false;
    bool unique = false;               ///< one row per second is the table's rule; else it is ours
    std::optional<std::int64_t> open;  ///< newest row: its minute, hour and day are not over
    bool behind = false;               ///< the means lack what is open
    bool written = false;              ///< since settle() was last called
    std::vector<std::string> meta;     ///< as last written
    std::set<std::int64_t> minutes;    ///< of this write
  };
  struct Slot {
    enum class Place : std::uint8_t { unknown, none, column };
    Place place = Place::unknown;
    bool negated = false;
    std::uint32_t unit = 0;
    std::uint32_t column = 0;
  };
  struct Span {
    std::int64_t start;  ///< as stored
    std::int64_t end;
  };

  void find_zone();
  [[nodiscard]] std::int64_t stored(std::int64_t utc_s) const;
  [[nodiscard]] std::int64_t from_stored(std::int64_t stored_s) const;
  [[nodiscard]] std::int64_t hour_of(std::int64_t utc_s) const;
  [[nodiscard]] std::int64_t day_of(std::int64_t utc_s) const;
  [[nodiscard]] std::string name(const Unit& unit, const std::string& table) const;

  void resolve(std::uint32_t series);
  std::uint32_t unit_of(const std::string& device);
  void collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected, Rejections& rejections);
  void make(Unit& unit);
  void make_table(const Unit& unit, const std::string& table) const;
  [[nodiscard]] Target target(std::uint32_t unit) const;
  void clear_seconds() const;
  void put_meta(Unit& unit);
  void put_means(Unit& unit);
  void mean_of(const Unit& unit, const std::string& table, Span span) const;
  void mean_of_minute(const Unit& unit, std::int64_t minute) const;
  void mean_of_hour(const Unit& unit, std::int64_t hour) const;
  void mean_of_day(const Unit& unit, std::int64_t day) const;

  const database::mariadb::Connection& db_;
  const SeriesTable& series_;
  std::shared_ptr<const TableLayout> layout_;
  model::Zone zone_;
  bool wall_ = false;  ///< the server's zone is another than the installation's: rows bear the reading of our clocks
  Upserts upserts_;
  std::deque<Unit> units_;
  std::unordered_map<std::string, std::uint32_t> unit_by_device_;
  std::set<std::string> databases_;
  std::vector<Slot> slots_;  // by series id
  Rows rows_;
  std::deque<Measurement> turned_;  // values with the wire's sign
};

}  // namespace mesura::sinks::mysql
