// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/recent_lines.hpp"

#include <algorithm>

namespace mesura::sinks::csv {

void RecentLines::add(std::int64_t time, std::string_view line) {
  lines_.push_back({time, text_.size(), line.size()});
  text_ += line;
  newest_ = std::max(newest_, time);
}

void RecentLines::mark() {
  // Half is thrown away at a time, so that a line costs one move at most. Only here: what can be taken back must stay.
  if (text_.size() > 2 * bytes_) {
    const std::size_t gone = text_.size() - bytes_;
    const auto first = std::find_if(lines_.begin(), lines_.end(), [&](const Line& l) { return l.offset >= gone; });
    const std::size_t offset = first == lines_.end() ? text_.size() : first->offset;
    lines_.erase(lines_.begin(), first);
    text_.erase(0, offset);
    for (Line& line : lines_) line.offset -= offset;
  }
  marked_ = lines_.size();
}

void RecentLines::rollback() {
  if (marked_ < lines_.size()) {
    text_.resize(lines_[marked_].offset);
    lines_.resize(marked_);
  }
  newest_ = INT64_MIN;
  for (const Line& line : lines_) newest_ = std::max(newest_, line.time);
}

}  // namespace mesura::sinks::csv
