// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Quarter hours of one meter, out of the database and of memory.
#pragma once

#include "http/compat/context.hpp"
#include "sinks/rollup/quarter.hpp"
#include "store/archive.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mesura::http::compat::p1_monitor {

inline constexpr std::int64_t kQuarterNs = 900'000'000'000;

using Quarter = sinks::rollup::Quarter;

/// {"quarter_id":386662722,"consumed_power_avg":331,"interval_secs":5,"consumed_power_interval_avgs":[652,null,10],
/// "produced_power_interval_avgs":[0,null,-300]}: both arrays end with the last five seconds in which anything came.
[[nodiscard]] std::string to_json(const Quarter& quarter);
/// The same without a quarter hour: number 0, no values.
[[nodiscard]] std::string empty_json();

/// Start of the quarter hour that holds this time.
[[nodiscard]] constexpr std::int64_t start_of(std::int64_t time_ns) {
  const std::int64_t rest = time_ns % kQuarterNs;
  return time_ns - rest - (rest < 0 ? kQuarterNs : 0);
}

/// The power at the grid of one device, five seconds by five seconds.
///
/// Memory counts from its first batch on, the database before it, so that no sample counts twice even where routes thin
/// what is stored.
/// errors  StoreError, unless memory alone can answer
class Quarters {
 public:
  /// Has the device's batches kept. `context` must outlive it.
  explicit Quarters(const Context& context);

  /// That of the sample that came last; without any in memory that of the clock. Nothing: no sample in it.
  [[nodiscard]] std::optional<Quarter> running() const;
  /// One that is over; nothing: no samples, or it still runs.
  [[nodiscard]] std::optional<Quarter> finished(std::int64_t start_ns) const;
  /// The starts of those that are over, have samples and begin in the range.
  [[nodiscard]] std::set<std::int64_t> list(store::TimeRange range) const;
  /// The first of them; nothing: none.
  [[nodiscard]] std::optional<std::int64_t> first(store::TimeRange range) const;

  /// Mean import of the five seconds of the sample that came last, W; nothing: none has come of late.
  [[nodiscard]] std::optional<std::int64_t> present_import() const;

  struct Peak {
    std::int64_t quarter_ns = 0;  ///< its start
    std::int64_t watts = 0;
  };
  /// The meter's own peak of the month of the sample that came last; nothing: it has told none.
  [[nodiscard]] std::optional<Peak> month_peak() const;

 private:
  struct Sample {
    double imported, exported;
  };
  /// What memory knows of the device.
  struct Memory {
    std::map<std::int64_t, Sample> samples;  ///< by time in µs
    std::int64_t since_ns = INT64_MAX;       ///< all that came since is in it
    std::int64_t received_ns = INT64_MIN;    ///< of the sample that came last
    std::int64_t newest_ns = INT64_MIN;      ///< its time; a clock that was ahead has left later ones
    [[nodiscard]] bool empty() const { return samples.empty(); }
  };
  [[nodiscard]] Memory memory() const;
  [[nodiscard]] bool over(std::int64_t start_ns, const Memory& memory) const;
  [[nodiscard]] Quarter of_memory(std::int64_t start_ns, const Memory& memory) const;
  /// Of raw rows and memory.
  [[nodiscard]] Quarter gather(std::int64_t start_ns, const Memory& memory, store::Archive& archive) const;
  template <class Answer>
  static auto ask(store::StorePool& stores, Answer&& answer);

  const Context& context_;
};

}  // namespace mesura::http::compat::p1_monitor
