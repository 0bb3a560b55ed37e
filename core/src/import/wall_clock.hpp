// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Wall clock readings in the order in which they were written, as instants.
#pragma once

#include "model/zones.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace mesura::importing {

/// What a reading of a wall clock may mean.
struct WallMeaning {
  enum class Kind : std::uint8_t { plain, repeated, skipped };
  Kind kind = Kind::plain;
  std::int64_t first_ns = 0;   ///< UTC
  std::int64_t second_ns = 0;  ///< of a repeated reading: the later one
};

/// Meanings of readings in one zone. A reading is ns since 1970 as if the clock showed UTC.
///
/// cost  a few ns while readings stay in one quarter of an hour
class WallZone {
 public:
  explicit WallZone(model::Zone zone) : zone_(zone) {}
  [[nodiscard]] WallMeaning meaning(std::int64_t wall_ns);
  [[nodiscard]] const model::Zone& zone() const { return zone_; }

 private:
  model::Zone zone_;
  std::int64_t quarter_ = INT64_MIN;
  std::int64_t offset_ns_ = 0;
};

/// Which pass through a repeated hour each of its readings belongs to.
enum class Passes : std::uint8_t {
  two,     ///< the clock went back inside: before it the first, after it the second
  first,   ///< one pass that follows what was before the hour
  second,  ///< one pass that is followed by what came after it
  unknown  ///< one pass, and nothing tells which: taken as the first
};

/// `wall_ns`: the readings inside the hour, in order; `before`, `after`: the readings around them. `split`: index of
/// the first one of the second pass.
[[nodiscard]] Passes find_passes(const std::vector<std::int64_t>& wall_ns, std::optional<std::int64_t> before,
                                 std::optional<std::int64_t> after, std::size_t& split);

/// Rows with wall clock readings in, the same rows with instants out, in the same order. Rows of the hour that comes
/// twice in autumn are held back until it is over (at most kHeld, then what is known must do): their order tells the
/// two passes apart.
template <class Row>
class WallOrder {
 public:
  static constexpr std::size_t kHeld = 60'000;
  struct Out {
    Row row;
    std::int64_t time_ns = 0;
    bool skipped = false;  ///< the clock never showed that: no instant
    bool guessed = false;  ///< of two instants nothing tells which
  };

  explicit WallOrder(model::Zone zone) : zone_(zone) {}

  void push(std::int64_t wall_ns, Row row) {
    const WallMeaning m = zone_.meaning(wall_ns);
    if (m.kind == WallMeaning::Kind::repeated) {
      if (held_.size() >= kHeld) settle(std::nullopt);
      walls_.push_back(wall_ns);
      held_.push_back({std::move(row), m});
      return;
    }
    if (!held_.empty()) settle(wall_ns);
    before_ = wall_ns;
    ready_.push_back({std::move(row), m.first_ns, m.kind == WallMeaning::Kind::skipped, false});
  }
  /// No more rows come.
  void finish() {
    if (!held_.empty()) settle(std::nullopt);
  }
  [[nodiscard]] bool take(Out& out) {
    if (ready_.empty()) return false;
    out = std::move(ready_.front());
    ready_.pop_front();
    return true;
  }

 private:
  struct Held {
    Row row;
    WallMeaning meaning;
  };

  void settle(std::optional<std::int64_t> after) {
    std::size_t split = 0;
    const Passes passes = find_passes(walls_, before_, after, split);
    for (std::size_t i = 0; i < held_.size(); ++i) {
      const bool second = passes == Passes::second || (passes == Passes::two && i >= split);
      ready_.push_back({std::move(held_[i].row), second ? held_[i].meaning.second_ns : held_[i].meaning.first_ns, false,
                        passes == Passes::unknown});
    }
    before_ = walls_.back();
    held_.clear();
    walls_.clear();
  }

  WallZone zone_;
  std::optional<std::int64_t> before_;
  std::vector<std::int64_t> walls_;
  std::vector<Held> held_;
  std::deque<Out> ready_;
};

/// "2026-10-25 02:30:00", "2026-10-25T02:30:00.123456", "2026-10-25 02:30", "2026-10-25": as if it were UTC, in ns.
[[nodiscard]] std::optional<std::int64_t> parse_wall(std::string_view text);

}  // namespace mesura::importing
