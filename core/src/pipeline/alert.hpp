// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace mesura::pipeline {

/// A rule that has something to say about one subject, or had.
struct Alert {
  std::string rule;     ///< its name in `alerts:`
  std::string subject;  ///< a device, series ("grid/total/active_power"), sink or path
  std::string kind;  ///< "stale", "demand_forecast", "month_peak", "above", "below", "stuck", "disk_low", "sink_away",
                     ///< "spool_growing"
  bool active = false;
  std::int64_t since_ns = 0;  ///< when it became what it is
  std::string message;        ///< for people, with the figures
};

}  // namespace mesura::pipeline
