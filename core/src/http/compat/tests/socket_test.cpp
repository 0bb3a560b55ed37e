// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The same routes behind the real server: what goes over the wire to old clients.
#include "http/compat/mount.hpp"
#include "http/compat/tests/compat_fixture.hpp"
#include "http/server.hpp"
#include "http/tests/rig.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

using namespace mesura;
using namespace mesura::http;
using namespace mesura::http::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using mesura::test::Client;
using mesura::test::Rig;

namespace {

std::string input(const std::string& path) {
  std::ifstream in(path + "/input.bin", std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A port of their own for the clients of one system.
struct Port {
  Port(Site& site, compat::System system)
      : rig(compat::compat_routes(mount(system),
                                  {site.live(), site.context().stores, site.clock(), {site.clock().wall_ns()}}, true),
            {}, listener()) {}
  static compat::Mount mount(compat::System system) {
    compat::Mount m;
    m.system = system;
    m.device = "meter";
    m.zone = *model::Zone::find("Europe/Brussels");
    m.stale_after = std::chrono::seconds{20};
    m.auth = "off";
    return m;
  }
  static ListenerOptions listener() {
    ListenerOptions options;
    options.name = "compat";
    options.listen = {"127.0.0.1:0"};
    options.login = false;
    options.anonymous = Role::none;
    return options;
  }
  Rig rig;
};

std::size_t count_of(std::string text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("the reference page's session over a socket", "[compat][socket]") {
  Site site{"dsmr_p1"};
  Port port{site, compat::System::p1_monitor};
  Client client = port.rig.connect();
  // Before the first telegram.
  CHECK_THAT(client.get("/current/quarter").body, StartsWith(R"({"quarter_id":0,)"));
  site.feed(input(MESURA_P1_GOLDEN "/vector_d_belgium_single_phase"), utc("2024-02-12 17:17:42"));
  const auto quarter = client.get("/current/quarter");
  CHECK(quarter.status == 200);
  CHECK_THAT(quarter.header("Content-Type"), StartsWith("application/json"));
  CHECK(quarter.header("Access-Control-Allow-Origin") == "*");
  CHECK(count_of(quarter.head, "Access-Control-Allow-Origin") == 1);
  CHECK(quarter.header("Cache-Control") == "no-store");
  CHECK(count_of(quarter.head, "Cache-Control") == 1);
  CHECK_THAT(quarter.body, StartsWith(R"({"quarter_id":402787401,"consumed_power_avg":2345,"interval_secs":5,)"));
  CHECK_THAT(client.get("/current/month/peak").body, Contains(R"("peak":{"quarter_id":402785606,"power":4216}})"));
  CHECK(client.get("/watt").body == "2345");
  CHECK_THAT(client.get("/watt").header("Content-Type"), StartsWith("text/plain"));
  const auto missing = client.get("/meter/2024/02/12/1800W.json");
  CHECK(missing.status == 404);
  CHECK(missing.body == "Item not found");
  CHECK(missing.header("Access-Control-Allow-Origin") == "*");
  const auto asked = client.get("/historic/quarters?year=2024&month=2");
  CHECK(asked.status == 400);
  CHECK(asked.body == "ERROR: Need a day argument");
  CHECK(client.get("/update").status == 404);
  CHECK(client.post("/update", "firmware").status == 404);
  CHECK(client.get("/config.json").body == "Item not found");
  // Out of the directory: nothing is found or it is refused, and the server goes on.
  for (const char* path : {"/meter/../../etc/passwd", "/meter/2024/02/12/..%2f..%2f..%2fetc%2fpasswd",
                           "/meter/%2e%2e/%2e%2e/x/y.json", "/meter/2024/02/12/1815W.json%00"}) {
    CAPTURE(path);
    Client other = port.rig.connect();
    const auto reply = other.get(path);
    CHECK(reply.status >= 400);
    CHECK(reply.status < 500);
  }
  CHECK(client.get("/watt").status == 200);
}

TEST_CASE("godenerg's clients over a socket", "[compat][socket]") {
  Site site{"axpert"};
  Port port{site, compat::System::godenerg};
  Client client = port.rig.connect();
  site.feed(input(MESURA_AXPERT_GOLDEN "/a09_status"), utc("2024-05-05 10:00:00"));
  const auto status = client.get("/cmds?cmd=status&cmd=operation_mode&merge=1");
  CHECK(status.status == 200);
  CHECK_THAT(status.header("Content-Type"), StartsWith("application/json"));
  CHECK_THAT(status.body, StartsWith(R"({"grid_volt":0.0,"grid_freq":0.0,"ac_volt":230.0,)"));
  const auto refused = client.get("/cmds?cmd=%22");
  CHECK(refused.status == 400);
  CHECK_THAT(refused.body, StartsWith(R"({"error":"unknown cmd '\"')"));
  const auto graph = client.get("/graph?from=20240505&to=20240506&col_1=ac_watt");
  CHECK(graph.status == 200);
  CHECK_THAT(graph.header("Content-Type"), StartsWith("text/html"));
  CHECK_THAT(graph.body, Contains(fmt::format("data-points=\"{},221\"", utc("2024-05-05 10:00:00") / 1'000'000'000)));
  CHECK(client.get("/graph?from=2024&to=2025&col_1=ac_watt").status == 400);
  const auto viewer = client.get("/viewer");
  CHECK(viewer.status == 200);
  CHECK_THAT(viewer.header("Content-Type"), StartsWith("text/html"));
  CHECK(viewer.header("Content-Security-Policy").find("script-src 'none'") == std::string::npos);
  const auto nowhere = client.get("/");
  CHECK(nowhere.status == 404);
  CHECK(nowhere.body == "Route not found");
}

TEST_CASE("both systems share the main port", "[compat][socket]") {
  Site site{"dsmr_p1"};
  const compat::Surroundings around{site.live(), {}, site.clock(), {}};
  auto routes = compat::compat_routes(Port::mount(compat::System::p1_monitor), around, false);
  for (auto& route : compat::compat_routes(Port::mount(compat::System::godenerg), around, false))
    routes.push_back(std::move(route));
  ListenerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.login = false;
  Rig rig{std::move(routes), {}, options};
  Client client = rig.connect();
  CHECK(client.get("/watt").body == "-1");
  CHECK(client.get("/cmds?cmd=status").body == "{}");
  CHECK(client.get("/nothing").status == 404);
}
