// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/rollup/backend.hpp"
#include "sinks/rollup/levels.hpp"
#include "sinks/rollup/stats.hpp"
#include "sinks/rows.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
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
/// What has come in order is folded from memory, and by a bounded number of rows a write, so that a minute or a quarter
/// hour of a thousand devices does not hold up live rows. Hours and days are written when an hour is over.
///
/// Where raw rows have gone for their age, a rollup is only replaced by one of at least as many rows.
///
/// cost    add(): less than 5 ns a value; the rest when minutes and quarter hours close
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
  /// What smaller windows have brought to a window that is not over, by member.
  struct Running {
    Span window{INT64_MIN, INT64_MIN};
    bool exact = false;  ///< all that the database has of it is in here
    std::vector<std::unique_ptr<Fold>> folds;
    Fold& of(std::uint32_t member, Level from);
    void lose();
  };
  struct Sampled {
    Backend::Demand demand;
    QuarterSamples samples;
  };
  struct Quarter {
    std::uint16_t dirty = 0;                        ///< minutes to be made from raw rows, a bit each
    bool noted = false;                             ///< in the database
    bool old = false;                               ///< left over from before: waits for work()
    std::uint32_t open = 0;                         ///< minutes in it that are not written yet
    std::uint64_t touched = 0;                      ///< number of the add() that last had rows for it
    Running sums;                                   ///< of its minutes
    std::vector<std::unique_ptr<Sampled>> sampled;  ///< by member
    bool sampled_all = true;                        ///< `sampled` has what the raw rows have
    std::uint64_t changes = 0;                      ///< Backend::foreign_changes() when it began
    bool finishing = false;                         ///< some of its rows are written
    bool hour_over = false;                         ///< finishing: hours and days, too
    std::uint32_t next_quarter = 0;                 ///< finishing: members whose rows come next
    std::uint32_t next_hour = 0;
  };
  struct Member {
    std::int64_t newest = INT64_MIN;        ///< time of its latest row
    std::int64_t closed_until = INT64_MIN;  ///< rows before this belong to minutes that are over
    bool open = false;
    bool clean = true;           ///< `minute` has all that the raw rows have
    Quarter* quarter = nullptr;  ///< of the open minute
    std::int64_t quarter_start = INT64_MIN;
    Sampled* sampled = nullptr;  ///< in `quarter`
    OpenMinute minute;
    OpenMinute ended;             ///< the minute before, where it waits to be written
    Quarter* ended_in = nullptr;  ///< its quarter hour; null: none waits
    std::vector<Carry> carries;   ///< by column
  };
  struct Table {
    bool known = false;
    std::int64_t newest = INT64_MIN;
    std::int64_t newest_at_open = INT64_MIN;
    std::uint64_t touched = 0;
    std::vector<std::unique_ptr<Member>> members;
    std::size_t known_members = 0;
    std::map<std::int64_t, Quarter> quarters;  ///< by start: those whose rollups are behind
    std::int64_t finished_until = INT64_MIN;   ///< end of the latest quarter hour that is no longer among them
    Running hour, day;
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
  void open_minute(std::uint32_t index, Table& t, Member& m, const Rows::Row& row);
  void add_values(Member& m, std::int64_t time, std::span<const Rows::Cell> cells);
  void end_minute(std::uint32_t index, Member& m, std::uint32_t member_index);
  void write_ended(std::uint32_t index, Member& m, std::uint32_t member_index);
  void write_all_ended(std::uint32_t index);
  void close(std::uint32_t index, Member& m, std::uint32_t member_index);
  void settle(std::uint32_t index, Table& t, int& rebuilds, std::size_t& room);
  void write_minutes(std::uint32_t index, Table& t, const Quarter& q, std::size_t& room);

  enum class Finish : std::uint8_t { done, more, impossible };
  Finish finish(std::uint32_t index, std::int64_t start, std::size_t& room);
  bool begin_finish(std::uint32_t index, Table& t, std::int64_t start, Quarter& q);
  void finish_member(std::uint32_t index, Table& t, std::int64_t start, Quarter& q, std::uint32_t who);
  void finish_hour(std::uint32_t index, Table& t, std::uint32_t who);
  [[nodiscard]] bool has_all_samples(std::uint32_t index, const Quarter& q);
  void forget(Table& t, std::int64_t start);
  void note(std::uint32_t index, std::int64_t start, Quarter& q);

  enum class Larger : std::uint8_t { now, by_the_hour };  ///< hours and days
  void process(std::uint32_t index, std::int64_t start, std::uint16_t mask, Larger larger = Larger::now);
  [[nodiscard]] bool larger_can_wait(const Table& t, std::int64_t start) const;
  void remake(std::uint32_t index, Span span);
  void read_old(std::uint32_t index, Span span, Scratches& scratches,
                std::map<std::pair<std::int64_t, std::uint32_t>, std::uint64_t>& counts);
  Row finish(std::uint32_t index, std::uint32_t member_index, Scratch& s, std::int64_t from);
  void spread(std::uint32_t index, Span span, std::uint32_t member_index, const Scratch& s);
  void fold(std::uint32_t index, Level level, Span window, Running* keep = nullptr);
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
  std::vector<std::uint32_t> touched_;                           ///< tables of the present add()
  std::size_t rows_ = 0;                                         ///< of the present add()
  std::deque<std::pair<std::uint32_t, std::uint32_t>> waiting_;  ///< tables and members whose `ended` may wait
  Row row_;
};

}  // namespace mesura::sinks::rollup
