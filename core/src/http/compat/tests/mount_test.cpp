// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which device old clients are shown, and what the configuration says of it.
#include "http/compat/mount.hpp"
#include "config/reader.hpp"
#include "http/compat/tests/compat_fixture.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fstream>

using namespace mesura;
using namespace mesura::http;
using namespace mesura::http::test;
using Catch::Matchers::Contains;
using compat::System;

namespace {

config::DeviceConfig device(std::string name, std::string plugin) {
  config::DeviceConfig d;
  d.name = std::move(name);
  d.plugin = std::move(plugin);
  d.stale_after = std::chrono::seconds{30};
  d.options = config::Value{config::Value::Map{{"interval", config::Value{std::int64_t{7'000'000'000}}}}};
  return d;
}

/// What the reader and the checks make of a file with `http: {compat: ...}`.
struct Read {
  config::HttpCompatConfig compat;
  std::string errors;
};
Read read(const std::string& yaml) {
  const auto devices = config::map(config::object({config::required("plugin", config::of(config::Type::name, "")),
                                                   config::optional("enabled", config::boolean(""), "true")}),
                                   "");
  const auto http = config::object({config::optional("compat", config::http_compat_schema())}, "");
  config::ReadOptions options;
  options.file = "home.yaml";
  auto reading = config::read_text(
      yaml, config::object({config::optional("devices", devices, "{}"), config::optional("http", http, "{}")}, ""),
      options);
  Read out;
  if (reading.value) {
    const auto& compat = reading.value["http"]["compat"];
    config::check_http_compat(compat, reading.value, "home.yaml", reading.diagnostics);
    if (!reading.diagnostics.has_errors()) out.compat = config::make_http_compat(compat);
  }
  for (const auto& d : reading.diagnostics.list()) out.errors += config::render_text(d);
  return out;
}

}  // namespace

TEST_CASE("the only device of a plugin is that of its old clients", "[compat]") {
  config::Configuration c;
  c.timezone = "UTC";
  c.devices = {device("grid", "dsmr_p1")};
  CHECK(compat::compat_mounts(c).empty());  // no server
  c.http.emplace();
  c.devices.clear();
  CHECK(compat::compat_mounts(c).empty());
  c.devices = {device("grid", "dsmr_p1"), device("inverter", "axpert"), device("cupboard", "ct6")};
  auto mounts = compat::compat_mounts(c);
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].system == System::p1_monitor);
  CHECK(mounts[0].device == "grid");
  // The reference monitor knows no other zone; ours counts where it is written.
  CHECK(mounts[0].zone.name() == "Europe/Brussels");
  CHECK_FALSE(mounts[0].listen);
  CHECK(mounts[1].system == System::godenerg);
  CHECK(mounts[1].zone.name() == "UTC");
  CHECK(mounts[1].interval == std::chrono::seconds{7});
  CHECK(mounts[1].stale_after == std::chrono::seconds{30});
  c.timezone = c.site_zone = "Europe/Amsterdam";
  CHECK(compat::compat_mounts(c)[0].zone.name() == "Europe/Amsterdam");

  SECTION("of several none, unless one is named") {
    c.devices.push_back(device("second", "dsmr_p1"));
    mounts = compat::compat_mounts(c);
    REQUIRE(mounts.size() == 1);
    CHECK(mounts[0].system == System::godenerg);
    c.http->compat.p1_monitor = config::CompatConfig{"second", "0.0.0.0:8081", "off"};
    mounts = compat::compat_mounts(c);
    REQUIRE(mounts.size() == 2);
    CHECK(mounts[0].device == "second");
    CHECK(mounts[0].listen == "0.0.0.0:8081");
    CHECK(mounts[0].auth == "off");
  }
  SECTION("disabled ones and fleets do not count") {
    c.devices.push_back(device("second", "dsmr_p1"));
    c.devices.back().enabled = false;
    c.devices.push_back(device("third", "axpert"));
    c.devices.back().fleet = config::FleetConfig{};
    CHECK(compat::compat_mounts(c).size() == 2);
  }
}

TEST_CASE("a port of its own asks nobody only if that is written", "[compat]") {
  Site site{"dsmr_p1"};
  const compat::Surroundings around{site.live(), {}, site.clock(), {}};
  compat::Mount mount;
  mount.device = "meter";
  const auto roles = [&](bool own_port) {
    const auto routes = compat::compat_routes(mount, around, own_port);
    REQUIRE_FALSE(routes.empty());
    for (const Route& route : routes) CHECK(route.role == routes.front().role);
    return routes.front().role;
  };
  CHECK(roles(false) == Role::read);
  CHECK(roles(true) == Role::read);
  mount.auth = "off";
  CHECK(roles(false) == Role::read);
  CHECK(roles(true) == Role::none);
  // Unknown paths are another server's on the main port.
  CHECK(get(compat::compat_routes(mount, around, false), "/nothing").body == "no route");
  CHECK(get(compat::compat_routes(mount, around, true), "/nothing").body == "Item not found");
  mount.system = System::godenerg;
  CHECK(roles(true) == Role::none);
  CHECK(get(compat::compat_routes(mount, around, false), "/nothing").body == "no route");
  CHECK(get(compat::compat_routes(mount, around, true), "/nothing").body == "Route not found");
}

TEST_CASE("the configuration names a device, a port and who may read", "[compat]") {
  const std::string devices = "devices: {grid: {plugin: dsmr_p1}, inverter: {plugin: axpert}}\n";
  CHECK_FALSE(read(devices).compat.p1_monitor);
  const auto both = read(devices +
                         "http: {compat: {p1_monitor: {device: grid, listen: '0.0.0.0:80', auth: off}, godenerg: "
                         "{listen: '127.0.0.1:8889'}}}\n");
  CHECK(both.errors.empty());
  REQUIRE(both.compat.p1_monitor);
  CHECK(both.compat.p1_monitor->device == "grid");
  CHECK(both.compat.p1_monitor->listen == "0.0.0.0:80");
  CHECK(both.compat.p1_monitor->auth == "off");
  REQUIRE(both.compat.godenerg);
  CHECK_FALSE(both.compat.godenerg->device);
  CHECK(both.compat.godenerg->auth == "auto");

  const auto wrong = [&](const std::string& compat, const std::string& more = {}) {
    const auto got = read("devices: {grid: {plugin: dsmr_p1}, inverter: {plugin: axpert}" + more +
                          "}\nhttp: {compat: " + compat + "}\n");
    CHECK_FALSE(got.compat.p1_monitor);
    return got.errors;
  };
  CHECK_THAT(wrong("{p1_monitor: {device: grdi}}"), Contains("error[cfg-unknown-device]"));
  CHECK_THAT(wrong("{p1_monitor: {device: grdi}}"), Contains("did you mean 'grid'?"));
  CHECK_THAT(wrong("{p1_monitor: {device: inverter}}"), Contains("a device of plugin 'dsmr_p1'"));
  CHECK_THAT(wrong("{p1_monitor: {}}", ", second: {plugin: dsmr_p1}"), Contains("device: grid, second"));
  CHECK(read("devices: {grid: {plugin: dsmr_p1}, second: {plugin: dsmr_p1, enabled: false}}\n"
             "http: {compat: {p1_monitor: {}}}\n")
            .errors.empty());
  CHECK_THAT(wrong("{p1_monitor: {auth: off}}"), Contains("is that of a port of its own"));
  CHECK_THAT(wrong("{p1_monitor: {auth: open}}"), Contains("required"));
  CHECK_THAT(wrong("{p1_monitor: {listen: 'a:1'}, godenerg: {listen: 'a:1'}}"), Contains("is in use already"));
  CHECK_THAT(wrong("{p1_monitor: {port: 80}}"), Contains("unknown key 'port'"));
  CHECK_THAT(wrong("{ct6: {}}"), Contains("unknown key 'ct6'"));
}

TEST_CASE("starts are remembered, a hundred of them", "[compat]") {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const mesura::test::TempDir dir;
  const std::string path = (dir.path() / "starts").string();
  CHECK(compat::note_start(path, 1000 * kSecond) == std::vector<std::int64_t>{1000 * kSecond});
  CHECK(compat::note_start(path, 2000 * kSecond + 5) == std::vector<std::int64_t>{1000 * kSecond, 2000 * kSecond + 5});
  for (int i = 3; i < 150; ++i) (void)compat::note_start(path, i * 1000 * kSecond);
  const auto starts = compat::note_start(path, 150'000 * kSecond);
  REQUIRE(starts.size() == 100);
  CHECK(starts.front() == 51'000 * kSecond);
  CHECK(starts.back() == 150'000 * kSecond);
  // Damage, and a place where nothing can be written.
  std::ofstream(path) << "12\nrubbish\n13\n";
  CHECK(compat::note_start(path, 1000 * kSecond) == std::vector<std::int64_t>{12 * kSecond, 1000 * kSecond});
  CHECK(compat::note_start((dir.path() / "none" / "starts").string(), 1000 * kSecond).size() == 1);
}
