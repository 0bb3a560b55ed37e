// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/configuration.hpp"

#include "fake_catalog.hpp"

#include "support/catch.hpp"

#include <string>

using namespace mesura::config;
using namespace std::chrono_literals;

namespace {

Configuration load(const std::string& yaml) {
  ReadOptions options;
  options.environment = fake::environment();
  LoadResult result = load_configuration_text(yaml, fake::catalog(), options);
  std::string all;
  for (const auto& d : result.diagnostics.list())
    if (d.severity == Severity::error) all += render_text(d);
  REQUIRE(all == "");
  REQUIRE(result.configuration);
  return std::move(*result.configuration);
}

const std::string kHouse = R"(
timezone: Europe/Brussels
plugin_path: /opt/plugins
log: {devices: {lab: trace}}
devices:
  grid:
    plugin: meter
    transport: {serial: {path: /dev/ttyUSB0}}
    options: {retries: 7}
    channels: {ct2: {label: Solar, role: solar, invert: true, scale: 2, offset: -1.5}}
    capture: {keep: 2d}
    relay: {listen: 127.0.0.1:2002}
  lab:
    plugin: duo
    transport: {tcp: {host: lab.example, port: 54321}}
    links: {data: {udp: {port: 9}}}
    options: {rate: 8000}
    stale_after: 5s
    enabled: false
sinks:
  local: {sqlite: {path: mesura.db}, commit_interval: 5s, queue: {full: block}}
  broker: {mqtt: {url: "mqtt://user:correct-horse@broker", password: "${PASSWORD}"}}
routes:
  - {from: grid, to: [local, local, broker], every: 10s, aggregate: mean}
)";

}  // namespace

TEST_CASE("the capacity tariff is off unless it is configured") {
  const Configuration usual = load("capacity: {}\n");
  REQUIRE(usual.capacity);
  CHECK(usual.capacity->floor_w == 2500);
  CHECK_FALSE(usual.capacity->eur_per_kw_year);
  CHECK_FALSE(usual.capacity->limit_w);
  const Configuration own = load("capacity: {floor_w: 2000, eur_per_kw_year: 45.5, limit_w: 4000}\n");
  REQUIRE(own.capacity);
  CHECK(own.capacity->floor_w == 2000);
  CHECK(own.capacity->eur_per_kw_year == 45.5);
  CHECK(own.capacity->limit_w == 4000.0);
  for (const char* wrong : {"capacity: {floor_w: -1}\n", "capacity: {price: 45}\n", "capacity: {limit_w: 4kW}\n"}) {
    INFO(wrong);
    CHECK_FALSE(load_configuration_text(wrong, fake::catalog()).configuration);
  }
}

