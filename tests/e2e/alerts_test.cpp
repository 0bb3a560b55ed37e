// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Derived series and alerts of a service, against a virtual meter.
#include "house.hpp"

#include <support/catch.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

using namespace mesura::test;

namespace {

std::string house_yaml(const TempDir& dir, const Meter& meter, const std::string& limit) {
  return fmt::format(
      "timezone: Europe/Brussels\n"
      "state: {0}/state\n"
      "devices:\n"
      "  grid:\n"
      "    plugin: dsmr_p1\n"
      "    transport: {{tcp: {{host: {1}, port: {2}}}}}\n"
      "    stale_after: 2s\n"
      "derived:\n"
      "  twice: {{active_power: \"house/total + house/total\"}}\n"
      "  house: {{label: House, role: load, active_power: \"grid/total/active_power_import - "
      "grid/total/active_power_export\"}}\n"
      "sinks:\n"
      "  local: {{sqlite: {{path: {0}/mesura.db}}, commit_interval: 100ms}}\n"
      "alerts:\n"
      "  quiet: {{stale: {{}}}}\n"
      "  high: {{above: {{series: house/total/active_power, limit: {3}}}}}\n"
      "notify:\n"
      "  file: {{exec: {{command: [sh, -c, \"cat >> $0\", {0}/told]}}}}\n",
      dir.path().string(), meter.host(), meter.port(), limit);
}

}  // namespace

TEST_CASE("derived series are stored, and alerts outlive a restart") {
  const TempDir dir;
  Meter meter{{"--dialect", "be"}};
  write_file(dir / "house.yaml", house_yaml(dir, meter, "-1 MW"));
  const auto start = [&] { return std::make_unique<Process>(program({"run", (dir / "house.yaml").string()})); };
  auto run = start();
  run->wait_for_line("alert-active: high: house/total/active_power is ");

  const auto rows = wait_for_rows(dir / "mesura.db",
                                  "SELECT h.total_active_power_w, t.total_active_power_w, g.total_active_power_w FROM "
                                  "house h JOIN twice t USING (time) JOIN grid g USING (time)",
                                  [](const auto& r) { return !r.empty(); });
  CHECK(std::stod(rows[0][0]) == Approx(std::stod(rows[0][2])));
  CHECK(std::stod(rows[0][1]) == Approx(2 * std::stod(rows[0][2])));

  const std::string config = (dir / "house.yaml").string();
  const Outcome table = run_mesura({"status", "--config", config});
  CHECK(table.out.find("high             above") != std::string::npos);
  const Outcome json = run_mesura({"status", "--config", config, "--format", "json"});
  CHECK(json.out.find(
            R"("alerts":[{"rule":"high","subject":"house/total/active_power","kind":"above","state":"active")") !=
        std::string::npos);

  meter.kill();
  run->wait_for_line("alert-active: quiet: grid has sent nothing for ");
  meter.start_again();
  run->wait_for_line("alert-cleared: quiet: grid sends again");
  CHECK(run->stop().code == 0);

  run = start();
  run->wait_for_line("dev-live");
  write_file(dir / "house.yaml", house_yaml(dir, meter, "1 MW"));
  run->signal(SIGHUP);
  run->wait_for_line("alert-cleared: high: house/total/active_power: the rule has changed");
  CHECK(run->stop().code == 0);
  CHECK(run->count_lines("alert-active") == 0);
  const std::string told = read_file(dir / "told");
  CHECK(std::count(told.begin(), told.end(), '\n') == 4);
}
