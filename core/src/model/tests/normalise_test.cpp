// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/normalise.hpp"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

const Quantity& quantity(std::string_view name) {
  const auto* q = Vocabulary::standard().find(name);
  INFO(name);
  REQUIRE(q != nullptr);
  return *q;
}

ChannelRule rule(Role role, bool invert) {
  ChannelRule r;
  r.role = role;
  r.invert = invert;
  return r;
}

TEST_CASE("sign by role: every role, wire convention and direction of the clamp") {
  struct Row {
    Role role;
    WireSign wire;
    bool invert;
    double stored;  // of 1000 W on the wire
  };
  constexpr auto kImport = WireSign::import_positive;
  constexpr auto kExport = WireSign::export_positive;
  const Row rows[] = {
      // 1000 W taken, by a device for which plus is import
      {Role::none, kImport, false, 1000},
      {Role::grid, kImport, false, 1000},
      {Role::load, kImport, false, 1000},
      {Role::battery, kImport, false, 1000},
      {Role::solar, kImport, false, -1000},
      {Role::none, kImport, true, -1000},
      {Role::grid, kImport, true, -1000},
      {Role::load, kImport, true, -1000},
      {Role::battery, kImport, true, -1000},
      {Role::solar, kImport, true, 1000},
      // 1000 W given, by a device for which plus is export
      {Role::none, kExport, false, -1000},
      {Role::grid, kExport, false, -1000},
      {Role::load, kExport, false, -1000},
      {Role::battery, kExport, false, -1000},
      {Role::solar, kExport, false, 1000},
      {Role::none, kExport, true, 1000},
      {Role::grid, kExport, true, 1000},
      {Role::load, kExport, true, 1000},
      {Role::battery, kExport, true, 1000},
      {Role::solar, kExport, true, -1000},
  };
  for (const auto& row : rows) {
    INFO("role '" << to_string(row.role) << "' export_positive " << (row.wire == kExport) << " invert " << row.invert);
    for (const auto* name : {"active_power", "reactive_power", "power_factor", "direct_current", "active_power_avg"}) {
      INFO(name);
      const auto t = normalise(quantity(name), rule(row.role, row.invert), row.wire);
      CHECK(t(1000) == row.stored);
      CHECK(t(-1000) == -row.stored);
      CHECK(t.quantity == name);
      CHECK(t.changes_values() == (row.stored < 0));
    }
    // Magnitudes and places of the needle that have no direction.
    for (const auto* name : {"voltage", "current", "apparent_power", "frequency", "temperature", "power_failures"}) {
      INFO(name);
      const auto t = normalise(quantity(name), rule(row.role, row.invert), row.wire);
      CHECK(t(1000) == 1000);
      CHECK(t.quantity == name);
      CHECK_FALSE(t.changes_values());
    }
  }
}

TEST_CASE("a reversed clamp exchanges import and export, a role never does") {
  const std::pair<std::string, std::string> opposites[] = {
      {"active_power_import", "active_power_export"},
      {"active_power_export", "active_power_import"},
      {"active_energy_import", "active_energy_export"},
      {"active_energy_export_day", "active_energy_import_day"},
      {"reactive_energy_q1", "reactive_energy_q3"},
      {"reactive_energy_q2", "reactive_energy_q4"},
      {"reactive_power_q4", "reactive_power_q2"},
      {"active_demand_import_month_max", "active_demand_export_month_max"},
      {"charge_current", "discharge_current"},
      {"current_threshold_import", "current_threshold_export"},
  };
  for (const auto& [name, opposite] : opposites) {
    INFO(name);
    for (const auto role : {Role::none, Role::grid, Role::solar, Role::battery, Role::load}) {
      for (const auto wire : {WireSign::import_positive, WireSign::export_positive}) {
        const auto as_is = normalise(quantity(name), rule(role, false), wire);
        CHECK(as_is.quantity == name);
        CHECK(as_is(5) == 5);
        const auto inverted = normalise(quantity(name), rule(role, true), wire);
        CHECK(inverted.quantity == opposite);
        CHECK(inverted(5) == 5);
      }
    }
  }
}

TEST_CASE("the vendor's example: a CT6 says minus for import") {
  // Sheet: PRMS -1843.27 on the grid clamp, 2210.54 on the solar one, -412.61 into the battery, -3640.918 into the
  // house.
  const auto stored = [](Role role, double prms) {
    return normalise(quantity("active_power"), rule(role, false), WireSign::export_positive)(prms);
  };
  CHECK(stored(Role::grid, -1843.27) == 1843.27);
  CHECK(stored(Role::solar, 2210.54) == 2210.54);
  CHECK(stored(Role::battery, -412.61) == 412.61);
  CHECK(stored(Role::load, -3640.918) == 3640.918);
}

TEST_CASE("scale multiplies what grows with the current or flow") {
  ChannelRule twice;
  twice.scale = 0.5;
  for (const auto* name :
       {"active_power", "reactive_power", "apparent_power", "current", "current_peak", "active_energy_import",
        "reactive_energy_q1", "active_demand_import", "gas_volume", "thermal_energy_heat"}) {
    INFO(name);
    CHECK(normalise(quantity(name), twice)(300) == 150);
  }
  for (const auto* name : {"voltage", "frequency", "temperature", "power_factor", "phase_angle", "signal_strength",
                           "power_failures", "limiter_threshold", "fuse_threshold", "rated_active_power"}) {
    INFO(name);
    CHECK(normalise(quantity(name), twice)(300) == 300);
  }
}

TEST_CASE("offset is added last, in the stored sign, to the one quantity that takes it") {
  ChannelRule r = rule(Role::solar, false);
  r.scale = 2;
  r.offset = 5;
  CHECK(normalise(quantity("active_power"), r)(-100) == 205);
  CHECK(normalise(quantity("active_power"), r, WireSign::export_positive)(100) == 205);
  CHECK(normalise(quantity("temperature"), r)(20) == 25);
  CHECK(normalise(quantity("gas_volume"), r)(20) == 45);
  CHECK(normalise(quantity("reactive_power"), r)(-100) == 200);
  CHECK(normalise(quantity("current"), r)(1) == 2);
  CHECK(normalise(quantity("voltage"), r)(230) == 230);
  CHECK(normalise(quantity("active_energy_import"), r)(1) == 2);
  CHECK(normalise(quantity("active_power"), r).changes_values());
}

TEST_CASE("turning zero gives no negative zero, and whole numbers stay whole") {
  const auto t = normalise(quantity("active_power"), rule(Role::solar, false));
  CHECK_FALSE(std::signbit(t(0)));
  CHECK(t(-441879) == 441879);
  CHECK_FALSE(std::signbit(normalise(quantity("active_power"), {})(-0.0)));
}

TEST_CASE("texts and states pass as they are") {
  ChannelRule r = rule(Role::solar, true);
  r.scale = 3;
  r.offset = 7;
  for (const auto* name : {"message_text", "tariff_indicator", "operating_mode", "max_charge_current"}) {
    INFO(name);
    const auto t = normalise(quantity(name), r, WireSign::export_positive);
    CHECK(t.quantity == name);
    CHECK_FALSE(t.changes_values());
  }
}

TEST_CASE("roles have names") {
  for (const auto* name : {"", "grid", "solar", "battery", "load"}) {
    INFO(name);
    REQUIRE(role_from(name));
    CHECK(to_string(*role_from(name)) == name);
  }
  CHECK(role_from("solar") == Role::solar);
  CHECK_FALSE(role_from("Solar"));
  CHECK_FALSE(role_from("pv"));
}

}  // namespace
}  // namespace mesura::model
