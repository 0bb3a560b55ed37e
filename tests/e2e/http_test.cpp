// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API of the real program over a virtual meter, asked by curl.
#include "house.hpp"
#include "virtual_device.hpp"

#include <support/catch.hpp>
#include <support/free_port.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <sstream>
#include <thread>
#include <utility>

using namespace mesura::test;
using nlohmann::json;

namespace {

std::string yaml(const TempDir& dir, const Meter& meter, const std::string& http) {
  return fmt::format(
      "timezone: Europe/Brussels\n"
      "state: {0}/state\n"
      "devices:\n"
      "  grid: {{plugin: dsmr_p1, transport: {{tcp: {{host: {1}, port: {2}}}}}, channels: {{total: {{label: "
      "House}}}}}}\n"
      "  inverter: {{plugin: axpert, transport: {{serial: {{path: {0}/inverter}}}}, interval: 1s, control: true}}\n"
      "sinks:\n"
      "  local: {{sqlite: {{path: {0}/mesura.db}}, commit_interval: 100ms}}\n"
      "{3}",
      dir.path().string(), meter.host(), meter.port(), http);
}

/// The service with the API, and some measurements in its database.
class Service {
 public:
  explicit Service(const std::string& http = "http: {listen: 127.0.0.1:0}\n") {
    write_file(dir / "house.yaml", yaml(dir, meter, http));
    process = std::make_unique<Process>(program({"run", (dir / "house.yaml").string()}));
    const std::string line = process->wait_for_line("listening at ");
    const auto at = line.find("listening at ") + 13;
    address = line.substr(at, line.find_first_of(", ", at) - at);
    // The first telegram alone brings rows of the past: the month peaks.
    wait_for_rows(dir / "mesura.db", "SELECT count(*) FROM grid WHERE time / 1000000 > unixepoch() - 60",
                  [](const auto& rows) { return std::stol(rows.at(0).at(0)) > 3; });
  }

  struct Answer {
    int status = 0;
    std::string body;
    [[nodiscard]] json parsed() const { return json::parse(body); }
  };
  [[nodiscard]] Answer get(const std::string& target, std::vector<std::string> more = {}) const {
    std::vector<std::string> argv{"curl", "-s", "--path-as-is",   "--max-time",
                                  "20",   "-w", "\n%{http_code}", address + target};
    argv.insert(argv.end(), more.begin(), more.end());
    const auto done = run(Command{argv});
    const auto end = done.out.find_last_of('\n', done.out.size() - 2);
    return {std::stoi(done.out.substr(end + 1)), done.out.substr(0, end)};
  }

  TempDir dir;
  Meter meter{{"--dialect", "be", "--pv", "4000"}};
  VirtualDevice inverter{"axpert", {"--pty", (dir / "inverter").string(), "--latency", "0s", "--latency-min", "0s"}};
  std::unique_ptr<Process> process;
  std::string address;
};

/// The ```sh blocks of the page, command by command.
std::vector<std::string> examples() {
  std::vector<std::string> commands;
  std::istringstream page{read_file(std::string{MESURA_SOURCE} + "/docs/http-api.md")};
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.rfind("```", 0) == 0)
      inside = line == "```sh";
    else if (inside && !line.empty())
      commands.push_back(line);
  }
  return commands;
}

}  // namespace

TEST_CASE("every example of the HTTP API's page works against a running house") {
  const Service service;
  const auto commands = examples();
  REQUIRE(commands.size() > 20);
  for (const auto& command : commands) {
    INFO(command);
    const auto done = run(Command{{"sh", "-c", command}, {{"MESURA", service.address}}});
    INFO(done.out.substr(0, 600));
    CHECK(done.exit.code == 0);
    CHECK(done.out.size() > 10);
    if (command.find("format=csv") != std::string::npos) {
      CHECK(done.out.rfind("device,channel,quantity,unit,time,", 0) == 0);
      CHECK(std::count(done.out.begin(), done.out.end(), '\n') > 2);
    } else if (command.find("/live") != std::string::npos) {
      CHECK(done.out.find("event: hello") != std::string::npos);
      CHECK(done.out.find(R"("device":"grid")") != std::string::npos);
    } else if (command.find("/metrics") != std::string::npos) {
      CHECK(done.out.find("mesura_active_power_w{device=\"grid\"") != std::string::npos);
      CHECK(done.out.find("mesura_http_responses_total{") != std::string::npos);
    } else {
      CHECK(json::accept(done.out));
    }
  }
  CHECK(service.process->stop().code == 0);
}

