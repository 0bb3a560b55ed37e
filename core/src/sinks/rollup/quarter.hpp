// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A quarter hour in five-second steps, as capacity tariffs make people look at it.
#pragma once

#include "model/zones.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace mesura::sinks::rollup {

/// The mean import and export of each five seconds of a quarter hour, whole watts toward zero, and their mean.
///
/// source  the reference monitor's stored quarters: what it would have kept of the same samples, but that export is
/// positive here
struct Quarter {
  static constexpr std::size_t kSlots = 180;

  std::int64_t start = 0;    ///< UTC, µs
  std::int32_t id = 0;       ///< quarter_id()
  std::int64_t average = 0;  ///< W, import: mean of the slots that have one, toward zero
  std::uint64_t samples = 0;
  std::array<std::optional<std::int64_t>, kSlots> imported = {};  ///< W; nothing: no sample in these five seconds
  std::array<std::optional<std::int64_t>, kSlots> exported = {};  ///< W, positive
};

/// Makes a Quarter of samples in any order.
class QuarterSamples {
 public:
  /// `start`: of the quarter hour, UTC in µs.
  explicit QuarterSamples(std::int64_t start) : start_(start) {}
  /// Powers in W, plus only; what is unknown is NaN. Negative ones count as 0.
  void add(std::int64_t time, double imported, double exported);
  [[nodiscard]] bool empty() const { return samples_ == 0; }
  [[nodiscard]] Quarter result(const model::Zone& zone) const;

 private:
  struct Slot {
    double imported = 0, exported = 0;
    std::uint32_t imports = 0, exports = 0;
  };
  std::int64_t start_;
  std::uint64_t samples_ = 0;
  std::array<Slot, Quarter::kSlots> slots_ = {};
};

/// The reference monitor's number of the quarter hour that begins then: local year - 2000, month, day and quarter of
/// the day, a byte each; 0x80 in the last one in summer time.
[[nodiscard]] std::int32_t quarter_id(std::int64_t start, const model::Zone& zone);

/// "[652,null,10]": up to the last slot that has a value.
[[nodiscard]] std::string slots_as_json(const std::array<std::optional<std::int64_t>, Quarter::kSlots>& slots);

}  // namespace mesura::sinks::rollup
