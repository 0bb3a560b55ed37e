// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/rollup/backend.hpp"
#include "sinks/rollup/levels.hpp"
#include "sinks/rollup/stats.hpp"
#include "sinks/rows.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace mesura::sinks::rollup {

/// Keeps the rollups of a sink's tables equal to what their raw rows say.
///
/// Rows that come in the order of time are summed up in memory and written when their minute is over; anything else (a
/// repeat, a late row, a replaced value, a further part of an instant) marks its minute, and marked minutes are made
/// again from the raw rows. Larger windows are folded from smaller ones, always whole, so that there is one way to make
/// them. Quarter hours whose rollups are behind the raw rows are noted in the database in the same transaction as those
/// rows: after a crash just these are made again.
///
/// The caller wraps every call in a transaction. When one is taken back, this object knows things that are not so:
/// throw it away and make a new one.
///
/// Where raw rows have gone for their age, a rollup is only replaced by one of at least as many rows.
///
/// cost    add(): about 5 ns a value; the rest when minutes and quarter hours close
/// thread  one caller at a time
class Rollup {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Reads what is pending. `backend` must outlive this object.
  Rollup(Backend& backend, model::Zone zone);

  /// These rows have been written: begin(), add() for each in the order of Rows, end(). One by one, because a row that
  /// has just been written is still in the processor's cache.
  void begin();
  void add(const Rows::Row& row, std::span<const Rows::Cell> cells);
  void end();
  /// Learns what is pending in the database and not known here: another program has written to it.
  void refresh();
  /// Ends the minutes of members that have gone quiet: those over 5 s before `now_us`; INT64_MAX: all.
  void close_minutes(std::int64_t now_us);
  /// Does what is pending, a quarter hour at a time, until the deadline. True when more is waiting.
  bool work(std::int64_t now_us, Deadline deadline);

  /// Has everything in `span` made again, also where raw rows were deleted by hand. work() does it.
  void rebuild(std::uint32_t table, Span span);
  /// Has all days made again that still have their hours: the site has another zone.
  void rebuild_days(std::uint32_t table, Span span);

  /// Raw rows from here on are still needed; INT64_MAX: none.
  [[nodiscard]] std::int64_t needed_since(std::uint32_t table) const;
  /// Length of what is pending, for a progress bar.
  [[nodiscard]] std::int64_t pending_us() const;
  [[nodiscard]] const Calendar& calendar() const { return calendar_; }

 private:
  /// The last value of a register before the present minute.
  struct Carry {
    bool known = false;
    bool has = false;
    double value = 0;
    std::int64_t minute = 0;
  };
  struct Quarter {
    std::uint16_t dirty = 0;    ///< minutes to be made from raw rows, a bit each
    bool noted = false;         ///< in the database
    bool old = false;           ///< left over from before: waits for work()
    std::uint32_t open = 0;     ///< members that have a minute open in it
    std::uint64_t touched = 0;  ///< number of the add() that last had rows for it
  };
  struct Member {
    std::int64_t newest = INT64_MIN;        ///< time of its latest row
    std::int64_t closed_until = INT64_MIN;  ///< rows before this belong to minutes that are over
    bool open = false;
    bool clean = true;           ///< `minute` has all that the raw rows have
    Quarter* quarter = nullptr;  ///< of the open minute
    OpenMinute minute;
    std::vector<Carry> carries;  ///< by column
  };
  struct Table {
    bool known = false;
    std::int64_t newest = INT64_MIN;
    std::int64_t newest_at_open = INT64_MIN;
    std::uint64_t touched = 0;
    std::vector<std::unique_ptr<Member>> members;
    std::map<std::int64_t, Quarter> quarters;  ///< by start: those whose rollups are behind
  };
  /// A member's minutes while they are made from raw rows.
  struct Scratch {
    OpenMinute minute;
    bool started = false;
    bool kept = false;  ///< older, fuller rollups stayed
    std::vector<Carry> carries;
    std::vector<std::optional<double>> old_last;  ///< by column: what the rollups said
  };
  using Scratches = std::map<std::uint32_t, Scratch>;

  Table& table(std::uint32_t index);
  Member& member(Table& t, std::uint32_t index) const;
  Quarter& quarter(Table& t, std::int64_t time);
  void mark(Table& t, std::int64_t minute);
  void add_row(std::uint32_t index, Table& t, const Rows::Row& row, std::span<const Rows::Cell> cells);
  void close(std::uint32_t index, Member& m, std::uint32_t member_index);
  void settle(std::uint32_t index, Table& t, int& rebuilds);
  void note(std::uint32_t index, std::int64_t start, Quarter& q);

  enum class Days : std::uint8_t { now, by_the_hour };
  void process(std::uint32_t index, std::int64_t start, std::uint16_t mask, Days days = Days::now);
  [[nodiscard]] bool day_can_wait(const Table& t, std::int64_t start) const;
  void remake(std::uint32_t index, Span span);
  void read_old(std::uint32_t index, Span span, Scratches& scratches,
                std::map<std::pair<std::int64_t, std::uint32_t>, std::uint64_t>& counts);
  Row finish(std::uint32_t index, std::uint32_t member_index, Scratch& s, std::int64_t from);
  void spread(std::uint32_t index, Span span, std::uint32_t member_index, const Scratch& s);
  void fold(std::uint32_t index, Level level, Span window);
  void detail(std::uint32_t index, std::int64_t start);
  bool portion();
  bool portion_of_days(Backend::Pending& p);
  void add_backlog(const Backend::Pending& pending);

  Carry last_before(std::uint32_t index, std::uint32_t member, std::uint32_t column, std::int64_t before);
  std::optional<std::int64_t> next_value(std::uint32_t index, std::uint32_t member, std::uint32_t column,
                                         std::int64_t from);

  Backend& backend_;
  Calendar calendar_;
  std::vector<Table> tables_;
  std::vector<Backend::Pending> backlog_;  ///< long stretches, done by and by
  std::uint64_t adds_ = 0;
  std::vector<std::uint32_t> touched_;  ///< tables of the present add()
  Row row_;
};

}  // namespace mesura::sinks::rollup
