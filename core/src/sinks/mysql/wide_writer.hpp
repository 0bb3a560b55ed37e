// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"
#include "sinks/mysql/layout.hpp"
#include "sinks/mysql/rollup_store.hpp"
#include "sinks/mysql/upserts.hpp"
#include "sinks/mysql/writer.hpp"
#include "sinks/rollup/rollup.hpp"
#include "sinks/rows.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::mysql {

/// Layout `mesura`: wide tables of devices and fleets, states, quality.
class WideWriter final : public Writer {
 public:
  /// Makes and reads the tables. Throws SinkError, database::mariadb::Error.
  WideWriter(const Connection& db, const SeriesTable& series, const std::string& site_zone, bool arrays, bool rollups);

  std::vector<Rejected> write(std::span<const BatchPtr> batches) override;
  bool roll_up(std::int64_t now_us, std::chrono::milliseconds limit) override;
  std::uint64_t expire(const Retention& keep, std::int64_t now_us) override;

 private:
  using Bulk = database::mariadb::Bulk;
  using Parameters = database::mariadb::Parameters;

  /// A value whose quality is told (flags), or that has its series' usual one where another may be noted (nullopt).
  struct Mark {
    std::int64_t time;
    std::int64_t series;
    std::optional<std::uint8_t> flags;
    const Measurement* item;
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

  // An error leaves it open: the connection is thrown away.
  template <typename Work>
  void transaction(Work&& work) {
    db_.execute("START TRANSACTION");
    work();
    db_.execute("COMMIT");
  }
  void start_rollups();
  void remake_days(std::uint32_t table);
  void prepare_rollups(std::span<const std::uint32_t> tables);
  void add_to_rollups(const Rejections& rejections);
  std::uint64_t sweep(const std::string& sql, Deadline deadline) const;
  std::uint64_t expire_raw(std::int64_t before_us, Deadline deadline);
  std::uint64_t expire_level(rollup::Level level, std::int64_t before_us, Deadline deadline);
  bool collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected);
  void place(std::span<const BatchPtr> batches);
  [[nodiscard]] Target target(std::uint32_t table) const;
  void write_states(Rejections& rejections);
  void flush_states(Rejections& rejections);
  bool is_news(const State& state, Rejections& rejections);
  const StateRow* state_before(const State& state, Rejections& rejections);
  void write_marks(const Rejections& rejections);

  const Connection& db_;
  const SeriesTable& series_;
  std::string site_zone_;
  bool arrays_;
  bool rollups_;
  Layout layout_;
  Upserts upserts_;
  std::unique_ptr<RollupStore> store_;  // null without rollups
  std::unique_ptr<rollup::Rollup> rollup_;
  std::vector<std::uint32_t> touched_;  // tables of this write

  Bulk put_states_;
  Bulk put_marks_;
  Bulk drop_marks_;
  database::mariadb::Statement find_state_;
  Parameters state_parameters_;
  Parameters mark_parameters_;
  Parameters drop_parameters_;

  std::vector<Slot> slots_;  // by series id
  Rows rows_;
  std::vector<State> states_;
  std::vector<State> pending_;  // states to be written
  std::vector<Mark> marks_;
  std::int64_t newest_mark_ = INT64_MIN;                     // of table quality and marks_
  std::unordered_map<std::int64_t, StateRow> newest_state_;  // by series.id
  StateRow older_state_;
};

}  // namespace mesura::sinks::mysql
