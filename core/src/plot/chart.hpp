// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A chart in a terminal: lines over local time, with the envelope of what was thinned.
#pragma once

#include "model/zones.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mesura::plot {

/// A measurement (min = max = value), or a window drawn at its middle.
struct Sample {
  std::int64_t time_ns = 0;
  double min = 0;
  double max = 0;
  double value = 0;        ///< where the line goes through
  bool after_gap = false;  ///< the line does not come from the sample before
  bool holds = false;      ///< its value holds until the next one: a step, not a slope
};

struct Line {
  std::string name;
  std::string unit;
  std::vector<Sample> samples;  ///< by time
};

struct Options {
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  std::size_t width = 80;   ///< characters of the terminal, at least 30
  std::size_t height = 24;  ///< rows of all, at least 8 for each unit
  bool utf8 = true;         ///< else ASCII
  bool colour = false;      ///< else several lines are told apart by symbols
  model::Zone zone = model::Zone::utc();
};

/// One panel for each unit, on one axis of time. Every row ends in a line feed. Names must be printable.
[[nodiscard]] std::string draw(const std::vector<Line>& lines, const Options& options);

}  // namespace mesura::plot
