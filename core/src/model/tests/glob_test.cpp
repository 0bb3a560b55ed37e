// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/glob.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

bool matches(std::string_view glob, std::string_view device, std::string_view channel, std::string_view quantity) {
  INFO(glob);
  const auto g = Glob::parse(glob);
  REQUIRE(g);
  CHECK(g->text() == glob);
  return g->matches(device, channel, quantity);
}

TEST_CASE("a glob with fewer parts takes all that is below") {
  CHECK(matches("*", "grid", "l1", "active_power"));
  CHECK(matches("grid", "grid", "l1", "active_power"));
  CHECK(matches("grid/*", "grid", "l1", "active_power"));
  CHECK(matches("grid/l1", "grid", "l1", "voltage"));
  CHECK(matches("grid/l1/active_power", "grid", "l1", "active_power"));
  CHECK(matches("inverter/*/active_power", "inverter", "pv1", "active_power"));

  CHECK_FALSE(matches("grid", "grid2", "l1", "active_power"));
  CHECK_FALSE(matches("grid", "a_grid", "l1", "active_power"));
  CHECK_FALSE(matches("grid/l1", "grid", "l2", "active_power"));
  CHECK_FALSE(matches("grid/l1/active_power", "grid", "l1", "active_power_import"));
  CHECK_FALSE(matches("*/*/voltage", "grid", "l1", "active_power"));
}

TEST_CASE("wildcards stay inside their part") {
  CHECK(matches("*/l?/active_power*", "grid", "l2", "active_power_import"));
  CHECK(matches("g*d", "grid", "l1", "voltage"));
  CHECK_FALSE(matches("*/l?", "grid", "l10", "voltage"));
  CHECK_FALSE(matches("grid/l*power", "grid", "l1", "active_power"));

  SeriesInfo s;
  s.device = "cupboard";
  s.channel = "ct2";
  s.quantity = "active_power";
  CHECK(Glob::parse("cup*/ct?")->matches(s));
  CHECK_FALSE(Glob::parse("cup*/ct?/voltage")->matches(s));
  CHECK(Glob::parse("cup*/ct?/voltage")->matches_device("cupboard"));
  CHECK_FALSE(Glob::parse("cup*/ct?/voltage")->matches_device("grid"));
}

TEST_CASE("wildcard matching") {
  CHECK(wildcard_matches("", ""));
  CHECK(wildcard_matches("*", ""));
  CHECK(wildcard_matches("a*b*c", "aXbYbZc"));
  CHECK(wildcard_matches("*ab", "aab"));
  CHECK(wildcard_matches("?*", "x"));
  CHECK_FALSE(wildcard_matches("?", ""));
  CHECK_FALSE(wildcard_matches("", "x"));
  CHECK_FALSE(wildcard_matches("a*b", "aXbY"));
  // Would take ages if every star tried every split.
  CHECK_FALSE(wildcard_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(20000, 'a')));
}

TEST_CASE("what is no glob says why") {
  struct Row {
    std::string text, message, hint;
  };
  const Row rows[] = {
      {"", "empty series glob", "'*' takes every series"},
      {"grid//voltage", "part 2 of a series glob is empty", "write '*' for any device, channel or quantity"},
      {"/l1", "part 1 of a series glob is empty", "write '*' for any device, channel or quantity"},
      {"grid/", "part 2 of a series glob is empty", "write '*' for any device, channel or quantity"},
      {"grid/**", "'**' in a series glob",
       "one '*' takes any characters of a part; fewer parts take all that is below"},
      {"a/b/c/d", "a series glob of 4 parts", "a series is device/channel/quantity, e.g. grid/l1/active_power"},
      {"grid inverter", "blank or control character in a series glob", "write several globs as a list"},
      {"grid\n", "blank or control character in a series glob", "write several globs as a list"},
  };
  for (const auto& row : rows) {
    INFO(row.text);
    Problem problem;
    CHECK_FALSE(Glob::parse(row.text, &problem));
    CHECK(problem.message == row.message);
    CHECK(problem.expected == "device, device/channel or device/channel/quantity, with * and ?");
    CHECK(problem.got == row.text);
    CHECK(problem.hint == row.hint);
    CHECK_FALSE(Glob::parse(row.text));
  }
}

}  // namespace
}  // namespace mesura::model