TEST_CASE("a file becomes a configuration") {
  const Configuration c = load(kHouse);
  CHECK(c.timezone == "Europe/Brussels");
  CHECK(c.state == "./mesura-state");
  CHECK(c.plugin_path == std::vector<std::string>{"/opt/plugins"});
  CHECK(c.log.level == "info");
  CHECK(c.log.format == "auto");
  CHECK(c.log.file.empty());
  CHECK(c.log.max_bytes == 10 * 1024 * 1024);
  CHECK(c.log.keep == 5);
  CHECK(c.log.devices.at("lab") == "trace");
  CHECK(c.clock.sync == "auto");
  CHECK(c.clock.hold == 10min);
  CHECK_FALSE(c.capacity);

  REQUIRE(c.devices.size() == 2);
  const DeviceConfig& grid = c.devices[0];
  CHECK(grid.name == "grid");
  CHECK(grid.plugin == "meter");
  REQUIRE(grid.links.size() == 1);
  CHECK(grid.links[0].link == "data");
  CHECK(grid.links[0].kind == "serial");
  CHECK(grid.links[0].options["path"].text() == "/dev/ttyUSB0");
  CHECK(grid.options["retries"].integer() == 7);
  CHECK(grid.options["profile"].text() == "auto");
  CHECK(grid.stale_after == 20s);  // the plugin's
  CHECK(grid.enabled);
  REQUIRE(grid.channels.count("ct2") == 1);
  const ChannelConfig& ct2 = grid.channels.at("ct2");
  CHECK(ct2.label == "Solar");
  CHECK(ct2.role == "solar");
  CHECK(ct2.invert);
  CHECK(ct2.scale == 2.0);
  CHECK(ct2.offset == -1.5);
  REQUIRE(grid.capture);
  CHECK(grid.capture->keep == 48h);
  CHECK(grid.capture->max_bytes == 1'073'741'824);
  CHECK(grid.relay == "127.0.0.1:2002");

  const DeviceConfig& lab = c.devices[1];
  REQUIRE(lab.links.size() == 2);
  CHECK(lab.links[0].link == "command");
  CHECK(lab.links[0].kind == "tcp");
  CHECK(lab.links[1].link == "data");
  CHECK(lab.links[1].kind == "udp");
  CHECK(lab.stale_after == 5s);
  CHECK_FALSE(lab.enabled);
  CHECK_FALSE(lab.capture);
  CHECK_FALSE(lab.relay);

  REQUIRE(c.sinks.size() == 2);
  CHECK(c.sinks[0].name == "local");
  CHECK(c.sinks[0].kind == "sqlite");
  CHECK(c.sinks[0].options["path"].text() == "mesura.db");
  CHECK(c.sinks[0].queue_limit == 200'000);
  CHECK(c.sinks[0].queue_full == "block");
  CHECK(c.sinks[0].commit_interval == 5s);
  CHECK(c.sinks[1].commit_interval == 1s);
  CHECK(c.sinks[1].options["password"].text() == "correct-horse");

  REQUIRE(c.routes.size() == 1);
  CHECK(c.routes[0].from == std::vector<std::string>{"grid"});
  CHECK(c.routes[0].to == std::vector<std::string>{"local", "broker"});
  CHECK(c.routes[0].every == 10s);
  CHECK(c.routes[0].aggregate == "mean");
}

TEST_CASE("a plugin's defaults for its transports come before the transport's own") {
  const Configuration c = load(R"(
devices:
  serial: {plugin: meter, transport: {serial: {path: /dev/ttyUSB0}}}
  tcp: {plugin: meter, transport: {tcp: {host: a}}}
  own: {plugin: meter, transport: {serial: {path: /dev/ttyUSB1, baud: auto}}}
)");
  CHECK(c.devices[0].links[0].options["baud"].integer() == 9600);
  CHECK(c.devices[0].links[0].options["format"].text() == "7E1");
  CHECK(c.devices[1].links[0].options["port"].integer() == 23);
  CHECK(c.devices[2].links[0].options["baud"].text() == "auto");
}

TEST_CASE("without routes everything goes to every sink") {
  const Configuration c = load("sinks: {a: {csv: {path: a}}, b: {csv: {path: b}}}");
  REQUIRE(c.routes.size() == 1);
  CHECK(c.routes[0].from == std::vector<std::string>{"*"});
  CHECK(c.routes[0].to == std::vector<std::string>{"a", "b"});
  CHECK(c.routes[0].every == 0ns);
}

TEST_CASE("sections compare by what they mean, so a reload touches only what changed") {
  const Configuration before = load(kHouse);
  std::string moved = "# a comment moves every line\n" + kHouse;
  const Configuration same = load(moved);
  CHECK(before.devices[0].section == same.devices[0].section);
  CHECK(before.sinks[1].section == same.sinks[1].section);

  std::string changed = kHouse;
  changed.replace(changed.find("retries: 7"), 10, "retries: 8");
  const Configuration other = load(changed);
  CHECK_FALSE(before.devices[0].section == other.devices[0].section);
  CHECK(before.devices[1].section == other.devices[1].section);

  // A default that is written out is no change either.
  std::string written = kHouse;
  written.replace(written.find("retries: 7"), 10, "retries: 7, profile: auto");
  CHECK(before.devices[0].section == load(written).devices[0].section);
}

TEST_CASE("a changed secret is a change") {
  ReadOptions options;
  std::string password = "one";
  options.environment = [&](const std::string&) { return password; };
  const std::string yaml = "sinks: {b: {mqtt: {url: 'mqtt://b', password: '${P}'}}}";
  const auto first = load_configuration_text(yaml, fake::catalog(), options);
  password = "two";
  const auto second = load_configuration_text(yaml, fake::catalog(), options);
  CHECK_FALSE(first.configuration->sinks[0].section == second.configuration->sinks[0].section);
}

TEST_CASE("the effective configuration has the defaults and no secret") {
  const Configuration c = load(R"(
devices:
  grid:
    plugin: meter
    transport: {tcp: {host: "${METER_HOST}"}}
    options: {key: 00112233445566778899AABBCCDDEEFF, greeting: "$${x}"}
sinks:
  broker: {mqtt: {url: "mqtt://user:correct-horse@broker", password: "${PASSWORD}"}}
)");
  CHECK(show_effective(c, fake::catalog()) == R"(timezone: UTC
state: ./mesura-state
plugin_path: []
log:
  level: info
  format: auto
  max_size: 10MiB
  keep: 5
  devices: {}
clock:
  sync: auto
  hold: 10m
devices:
  grid:
    plugin: meter
    transport:
      tcp:
        host: p1.example
        port: 23
        timeout: 10s
    options:
      enabled_registers: true
      retries: 3
      factor: 1.5
      greeting: $${x}
      profile: auto
      every: 10s
      buffer: 64KiB
      key: "***"
      tariffs: {}
    stale_after: 20s
    enabled: true
    control: false
    channels: {}
fleets: {}
derived: {}
sinks:
  broker:
    mqtt:
      url: mqtt://user:***@broker
      password: "***"
    queue:
      limit: 200000
      full: drop_oldest
    spool: {}
    commit_interval: 1s
alerts: {}
notify: {}
)");
}

TEST_CASE("an unreadable file is a diagnostic") {
  const LoadResult result = load_configuration("/no/such/file.yaml", fake::catalog());
  CHECK_FALSE(result.configuration);
  REQUIRE(result.diagnostics.list().size() == 1);
  CHECK(render_text(result.diagnostics.list()[0]) ==
        "/no/such/file.yaml: error[cfg-file]: can't be read: No such file or directory\n");
}

TEST_CASE("derived series come in the order of their use, with the facts of their operands") {
  const Configuration c = load(R"(
devices:
  grid: {plugin: meter, transport: {serial: {path: /dev/ttyUSB0}}}
derived:
  site: {active_power: "house/total * 2"}
  house: {label: House, role: load, l1/active_power: "grid/l1/voltage * grid/l1/current", active_power: "grid/total"}
)");
  REQUIRE(c.derived.size() == 3);
  CHECK(c.derived[0].device + "/" + c.derived[0].channel == "house/l1");
  CHECK(c.derived[1].device + "/" + c.derived[1].channel == "house/total");
  CHECK(c.derived[2].device == "site");
  CHECK(c.derived[0].label == "House");
  CHECK(c.derived[0].role == "load");
  REQUIRE(c.derived[0].facts.size() == 2);
  CHECK(c.derived[0].facts[1].unit == "A");
  CHECK(c.derived[0].result.unit == "W");
}

TEST_CASE("an alert goes to all doors unless it says otherwise") {
  const Configuration c = load(R"(
alerts:
  one: {stale: {}}
  two: {disk_low: {}, to: b}
  three: {sink_away: {}, to: []}
notify:
  a: {exec: {command: /bin/true}}
  b: {webhook: {url: "http://h/"}}
)");
  REQUIRE(c.alerts.size() == 3);
  CHECK(c.alerts[0].kind == "stale");
  CHECK(c.alerts[0].to == std::vector<std::string>{"a", "b"});
  CHECK(c.alerts[1].to == std::vector<std::string>{"b"});
  CHECK(c.alerts[2].to.empty());
  REQUIRE(c.doors.size() == 2);
  CHECK(c.doors[0].options["command"].list().size() == 1);
}