TEST_CASE("the service answers about now and the past what the meter has sent") {
  const Service service;
  const auto latest = service.get("/api/v1/latest?series=grid/total/active_power").parsed();
  REQUIRE(latest["measurements"].size() == 1);
  CHECK(latest["measurements"][0]["unit"] == "W");
  const auto query = service.get("/api/v1/query?series=grid/total/active_power&from=-2m&to=%2B1m").parsed();
  CHECK(query["series"][0]["times"].size() > 2);
  CHECK(query["series"][0]["label"] == "House");
  CHECK(service.get("/api/v1/devices/grid").parsed()["state"] == "live");
  CHECK(service.get("/ready").parsed()["ready"] == true);
  CHECK(service.get("/api/v1/energy?device=grid&from=-2d&to=%2B2d").parsed()["energies"].size() > 0);
  CHECK(service.get("/api/v1/config").body.find("127.0.0.1:0") != std::string::npos);
  CHECK(service.process->stop().code == 0);
}

TEST_CASE("bad questions get clear answers while others go on being served") {
  const Service service;
  std::atomic<bool> stop = false;
  std::atomic<int> served = 0;
  std::atomic<int> failed = 0;
  std::thread other{[&] {
    while (!stop) ++(service.get("/api/v1/latest").status == 200 ? served : failed);
  }};
  struct Case {
    const char* target;
    int status;
  };
  const Case cases[] = {
      {"/api/v1/query?series=nobody/*", 404},
      {"/api/v1/query?series=grid&from=now&to=-1h", 400},
      {"/api/v1/query?series=grid&from=9999-01-01", 400},
      {"/api/v1/query?series=grid&to=9999-12-31T23:59:59Z", 400},
      {"/api/v1/query?series=grid&points=1000000000", 400},
      {"/api/v1/query?series=grid&from=-1d&every=1ms", 400},
      {"/api/v1/query?series=%ff%fe", 400},
      {"/api/v1/query?series=grid&from=%c3%28", 400},
      {"/api/v1/latest?series=a/b/c/d/e", 400},
      {"/api/v1/../../etc/passwd", 400},
      {"/api/v1/%2e%2e/%2e%2e/etc/passwd", 400},
      {"/api/v1/devices/..%2f..%2fetc%2fpasswd", 0},
      {"/api/v1/nothing", 404},
      {"/api/v1/energy?every=blue", 400},
      {"/api/v1/demand?device=nobody", 404},
  };
  for (const auto& c : cases) {
    INFO(c.target);
    const auto answer = service.get(c.target);
    INFO(answer.body);
    if (c.status == 0)
      CHECK((answer.status == 400 || answer.status == 404));
    else
      CHECK(answer.status == c.status);
    const auto error = answer.parsed()["error"];
    CHECK_FALSE(error["code"].get<std::string>().empty());
    CHECK_FALSE(error["message"].get<std::string>().empty());
  }
  const int before = served;
  while (served < before + 3 && failed == 0) std::this_thread::yield();
  stop = true;
  other.join();
  CHECK(failed == 0);
  CHECK(service.process->stop().code == 0);
}

TEST_CASE("a reload moves listeners and refuses a port that is taken") {
  Service service;
  const Service holder;
  const std::string taken = holder.address.substr(7);
  const auto reload = [&](const std::string& http) {
    write_file(service.dir / "house.yaml", yaml(service.dir, service.meter, http));
    return run_mesura({"reload", "--config", (service.dir / "house.yaml").string()});
  };
  const auto refused = reload("http: {listen: [\"127.0.0.1:0\", \"" + taken + "\"]}\n");
  CHECK(refused.code != 0);
  CHECK(refused.err.find("http-bind") != std::string::npos);
  CHECK(service.get("/health").status == 200);

  const auto port = free_port();
  CHECK(reload(fmt::format("http: {{listen: [\"127.0.0.1:0\", \"127.0.0.1:{}\"]}}\n", port)).code == 0);
  CHECK(service.get("/health").status == 200);
  const std::string old = std::exchange(service.address, fmt::format("http://127.0.0.1:{}", port));
  CHECK(service.get("/health").status == 200);

  CHECK(reload(fmt::format("http: {{listen: \"127.0.0.1:{}\"}}\n", port)).code == 0);
  CHECK(service.get("/health").status == 200);
  CHECK(run(Command{{"curl", "-s", old + "/health"}}).exit.code == 7);  // nobody listens

  CHECK(reload("").code == 0);
  CHECK(run(Command{{"curl", "-s", service.address + "/health"}}).exit.code == 7);
  CHECK(service.process->stop().code == 0);
}

TEST_CASE("a service that can't have its port does not start, and says why") {
  const Service holder;
  const TempDir dir;
  write_file(dir / "house.yaml", yaml(dir, holder.meter, "http: {listen: \"" + holder.address.substr(7) + "\"}\n"));
  const auto outcome = run_mesura({"run", (dir / "house.yaml").string()});
  CHECK(outcome.code == 1);
  CHECK(outcome.err.find("http-bind") != std::string::npos);
  write_file(dir / "open.yaml", yaml(dir, holder.meter, "http: {listen: \"0.0.0.0:0\", auth: off}\n"));
  const auto check = run_mesura({"check", (dir / "open.yaml").string()});
  CHECK(check.code == 2);
  CHECK((check.out + check.err).find("error[cfg-http-open]") != std::string::npos);
}
