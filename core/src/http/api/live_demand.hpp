// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace mesura::http::api {

/// The running quarter hour of every device that measures import power on its channel `total`, from memory.
///
/// take() is the collector's; the rest is thread-safe.
class LiveDemand {
 public:
  /// `series` must outlive it.
  explicit LiveDemand(const SeriesTable& series);
  ~LiveDemand();
  LiveDemand(const LiveDemand&) = delete;
  LiveDemand& operator=(const LiveDemand&) = delete;

  void take(const Batch& batch);

  struct Running {
    std::int64_t time_ns = 0;      ///< of the newest sample
    store::QuarterDemand quarter;  ///< average_w is NaN when its beginning was not heard
    double power_w = 0;            ///< import, mean of the last minute; NaN: none
  };
  [[nodiscard]] std::optional<Running> running(const std::string& device) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mesura::http::api
