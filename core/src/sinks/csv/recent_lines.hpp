// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::csv {

/// The last lines written for one device, to know a repeat when it comes: at least the latest `bytes` of text.
class RecentLines {
 public:
  explicit RecentLines(std::size_t bytes) : bytes_(bytes) {}

  void add(std::int64_t time, std::string_view line);
  /// False: no line has this time, without a look at them. A repeat or late data are the exception.
  [[nodiscard]] bool maybe(std::int64_t time) const { return time <= newest_; }
  /// Calls f(line) for the lines of this time, the youngest first, until it answers true; tells whether it did.
  template <class F>
  bool any(std::int64_t time, F&& f) const {
    for (std::size_t i = lines_.size(); i-- > 0;) {
      if (lines_[i].time == time && f(std::string_view{text_}.substr(lines_[i].offset, lines_[i].size))) return true;
    }
    return false;
  }
  /// What is added from here on can be taken back.
  void mark();
  void rollback();
  void forget() { *this = RecentLines{bytes_}; }
  void set_limit(std::size_t bytes) { bytes_ = bytes; }

 private:
  struct Line {
    std::int64_t time;
    std::size_t offset;
    std::size_t size;
  };

  std::size_t bytes_;
  std::string text_;
  std::vector<Line> lines_;
  std::int64_t newest_ = INT64_MIN;
  std::size_t marked_ = 0;  // lines_.size() at mark()
};

}  // namespace mesura::sinks::csv
