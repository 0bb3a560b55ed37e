// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <span>

namespace mesura::ct6 {

/// The measurements of one answer; as many as there can be.
class Batch {
 public:
  Batch() { items_.fill(number(0, 0)); }
  void clear() { count_ = 0; }
  /// A good number at the batch's time. What never changes stands there already.
  void add(SeriesId series, double value) {
    mesura_measurement& m = items_[count_++];
    m.number = value;
    m.series = series;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::span<const mesura_measurement> items() const { return {items_.data(), count_}; }

 private:
  std::array<mesura_measurement, kMaxPorts * kPortNumbers + kUnitNumbers + 1> items_;
  std::size_t count_ = 0;
};

}  // namespace mesura::ct6
