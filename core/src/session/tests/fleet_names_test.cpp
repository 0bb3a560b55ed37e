// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/fleet_names.hpp"

#include <support/catch.hpp>
#include <support/temp_dir.hpp>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

using mesura::session::FleetNames;
using mesura::session::snake_case;
using mesura::session::TakenNames;

namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("fleet names: made by rule, legal anywhere, kept when the unit is renamed") {
  CHECK(snake_case("Zähler 3") == "z_hler_3");
  CHECK(snake_case("<script>") == "script");
  CHECK(snake_case("\xf0\x9f\x98\x80") == "");
  FleetNames names{"unit_{unit_name}", ""};
  CHECK(names.device("SN1", "Meter Cupboard").device == "unit_meter_cupboard");
  CHECK(names.device("SN1", "Garage").device == "unit_meter_cupboard");
  CHECK(names.device("SN2", "").device == "unit_sn2");
  CHECK(FleetNames("{unit_name}", "").device("192.168.0.34", "").device == "unit_192_168_0_34");
  CHECK(FleetNames("{unit_name}-{key}", "").device("SN1", "A").device == "a_sn1");
}

TEST_CASE("fleet names: equal names and names of other devices get a number, and are said once") {
  const auto taken = std::make_shared<TakenNames>();
  taken->configured.insert("grid");
  FleetNames names{"{unit_name}", "", taken};
  CHECK(names.device("SN1", "Shed").warning.empty());
  const auto second = names.device("SN2", "Shed");
  CHECK(second.device == "shed_2");
  CHECK_THAT(second.warning, mesura::test::contains("SN2"));
  CHECK(names.device("SN2", "Shed").warning.empty());
  CHECK(names.device("SN3", "shed").device == "shed_3");
  CHECK(names.device("SN4", "Grid").device == "grid_2");
  {
    FleetNames other{"{unit_name}", "", taken};
    CHECK(other.device("SN1", "Shed").device == "shed_4");
  }
  CHECK(names.device("SN5", "Shed").device == "shed_4");  // free again
}

TEST_CASE("fleet names: a name that a device was configured with since gives way, and that is said") {
  const mesura::test::TempDir dir;
  const std::string file = (dir.path() / "units.names").string();
  { CHECK(FleetNames("{unit_name}", file).device("SN1", "Shed").device == "shed"); }
  const auto taken = std::make_shared<TakenNames>();
  taken->configured.insert("shed");
  FleetNames names{"{unit_name}", file, taken};
  CHECK(names.device("SN1", "Shed").device == "shed_2");
  REQUIRE(names.warnings().size() == 1);
  CHECK_THAT(names.warnings()[0], mesura::test::contains("SN1"));
}

TEST_CASE("fleet names: a file that can't be written is said, and the unit has its name") {
  FleetNames names{"{unit_name}", "/nonexistent/units.names"};
  const auto name = names.device("SN1", "Shed");
  CHECK(name.device == "shed");
  CHECK_THAT(name.warning, mesura::test::contains("/nonexistent/units.names"));
  CHECK(names.device("SN1", "Shed").warning.empty());
}

TEST_CASE("fleet names: survive a restart, also one in the middle of a line") {
  const mesura::test::TempDir dir;
  const std::string file = (dir.path() / "units.names").string();
  {
    FleetNames names{"{unit_name}", file};
    CHECK(names.device("SN 1\t%", "Shed").device == "shed");
    CHECK(names.device("SN2", "Shed").device == "shed_2");
  }
  std::ofstream(file, std::ios::app | std::ios::binary) << "half_of_a_li";
  {
    FleetNames names{"{unit_name}", file};
    CHECK(names.device("SN2", "other").device == "shed_2");
    CHECK(names.device("SN 1\t%", "other").device == "shed");
    CHECK(names.device("SN3", "third").device == "third");
  }
  FleetNames again{"{unit_name}", file};
  CHECK(again.device("SN3", "fourth").device == "third");
  CHECK(slurp(file) == "shed\tSN%201%09%25\nshed_2\tSN2\nhalf_of_a_li\nthird\tSN3\n");
}
