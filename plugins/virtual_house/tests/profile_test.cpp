// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The profiles beside the house, and how they are refused.
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "virtual_house/house.hpp"
#include "virtual_house/parse.hpp"

using namespace mesura::virtual_house;

namespace {

std::string temporary_file(std::string_view text) {
  std::string path = (std::filesystem::temp_directory_path() / "mesura-profile-XXXXXX").string();
  const int fd = mkstemp(path.data());
  REQUIRE(fd >= 0);
  REQUIRE(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  close(fd);
  return path;
}

}  // namespace

TEST_CASE("profile lab: balanced, power factor 0.9, a step a minute, counted from the start") {
  Setup setup;
  setup.phases = 3;
  setup.start = 1'000'000'030;
  setup.pv_watts = 600;
  const auto lab = make_profile("lab", setup);
  const UtcSeconds minute = floor_to(setup.start, 60);
  const std::int64_t watts[] = {1000, 1500, 1000, 500};
  for (std::int64_t s = -600; s < 600; ++s) {
    const Instant now = lab->at(minute + s);
    const std::int64_t expected = watts[static_cast<std::size_t>((s + 600) / 60 % 4 + 2) % 4] * 1000;
    REQUIRE(now.load_mw == PerPhase{expected, expected, expected});
    REQUIRE(now.pv_mw == PerPhase{200'000, 200'000, 200'000});
    const auto p = static_cast<double>(now.load_mw[1]);
    const auto q = static_cast<double>(now.load_mvar[1]);
    REQUIRE(std::abs(p / std::hypot(p, q) - 0.9) < 1e-5);
    REQUIRE(now.voltage_mv == PerPhase{230'000, 230'000, 230'000});
    REQUIRE(now.frequency_mhz == 50'000);
  }
  setup.phases = 1;
  CHECK(make_profile("lab", setup)->at(minute).load_mw == PerPhase{1'000'000, 0, 0});
}

TEST_CASE("profile count, flat, constant, quarter, csv: what they show, to the milliwatt") {
  Setup setup;
  setup.start = 900;
  setup.interval = 10;
  CHECK(make_profile("count", setup)->at(900 + 123'459).load_mw == PerPhase{2'345'000, 0, 0});
  CHECK(make_profile("count", setup)->at(0).load_mw == PerPhase{});
  CHECK(make_profile("flat", setup)->at(7).load_mw == PerPhase{500'000, 0, 0});
  CHECK(make_profile("constant:-250.5", setup)->at(7).grid_mw(0) == -250'500);
  setup.phases = 3;
  CHECK(make_profile("constant:1000", setup)->at(7).load_mw == PerPhase{334'000, 333'000, 333'000});
  const auto quarter = make_profile("quarter:3,6", setup);
  CHECK(quarter->at(900).load_mw == PerPhase{1000, 1000, 1000});
  CHECK(quarter->at(1800).load_mw == PerPhase{2000, 2000, 2000});
  CHECK(quarter->at(2700).load_mw == PerPhase{1000, 1000, 1000});
  const std::string path = temporary_file("second,l1,l2,l3\n# after a while\n5,100,-200,300\n10,30\n");
  const auto csv = make_profile("csv:" + path, setup);
  CHECK(csv->at(904).load_mw == PerPhase{});
  CHECK(csv->at(905).load_mw == PerPhase{100'000, -200'000, 300'000});
  CHECK(csv->at(2000).load_mw == PerPhase{10'000, 10'000, 10'000});
  std::remove(path.c_str());
}

TEST_CASE("profile: what is refused, and how it is said") {
  Setup setup;
  CHECK_THROWS_WITH(
      make_profile("houze", setup),
      "profile: expected house, lab, flat, count, constant:WATTS, csv:FILE or quarter:WATTS,WATTS,..., got 'houze'");
  CHECK_THROWS_WITH(make_profile("constant:5kW", setup),
                    "profile constant: expected a number of watts such as 1600 or -250.5, got '5kW'");
  CHECK_THROWS_WITH(make_profile("quarter:", setup),
                    "profile quarter: expected watts per quarter hour such as quarter:1600,4800, got ''");
  CHECK_THROWS_WITH(make_profile("csv:/nonexistent/load.csv", setup),
                    "profile csv: cannot open '/nonexistent/load.csv': No such file or directory");
  setup.zone = "Europe/Brusels";
  CHECK_THROWS_WITH(make_profile("house", setup),
                    "zone: expected an IANA zone such as Europe/Brussels, got 'Europe/Brusels'");
  const std::string path = temporary_file("0,100\n5,200\n5,300\n");
  CHECK_THROWS_WITH(make_profile("csv:" + path, setup),
                    "profile csv " + path + ":3: expected a later second than the line before, got '5'");
  std::remove(path.c_str());
}

TEST_CASE("option texts: durations, energies, instants, bytes, serials") {
  CHECK(parse_seconds("5m") == 300);
  CHECK(parse_seconds("300") == std::nullopt);
  CHECK(parse_wh("12.345kWh") == 12'345);
  CHECK(parse_utc("1970-01-02T00:00:01Z") == 86'401);
  CHECK(parse_utc("1970-02-30T00:00:01Z") == std::nullopt);
  CHECK(parse_hex("00fF") == std::vector<std::uint8_t>{0, 255});
  CHECK(parse_hex("0") == std::nullopt);
  CHECK(serial_after("UNIT0099", 2) == "UNIT0101");
  CHECK(split("a, b,", ',') == std::vector<std::string_view>{"a", "b", ""});
}
