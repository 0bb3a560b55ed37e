// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings.hpp"
#include "table.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::axpert {

/// What is asked when. Its clock only runs forward: a step of the system's clock moves nothing.
class Schedule {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// One query, of one unit if it is asked of several.
  struct Entry {
    const Query* query = nullptr;
    std::string command;   ///< for dated queries, the stem
    Nanoseconds period{};  ///< 0: once
    Nanoseconds due{};
    int unit = -1;
    bool answered = false;
    bool dropped = false;  ///< refused, or done once
  };

  explicit Schedule(const Settings& settings) : settings_(settings) {}

  /// Everything that a unit of this dialect may be asked, due at once; `refused` are commands that it has refused.
  void start(Dialect dialect, const std::set<std::string>& refused);
  void clear() { entries_.clear(); }

  /// Tells the time, by a clock that may step.
  void tick(std::int64_t now_ns);
  /// The timer that was set to due_in() has fired: so much time has passed, whatever the clock says.
  void fired();
  /// The query that has been due longest, of equals the first in the table; none: null. Valid until a unit is added.
  [[nodiscard]] Entry* due();
  /// Until the next one is; nothing if there is none.
  [[nodiscard]] std::optional<Nanoseconds> due_in();

  /// The entry was asked: when next.
  void asked(Entry& entry);
  /// Another parallel unit may exist: ask it as well.
  void add_unit(std::string_view pattern, int unit);
  /// Parallel units are asked with every cycle, a lonely one seldom.
  void set_parallel(bool parallel);
  /// Nothing is there: seldom look again.
  void rest(Entry& entry);
  /// The entry of a query ("QPGS#") and unit (-1: of one without); null: it is not asked.
  [[nodiscard]] Entry* find(std::string_view command, int unit);
  /// Whether this inverter has answered the command ("QPGS1") since it was recognised.
  [[nodiscard]] bool answered(std::string_view command) const;

 private:
  void add(const Query& query, int unit);
  [[nodiscard]] Nanoseconds usual(Cadence cadence) const;
  [[nodiscard]] const Pace* wish(const Query& query) const;

  const Settings& settings_;
  std::vector<Entry> entries_;
  Nanoseconds now_{};
  Nanoseconds target_{};  ///< what the last due_in() pointed at
  std::int64_t last_ns_ = 0;
  bool ticking_ = false;
  bool parallel_ = false;
};

}  // namespace mesura::axpert
