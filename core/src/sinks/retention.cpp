// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/retention.hpp"

namespace mesura::sinks {

config::Field rollups_option() {
  return config::optional(
      "rollups", config::boolean("also keep means, extremes and growth by minute, 15 minutes, hour and day"), "true");
}

config::Field retention_option() {
  return config::optional(
      "retention",
      config::object({config::optional("raw", config::duration("measurements older than this are deleted", "1m")),
                      config::optional("minutes", config::duration("the same for rollups of a minute", "2d")),
                      config::optional("quarter_hours", config::duration("rollups of 15 minutes", "2d")),
                      config::optional("hours", config::duration("rollups of an hour", "3d")),
                      config::optional("days", config::duration("rollups of a day", "2d")),
                      config::optional("quarters", config::duration("quarter hours in steps of five seconds", "1h"))},
                     "how long things are kept; without it for ever"));
}

Retention retention_of(const config::Value& options) {
  Retention keep;
  const config::Value& retention = options["retention"];
  if (!retention) return keep;
  const auto age = [&](const char* key) {
    return retention[key] ? std::optional{retention[key].duration()} : std::nullopt;
  };
  keep.raw = age("raw");
  keep.minutes = age("minutes");
  keep.quarter_hours = age("quarter_hours");
  keep.hours = age("hours");
  keep.days = age("days");
  keep.quarters = age("quarters");
  return keep;
}

}  // namespace mesura::sinks
