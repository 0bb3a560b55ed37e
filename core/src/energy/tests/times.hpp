// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "energy/periods.hpp"

#include "support/catch.hpp"

namespace mesura::energy {

inline std::int64_t utc(int year, int month, int day, int hour = 0, int minute = 0, int second = 0) {
  model::LocalTime time;
  time.year = year;
  time.month = month;
  time.day = day;
  time.hour = hour;
  time.minute = minute;
  time.second = second;
  return model::Zone::utc().to_utc(time).value();
}

inline model::Zone brussels() { return model::Zone::find("Europe/Brussels").value(); }

}  // namespace mesura::energy
