// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands over HTTP and MQTT, from the real program to a virtual inverter.
#include "house.hpp"
#include "virtual_device.hpp"

#include <sinks/tests/mqtt_far_end.hpp>
#include <support/broker.hpp>
#include <support/catch.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

using namespace mesura::test;
using mesura::sinks::test::Subscriber;
using nlohmann::json;

namespace {

/// The service with an inverter that may be changed, one that may not, and a token for each role.
class Service {
 public:
  explicit Service(std::string more = "") : more_(std::move(more)) {
    const auto state = (dir / "state").string();
    for (const std::string role : {"read", "control"}) {
      const auto made = run_mesura({"token", "add", role + "er", "--role", role, "--state", state});
      REQUIRE(made.code == 0);
      (role == "read" ? reader : controller) = made.out.substr(0, made.out.find('\n'));
    }
    write(more_);
    process = std::make_unique<Process>(program({"run", (dir / "house.yaml").string()}));
    const std::string line = process->wait_for_line("listening at ");
    const auto at = line.find("listening at ") + 13;
    address = line.substr(at, line.find_first_of(", ", at) - at);
  }

  void write(const std::string& more) {
    write_file(dir / "house.yaml",
               fmt::format("state: {0}/state\n"
                           "devices:\n"
                           "  inverter: {{plugin: axpert, transport: {{serial: {{path: {0}/inverter}}}}, interval: 1s, "
                           "control: true}}\n"
                           "  other: {{plugin: axpert, transport: {{serial: {{path: {0}/other}}}}, interval: 1s}}\n"
                           "sinks:\n  local: {{sqlite: {{path: {0}/mesura.db}}}}\n"
                           "http: {{listen: 127.0.0.1:0, auth: required}}\n{1}",
                           dir.path().string(), more));
  }

  struct Answer {
    int status = 0;
    std::string body;
    [[nodiscard]] json parsed() const { return json::parse(body); }
  };
  [[nodiscard]] Answer ask(const std::string& token, const std::string& target,
                           std::vector<std::string> more = {}) const {
    std::vector<std::string> argv{"curl", "-s", "--max-time", "40", "-w", "\n%{http_code}", address + target};
    if (!token.empty()) argv.insert(argv.end(), {"-H", "Authorization: Bearer " + token});
    argv.insert(argv.end(), more.begin(), more.end());
    const auto done = run(Command{argv}, std::chrono::seconds{60});
    const auto end = done.out.find_last_of('\n', done.out.size() - 2);
    return {std::stoi(done.out.substr(end + 1)), done.out.substr(0, end)};
  }
  [[nodiscard]] Answer post(const std::string& token, const std::string& device, const std::string& command,
                            const std::string& body, std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"-H", "Content-Type: application/json", "-d", body});
    return ask(token, "/api/v1/devices/" + device + "/commands/" + command, std::move(more));
  }
  [[nodiscard]] std::string audit() const {
    return std::filesystem::exists(dir / "state" / "audit.jsonl") ? read_file(dir / "state" / "audit.jsonl") : "";
  }

  TempDir dir;
  VirtualDevice inverter{"axpert", {"--pty", (dir / "inverter").string(), "--latency", "0s", "--latency-min", "0s"}};
  VirtualDevice other{"axpert", {"--pty", (dir / "other").string(), "--latency", "0s", "--latency-min", "0s"}};
  std::string reader;
  std::string controller;
  std::unique_ptr<Process> process;
  std::string address;

 private:
  std::string more_;
};

constexpr const char* kSbu = R"({"arguments":{"priority":"sbu"}})";

}  // namespace

TEST_CASE("a setting over HTTP takes a token of role control, and is read back and audited") {
  const Service s;
  CHECK(s.ask("", "/api/v1/devices/inverter/commands").status == 401);
  const auto list = s.ask(s.reader, "/api/v1/devices/inverter/commands").parsed();
  CHECK(list["commands"].size() > 20);
  CHECK(s.post(s.reader, "inverter", "mode", "").status == 200);
  CHECK(s.post(s.reader, "inverter", "set_output_priority", kSbu).status == 403);
  CHECK(s.post(s.controller, "other", "set_output_priority", kSbu).parsed()["status"] == "forbidden");
  const auto plan =
      s.post(s.reader, "inverter", "set_output_priority", R"({"arguments":{"priority":"sbu"},"dry_run":true})");
  CHECK(plan.status == 200);
  CHECK(plan.parsed()["plan"][0]["text"].get<std::string>().rfind("POP02", 0) == 0);
  CHECK(s.audit().empty());

  const auto done = s.post(s.controller, "inverter", "set_output_priority", kSbu);
  INFO(done.body);
  CHECK(done.status == 200);
  CHECK(done.parsed()["result"]["after"] == "sbu");
  CHECK(s.post(s.controller, "inverter", "factory_defaults", "{}").status == 428);
  CHECK(s.post(s.controller, "inverter", "set_output_priority", R"({"arguments":{"priority":"wind"}})").status == 400);
  const auto audit = s.ask(s.reader, "/api/v1/audit?device=inverter").parsed();
  REQUIRE(audit["entries"].size() >= 2);
  CHECK(audit["entries"][0]["event"] == "result");
  CHECK(audit["entries"][0]["who"] == "controler");
  CHECK(audit["entries"][0]["via"] == "http");
  CHECK(audit["entries"][0]["from"] == "127.0.0.1");
  CHECK(s.process->stop().code == 0);
}

