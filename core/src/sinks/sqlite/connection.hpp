// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "database/sqlite.hpp"
#include "sinks/rollup/rollup.hpp"
#include "sinks/rows.hpp"
#include "sinks/sqlite/layout.hpp"
#include "sinks/sqlite/recovery.hpp"
#include "sinks/sqlite/rollup_store.hpp"
#include "sinks/sqlite/sqlite_sink.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::sqlite {

/// The open file: its layout as last read, prepared statements, and what they need between calls.
///
/// Every method throws database::Error and leaves no transaction open.
class SqliteSink::Connection {
 public:
  /// Opens the file and checks that it is ours, or makes it. Throws SinkError for one that is not.
  Connection(const Options& options, const SeriesTable& series);

  /// Writes everything in one transaction; returns what can never be written.
  std::vector<Rejected> write(std::span<const BatchPtr> batches);
  /// Brings rollups up to date, in small transactions until `limit` is over; true when more is waiting.
  bool roll_up(std::int64_t now_us, std::chrono::milliseconds limit);
  /// Deletes what is older than the options say, in small transactions, for about a second at most; returns how many
  /// rows. Raw rows stay until they are rolled up.
  std::uint64_t expire(std::int64_t now_us);
  [[nodiscard]] rollup::Rollup* rollups() { return rollup_.get(); }
  /// Copies from damaged files that were moved aside, in small transactions until `limit` is over. `done` hears of each
  /// file that is finished.
  void recover(std::chrono::milliseconds limit, const std::function<void(const Recovery&)>& done);
  /// Notes a damaged file in this one: recover() copies from it, also after a restart.
  void take_over(const std::filesystem::path& damaged);
  /// The noted ones.
  [[nodiscard]] std::vector<std::string> damaged() const;
  /// Nothing more is written: the next one to open the file need not look for damage.
  void leave();
  /// Empties the WAL into the file.
  void checkpoint();
  /// True after a transaction was taken back: what this object knows of the file may be wrong, make a new one.
  [[nodiscard]] bool dirty() const { return dirty_; }
  /// False when the path no longer leads to the open file.
  [[nodiscard]] bool still_there() const;

 private:
  /// The statements of one table for one set of columns.
  struct Shape {
    std::vector<std::uint32_t> columns;
    Statement insert;
    Statement upsert;
    std::uint64_t used = 0;
  };
  struct Shapes {
    std::vector<Shape> list;
    std::size_t latest = 0;
  };
  /// A value whose quality is told (flags), or that has its series' usual one where another may be noted (nullopt).
  struct Mark {
    std::int64_t time;
    std::int64_t series;
    std::optional<std::uint8_t> flags;
  };
  struct State {
    std::int64_t time;
    std::int64_t series;
    std::uint8_t usual;
    const Measurement* item;
    const Batch* batch;
  };
  /// A row of `states`.
  struct StateRow {
    std::int64_t time = 0;
    bool is_text = false;
    double number = 0;
    std::string text;
    std::uint8_t quality = 0;
  };

  using Deadline = std::chrono::steady_clock::time_point;

  void prepare_file(const Options& options);
  void prepare_rollups(const Options& options);
  void look_for_damage();
  void keep_zone(const model::Zone& zone);
  void keep_switch();
  void begin() { begin_.run(); }
  void rollback();
  template <typename Work>
  void transaction(Work&& work) {
    begin();
    try {
      work();
      commit_.run();
    } catch (...) {
      rollback();
      throw;
    }
  }
  std::uint64_t sweep(Statement delete_some, Deadline deadline);
  std::uint64_t expire_raw(std::int64_t before_us, Deadline deadline);
  std::uint64_t expire_level(rollup::Level level, std::int64_t before_us, Deadline deadline);
  void collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected);
  const Slot& resolve(const Measurement& item, std::int64_t time_us);
  void write_row(const Rows::Row& row);
  Shape& shape(std::uint32_t table, std::span<const Rows::Cell> cells);
  Shape make_shape(const WideTable& table, std::span<const Rows::Cell> cells) const;
  void write_state(const State& state);
  const StateRow* state_before(const State& state);
  void write_mark(const Mark& mark);

  std::filesystem::path path_;
  Options options_;
  const SeriesTable& series_;
  Database db_;
  Layout layout_{db_};
  std::uint64_t device_ = 0;  // st_dev and st_ino of the open file
  std::uint64_t inode_ = 0;
  bool dirty_ = false;

  Statement begin_;
  Statement commit_;
  Statement put_state_;
  Statement find_state_;
  Statement put_quality_;
  Statement drop_quality_;

  std::vector<Slot> slots_;     // by series id
  std::vector<Shapes> shapes_;  // by table
  std::uint64_t uses_ = 0;
  std::unique_ptr<RollupStore> store_;
  std::unique_ptr<rollup::Rollup> rollup_;
  std::unique_ptr<Recovery> recovery_;
  Rows rows_;
  std::vector<State> states_;
  std::vector<Mark> marks_;
  std::int64_t newest_mark_ = INT64_MIN;                     // of table quality and marks_
  std::unordered_map<std::int64_t, StateRow> newest_state_;  // by series.id
  StateRow older_state_;
};

}  // namespace mesura::sinks::sqlite
