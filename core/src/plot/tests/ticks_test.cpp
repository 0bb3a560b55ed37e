// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plot/ticks.hpp"

#include "runtime/time_text.hpp"

#include <support/catch.hpp>

using namespace mesura;
using namespace mesura::plot;

namespace {

std::vector<std::string> labels(const Scale& scale) {
  std::vector<std::string> out;
  for (const double tick : scale.ticks) out.push_back(scale.label(tick));
  return out;
}

std::string times(const char* from, const char* to, std::size_t width, const char* zone = "Europe/Brussels") {
  std::string out;
  for (const auto& tick :
       time_ticks(*runtime::parse_time(from), *runtime::parse_time(to), *model::Zone::find(zone), width))
    out += (out.empty() ? "" : " ") + tick.label;
  return out;
}

}  // namespace

TEST_CASE("values are marked at round numbers") {
  using Labels = std::vector<std::string>;
  CHECK(labels(value_scale(0, 973, "W", 5)) == Labels{"0", "200", "400", "600", "800", "1000"});
  CHECK(labels(value_scale(-2300, 7100, "W", 5)) == Labels{"-4", "-2", "0", "2", "4", "6", "8"});
  CHECK(value_scale(-2300, 7100, "W", 5).unit == "kW");
  CHECK(labels(value_scale(229.8, 230.4, "V", 4)) == Labels{"229.8", "230.0", "230.2", "230.4"});
  CHECK(labels(value_scale(0, 4e6, "Wh", 4)) == Labels{"0", "1", "2", "3", "4"});
  CHECK(value_scale(0, 4e6, "Wh", 4).unit == "MWh");
  CHECK(value_scale(0, 0.05, "A", 4).unit == "mA");
  CHECK(value_scale(0, 40000, "Cel", 4).unit == "Cel");
  CHECK(value_scale(0, 3, "1", 4).unit.empty());
}

TEST_CASE("values that are all the same, or tiny, or huge, still make a scale") {
  for (const auto& [min, max] : {std::pair{5.0, 5.0}, {0.0, 0.0}, {-1e-300, 1e-300}, {1e15, 1e15 + 2}, {-7.0, -7.0}}) {
    const Scale scale = value_scale(min, max, "W", 4);
    INFO(min << " " << max);
    CHECK(scale.low <= min);
    CHECK(scale.high >= max);
    CHECK(scale.low < scale.high);
    CHECK(scale.ticks.size() >= 2);
    CHECK(scale.ticks.size() < 30);
  }
}

TEST_CASE("times are marked at round local times and the labels fit") {
  CHECK(times("2026-06-14T10:00:00Z", "2026-06-14T11:00:00Z", 70) == "12:00 12:10 12:20 12:30 12:40 12:50");
  CHECK(times("2026-06-14T10:00:00Z", "2026-06-14T10:00:10Z", 70) == "12:00:00 12:00:02 12:00:04 12:00:06 12:00:08");
  CHECK(times("2026-06-13T22:00:00Z", "2026-06-14T22:00:00Z", 70) == "06-14 03:00 06:00 09:00 12:00 15:00 18:00 21:00");
  CHECK(times("2026-05-31T22:00:00Z", "2026-06-30T22:00:00Z", 50) == "06-04 06-11 06-18 06-25");
  CHECK(times("2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z", 70) == "2026-01 2026-04 2026-07 2026-10");
  CHECK(times("2000-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 70) == "2005 2010 2015 2020 2025");
  CHECK(times("2026-06-14T10:00:00Z", "2026-06-14T10:00:00.010Z", 70) == "12:00:00.000 12:00:00.005");
  CHECK(times("2026-06-14T00:00:00Z", "2026-06-14T12:00:00Z", 70, "Asia/Kathmandu") ==
        "06:00 08:00 10:00 12:00 14:00 16:00");
}

TEST_CASE("the nights of the clock changes have their hours twice, or not at all") {
  CHECK(times("2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z", 70) == "10-25 01:00 02:00 02:00 03:00 04:00 05:00");
  CHECK(times("2026-03-28T23:00:00Z", "2026-03-29T04:00:00Z", 50) == "03-29 01:00 03:00 04:00 05:00");
  // Days stay days.
  CHECK(times("2026-10-23T22:00:00Z", "2026-10-27T23:00:00Z", 40) == "10-24 10-25 10-26 10-27");
}

TEST_CASE("an empty or reversed range has no marks") {
  CHECK(times("2026-10-24T22:00:00Z", "2026-10-24T22:00:00Z", 70).empty());
  CHECK(times("2026-10-24T22:00:00Z", "2026-10-23T22:00:00Z", 70).empty());
  CHECK(times("2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z", 0).empty());
}