TEST_CASE("a page of another origin, another host and the wrong password send nothing") {
  const Service s;
  const auto user = run_mesura(
      {"user", "add", "anna", "--role", "control", "--password-stdin", "--state", (s.dir / "state").string()},
      "correct horse\n");
  REQUIRE(user.code == 0);
  const auto jar = (s.dir / "cookies").string();
  const auto login =
      s.ask("", "/api/v1/login",
            {"-c", jar, "-H", "Content-Type: application/json", "-d", R"({"user":"anna","password":"correct horse"})"});
  REQUIRE(login.status == 200);
  CHECK(s.post("", "inverter", "set_output_priority", kSbu, {"-b", jar, "-H", "Origin: http://evil.example"}).status ==
        403);
  CHECK(s.post("", "inverter", "set_output_priority", kSbu, {"-b", jar}).status == 403);  // a cookie without Origin
  CHECK(s.post("", "inverter", "set_output_priority", kSbu, {"-u", "anna:wrong"}).status == 401);
  CHECK(s.audit().empty());
  const auto own = s.post("", "inverter", "set_output_priority", kSbu, {"-b", jar, "-H", "Origin: " + s.address});
  CHECK(own.status == 200);
  CHECK(s.audit().find(R"("who":"anna","via":"http")") != std::string::npos);
  CHECK(s.process->stop().code == 0);
}

TEST_CASE("a device that does not answer keeps nobody else waiting") {
  Service s;
  CHECK(s.post(s.controller, "inverter", "mode", "").status == 200);
  s.inverter.process().signal(SIGSTOP);
  std::vector<std::thread> waiting;
  std::atomic<int> accepted = 0;
  for (int i = 0; i < 8; ++i)
    waiting.emplace_back([&] {
      const auto answer = s.post(s.controller, "inverter", "mode?wait=3s", "");
      if (answer.status == 202 || answer.status == 504) ++accepted;
    });
  for (int i = 0; i < 20; ++i) CHECK(s.ask(s.reader, "/api/v1/latest").status == 200);
  for (auto& thread : waiting) thread.join();
  CHECK(accepted == 8);
  const auto jobs = s.ask(s.reader, "/api/v1/commands?device=inverter").parsed()["commands"];
  for (const auto& job : jobs)
    if (job["state"] == "working")
      CHECK(s.ask(s.controller, "/api/v1/commands/" + job["id"].get<std::string>(), {"-X", "DELETE"}).status < 300);
  CHECK(s.ask(s.reader, "/api/v1/commands/" + jobs[0]["id"].get<std::string>(), {"-X", "DELETE"}).status == 403);
  s.inverter.process().signal(SIGCONT);
  CHECK(s.process->stop().code == 0);
}

TEST_CASE("commands over MQTT: what the list allows, by a reload more or less") {
  const Broker broker;
  const auto section = [&](const std::string& allow) {
    return fmt::format("commands: {{mqtt: {{url: 'mqtt://127.0.0.1:{}', allow: [{}]}}}}\n", broker.port(), allow);
  };
  Service s{section("inverter/mode")};
  s.process->wait_for_line("takes commands from mesura/{device}/command");
  Subscriber other{broker.port(), "mesura/+/reply"};
  const auto ask = [&](const std::string& message) {
    other.forget();
    other.publish("mesura/inverter/command", message);
    other.wait([](const auto& all) { return !all.empty(); });
    return json::parse(other.last("mesura/inverter/reply"));
  };
  CHECK(ask(R"({"command":"mode","id":"1"})")["status"] == "done");
  const std::string set = R"({"command":"set_output_priority","arguments":{"priority":"sbu"},"id":)";
  CHECK(ask(set + "\"2\"}")["status"] == "forbidden");
  CHECK(s.audit().empty());

  s.write(section("inverter/set_*"));
  REQUIRE(run_mesura({"reload", "--config", (s.dir / "house.yaml").string()}).code == 0);
  s.process->wait_for_line("takes commands from mesura/{device}/command");
  const json done = ask(set + "\"3\"}");
  CHECK(done["status"] == "done");
  CHECK(done["result"]["after"] == "sbu");
  CHECK(ask(R"({"command":"mode","id":"4"})")["status"] == "forbidden");
  CHECK(s.audit().find(R"("who":"mesura/inverter/command","via":"mqtt")") != std::string::npos);

  s.write(section("inverter/sat_*"));
  const auto refused = run_mesura({"reload", "--config", (s.dir / "house.yaml").string()});
  CHECK(refused.code != 0);
  CHECK(refused.err.find("cfg-unknown-command") != std::string::npos);
  s.write("");
  REQUIRE(run_mesura({"reload", "--config", (s.dir / "house.yaml").string()}).code == 0);
  CHECK(s.process->stop().code == 0);
}
