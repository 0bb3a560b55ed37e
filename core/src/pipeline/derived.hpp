// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "model/expression.hpp"
#include "pipeline/cadence.hpp"
#include "runtime/log.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mesura::pipeline {

/// One derived series. `info` has device, channel, quantity, unit, kind, decimals, label and role; the expression's
/// units were checked.
struct Formula {
  SeriesInfo info;
  model::Expression expression;
  std::vector<model::QuantityFacts> facts;  ///< what was assumed of its operands
};

/// Computes derived series from the batches that pass.
///
/// When      as soon as each of the fastest inputs (those that come at least 2/3 as often as the fastest) has a new
/// value
///           since the last result; the slower ones keep their value for three times their usual interval. So a result
///           never comes twice for one reading, and a meter at 1 s with an inverter at 5 s gives a value a second.
/// Time      that of the newest input, of the source's clock like the input's own; results are never older than the
///           one before.
/// Gaps      an input that is silent for more than three times its usual interval ends the series until it is back.
/// What
///           is usual takes two values to learn, so nothing comes before; inputs of one telegram need no such patience.
/// Clocks    how old an input is goes by when it arrived, so that a meter's clock may be off; by more than a minute,
/// and
///           it is no neighbour. What is not live (recordings, files) goes by its own time.
/// Quality   the flags of all inputs, and `derived`.
///
/// A value that is late or repeated changes nothing, so replaying what was there already makes nothing new. NaN and
/// infinities (a division by 0) are left out. Belongs to the loop's thread.
class Derived {
 public:
  /// `formulas` in an order in which each uses only series of devices and of those before it. `series` must outlive
  /// this.
  Derived(SeriesTable& series, std::vector<Formula> formulas, runtime::Logger log);

  /// What follows from a batch, as batches of the derived devices, in order.
  void apply(const Batch& batch, bool live, std::vector<std::shared_ptr<Batch>>& out);

  /// "house/total/active_power needs grid/total/active_power" for each input that never came.
  [[nodiscard]] std::vector<std::string> missing() const;

 private:
  struct Input {
    std::string name;  ///< device/channel/quantity
    Cadence cadence;
    double value = 0;
    std::int64_t time_ns = 0;
    std::int64_t instant_ns = 0;  ///< by our clock, if it is live
    std::uint8_t quality = 0;
    bool mean = false;  ///< values are means since the one before
    bool known = false;
    bool renewed = false;
  };
  struct State {
    Formula formula;
    std::vector<Input> inputs;
    std::optional<std::uint32_t> series;  ///< none: nothing came yet
    std::optional<std::int64_t> last_ns;
    bool touched = false;
  };
  struct Use {
    std::uint32_t formula;
    std::uint32_t input;
  };

  [[nodiscard]] const std::vector<Use>& uses_of(std::uint32_t series);
  void feed(const Measurement& m, std::int64_t instant_ns);
  [[nodiscard]] std::optional<Measurement> result(State& state);
  [[nodiscard]] std::uint32_t series_of(State& state);

  SeriesTable& series_;
  runtime::Logger log_;
  std::vector<State> states_;
  std::vector<std::optional<std::vector<Use>>> uses_;  ///< by series
  std::vector<double> values_;                         ///< scratch
  bool touched_ = false;
};

}  // namespace mesura::pipeline
