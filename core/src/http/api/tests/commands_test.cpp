// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "commands_rig.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <thread>

using namespace mesura;
using namespace mesura::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json parsed(const http::Response& response) { return json::parse(response.body); }

std::string location(const http::Response& response) {
  for (const auto& [name, value] : response.headers)
    if (name == "Location") return value;
  return {};
}

json command_of(const json& list, const std::string& name) {
  for (const auto& one : list["commands"])
    if (one["name"] == name) return one;
  return {};
}

}  // namespace

TEST_CASE("a device's commands are listed with what the caller may", "[commands]") {
  CommandHouse house;
  const auto list = [&](const std::string& device, http::Role role) {
    return parsed(house.ask({"GET", "/api/v1/devices/" + device + "/commands", "", role}));
  };
  const json all = list("inverter", http::Role::control);
  CHECK(all["device"] == "inverter");
  CHECK(all["plugin"] == "bench");
  CHECK(all["commands"].size() == house.schema().commands.size());
  const json set = command_of(all, "set_voltage");
  CHECK(set["danger"] == "write");
  CHECK(set["allowed"] == true);
  CHECK(set["arguments"]["properties"]["voltage"]["maximum"] == 58.4);
  CHECK(command_of(all, "reset")["confirm"] == true);
  CHECK(command_of(all, "raw")["allowed"] == false);
  CHECK(command_of(list("bench", http::Role::control), "raw")["allowed"] == true);
  CHECK(command_of(list("meter", http::Role::control), "set_voltage")["allowed"] == false);
  CHECK(command_of(list("bench", http::Role::read), "set_voltage")["allowed"] == false);
  CHECK(command_of(list("bench", http::Role::read), "status")["allowed"] == true);
  const auto unknown = house.ask({"GET", "/api/v1/devices/nobody/commands", ""});
  CHECK(unknown.status == 404);
  CHECK(parsed(unknown)["error"]["code"] == "cmd-unknown-device");
}

TEST_CASE("a command is sent, answered and audited with who asked from where", "[commands]") {
  CommandHouse house;
  const auto done = house.post("inverter", "set_voltage", R"({"arguments":{"voltage":53.5}})");
  CHECK(done.status == 200);
  const json answer = parsed(done);
  CHECK(answer["state"] == "ended");
  CHECK(answer["status"] == "done");
  CHECK(answer["wrote"] == true);
  CHECK(answer["result"]["after"] == 1);
  REQUIRE(house.sent().size() == 1);
  CHECK(house.sent()[0].bytes == R"({"voltage":53.5})");
  CHECK(house.audit().find(R"("who":"peter","via":"http","from":"127.0.0.1")") != std::string::npos);

  const json audit = parsed(house.ask({"GET", "/api/v1/audit", ""}));
  REQUIRE(audit["entries"].size() == 2);
  CHECK(audit["entries"][0]["event"] == "result");
  CHECK(audit["entries"][1]["event"] == "write");
  CHECK(audit["next"].is_null());
  const json page = parsed(house.ask({"GET", "/api/v1/audit?limit=1&device=inv*", ""}));
  REQUIRE(page["entries"].size() == 1);
  const json next = parsed(
      house.ask({"GET", "/api/v1/audit?limit=1&before=" + std::to_string(page["next"].get<std::int64_t>()), ""}));
  CHECK(next["entries"][0]["event"] == "write");
  CHECK(parsed(house.ask({"GET", "/api/v1/audit?device=meter", ""}))["entries"].empty());

  const json known = parsed(house.ask({"GET", "/api/v1/commands/" + answer["id"].get<std::string>(), ""}));
  CHECK(known == answer);
  CHECK(parsed(house.post("inverter", "status"))["result"]["power"]["value"] == 12.5);
  CHECK(parsed(house.post("inverter", "get_file"))["content"]["base64"] == "Y29udGVudAo=");
  CHECK(parsed(house.ask({"GET", "/api/v1/commands", ""}))["commands"].size() == 3);
}

TEST_CASE("every way in which a command ends has its HTTP status", "[commands]") {
  CommandHouse house;
  struct Case {
    const char* device;
    const char* command;
    const char* body;
    int http;
    const char* word;
  };
  const Case cases[] = {
      {"inverter", "end", R"({"arguments":{"how":"done"}})", 200, "done"},
      {"inverter", "end", R"({"arguments":{"how":"refused"}})", 409, "refused"},
      {"inverter", "end", R"({"arguments":{"how":"invalid"}})", 409, "invalid"},
      {"inverter", "end", R"({"arguments":{"how":"mismatch"}})", 409, "mismatch"},
      {"inverter", "end", R"({"arguments":{"how":"unverified"}})", 409, "unverified"},
      {"inverter", "end", R"({"arguments":{"how":"unreachable"}})", 502, "unreachable"},
      {"inverter", "end", R"({"arguments":{"how":"timeout"}})", 504, "timeout"},
      {"inverter", "set_voltage", R"({"arguments":{"voltage":50},"dry_run":true})", 200, "plan"},
      {"meter", "set_voltage", R"({"arguments":{"voltage":50}})", 403, "forbidden"},
      {"inverter", "raw", R"({"arguments":{"text":"x"},"confirm":"inverter"})", 403, "forbidden"},
      {"inverter", "reset", "", 428, "unconfirmed"},
      {"inverter", "reset", R"({"confirm":"Inverter"})", 412, "unconfirmed"},
      {"inverter", "reset", R"({"confirm":"inverter"})", 200, "done"},
      {"bench", "raw", R"({"arguments":{"text":"x"}})", 428, "unconfirmed"},
      {"bench", "raw", R"({"arguments":{"text":"x"},"confirm":"bench"})", 200, "done"},
  };
  std::size_t sent = 0;
  for (const auto& c : cases) {
    INFO(c.command << " " << c.body);
    const auto response = house.post(c.device, c.command, c.body);
    CHECK(response.status == c.http);
    const json answer = parsed(response);
    CHECK(answer["status"] == c.word);
    if (answer["wrote"] == true) ++sent;
  }
  CHECK(house.sent().size() == sent);
  const json hint = parsed(house.post("inverter", "reset"));
  CHECK(hint["hint"] == R"("confirm": "inverter" in the body says that it is meant)");
  CHECK(hint["message"].get<std::string>().find("it forgets everything") != std::string::npos);
}

TEST_CASE("without an audit log nothing is sent, and that is told", "[commands]") {
  CommandHouse house;
  std::filesystem::create_directory(house.directory.path() / "audit.jsonl");
  const auto response = house.post("inverter", "set_voltage", R"({"arguments":{"voltage":50}})");
  CHECK(response.status == 503);
  CHECK(parsed(response)["status"] == "unaudited");
  CHECK(house.sent().empty());
}

TEST_CASE("role read asks and plans, and changes nothing", "[commands]") {
  CommandHouse house;
  const auto read = http::Role::read;
  CHECK(house.post("inverter", "status", "", read).status == 200);
  CHECK(house.post("inverter", "set_voltage", R"({"arguments":{"voltage":50},"dry_run":true})", read).status == 200);
  const auto refused = house.post("inverter", "set_voltage", R"({"arguments":{"voltage":50}})", read);
  CHECK(refused.status == 403);
  CHECK(parsed(refused)["error"]["code"] == "http-role");
  const auto nobody =
      house.ask({"POST", "/api/v1/devices/inverter/commands/reset", R"({"confirm":"inverter"})", read, ""});
  CHECK(nobody.status == 401);
  CHECK(parsed(nobody)["error"]["code"] == "http-login");
  CHECK(nobody.headers == http::Fields{{"WWW-Authenticate", "Bearer realm=\"mesura\""}});
  CHECK(house.sent().empty());

  // One at a time for each device: a device's time is everybody's.
  const auto first = house.ask({"POST", "/api/v1/devices/inverter/commands/slow?wait=0s", "", read});
  CHECK(first.status == 202);
  const auto second = house.post("inverter", "status", "", read);
  CHECK(second.status == 429);
  CHECK(parsed(second)["error"]["code"] == "cmd-busy");
  CHECK(house.post("meter", "status", "", read).status == 200);
  for (const auto& endpoint : http::api::endpoints(house.parts, nullptr))
    if (endpoint.method == "DELETE") CHECK(endpoint.role == http::Role::control);
}

TEST_CASE("bodies that are none say what was expected, and send nothing", "[commands]") {
  CommandHouse house;
  struct Case {
    const char* body;
    const char* code;
  };
  const Case cases[] = {
      {"{", "cmd-json"},
      {"[]", "cmd-json"},
      {"null", "cmd-json"},
      {"\"text\"", "cmd-json"},
      {"{\"arguments\":{\"voltage\":50}} x", "cmd-json"},
      {"\xff\xfe", "cmd-json"},
      {R"({"argument":{"voltage":50}})", "cmd-json"},
      {R"({"arguments":[50]})", "cmd-json"},
      {R"({"arguments":"voltage"})", "cmd-json"},
      {R"({"arguments":{"voltage":50},"arguments":{"voltage":51}})", "cmd-json"},
      {R"({"arguments":{"voltage":50},"dry_run":"false"})", "cmd-json"},
      {R"({"arguments":{"voltage":50},"dry_run":1})", "cmd-json"},
      {R"({"arguments":{"voltage":50},"confirm":true})", "cmd-json"},
      {R"({"arguments":{"voltage":50},"id":"x"})", "cmd-json"},
      {R"({"arguments":{"voltage":1e999}})", "cmd-json"},
      {"", nullptr},
      {"{}", nullptr},
      {R"({"arguments":{"voltage":47.9}})", nullptr},
      {R"({"arguments":{"voltage":"50 V"}})", nullptr},
      {R"({"arguments":{"voltage":[50]}})", nullptr},
      {R"({"arguments":{"voltage":true}})", nullptr},
      {R"({"arguments":{"voltage":50,"voltage":51}})", nullptr},
      {R"({"arguments":{"voltage":50,"current":1}})", "cmd-unknown-argument"},
  };
  for (const auto& c : cases) {
    INFO(c.body);
    const auto response = house.post("inverter", "set_voltage", c.body);
    CHECK(response.status == 400);
    const json error = parsed(response)["error"];
    if (c.code != nullptr) CHECK(error["code"] == c.code);
    CHECK(error["code"].get<std::string>().starts_with("cmd-"));
    CHECK_FALSE(error["message"].get<std::string>().empty());
  }
  const json many = parsed(house.post("inverter", "set_all", R"({"arguments":{"count":99,"mode":"wind","nmae":"x"}})"));
  CHECK(many["error"]["more"].size() == 2);
  const auto form = house.ask({"POST", "/api/v1/devices/inverter/commands/set_voltage",
                               R"({"arguments":{"voltage":50}})", http::Role::control, "peter", "text/plain"});
  CHECK(form.status == 415);
  const auto unknown = house.post("inverter", "set_volts");
  CHECK(unknown.status == 404);
  CHECK(parsed(unknown)["error"]["hint"] == "did you mean 'set_voltage'?");
  CHECK(house.post("nobody", "status").status == 404);
  CHECK(house.sent().empty());
  CHECK(house.audit().empty());
}

TEST_CASE("a slow device is answered 202, asked after, and called off", "[commands]") {
  CommandHouse house;
  const auto begun = house.ask({"POST", "/api/v1/devices/inverter/commands/slow?wait=0s", ""});
  REQUIRE(begun.status == 202);
  const json first = parsed(begun);
  CHECK(first["state"] == "working");
  CHECK(location(begun) == "/api/v1/commands/" + first["id"].get<std::string>());
  house.wait_slow(1);
  house.on_loop([] {});
  const json progress = parsed(house.ask({"GET", location(begun), ""}));
  CHECK(progress["progress"] == json::parse(R"({"done":1,"total":3,"text":"begun"})"));

  const json off = parsed(house.ask({"DELETE", location(begun), ""}));
  CHECK(off["id"] == first["id"]);
  const json after = parsed(house.ask({"GET", location(begun) + "?wait=20s", ""}));
  CHECK(after["status"] == "cancelled");
  // What has ended stays as it is.
  const auto again = house.ask({"DELETE", location(begun), ""});
  CHECK(again.status == 200);
  CHECK(parsed(again) == after);

  const auto other = house.ask({"POST", "/api/v1/devices/inverter/commands/slow?wait=0s", ""});
  house.wait_slow(2);
  std::thread later{[&] { house.release(); }};
  CHECK(parsed(house.ask({"GET", location(other) + "?wait=20s", ""}))["message"] == "at last");
  later.join();
  CHECK(house.ask({"GET", "/api/v1/commands/abc-999", ""}).status == 404);
  CHECK(house.ask({"GET", "/api/v1/commands/..%2f", ""}).status == 404);
  CHECK(house.ask({"DELETE", "/api/v1/commands/def-1", ""}).status == 404);
}

TEST_CASE("only so many requests wait, and what is at work or kept is bounded", "[commands]") {
  http::api::CommandDesk::Options options;
  options.waiting = 0;
  options.at_work = 3;
  options.kept = 2;
  CommandHouse house{options};
  const auto ask = [&](const std::string& device, const std::string& command) {
    return house.ask({"POST", "/api/v1/devices/" + device + "/commands/" + command + "?wait=30s", ""});
  };
  const auto first = ask("inverter", "slow");
  CHECK(first.status == 202);
  CHECK(ask("meter", "slow").status == 202);
  CHECK(ask("bench", "slow").status == 202);
  CHECK(ask("bench", "status").status == 429);
  house.wait_slow(3);
  CHECK(parsed(house.ask({"GET", location(first) + "?wait=30s", ""}))["state"] == "working");
  house.release();
  const auto wait_idle = [&] {
    for (bool idle = false; !idle;) {
      house.on_loop([] {});
      idle = true;
      for (const auto& job : house.desk->jobs()) idle = idle && job.result;
    }
  };
  wait_idle();
  CHECK(ask("meter", "status").status < 300);  // done already, perhaps
  wait_idle();
  CHECK(parsed(house.ask({"GET", "/api/v1/commands", ""}))["commands"].size() == 2);
  CHECK(parsed(house.ask({"GET", "/api/v1/commands?device=meter", ""}))["commands"][0]["command"] == "status");
  CHECK(house.ask({"GET", location(first), ""}).status == 404);
}

TEST_CASE("nobody waits for a device while the loop waits for the workers", "[commands]") {
  CommandHouse house;
  const auto begun = house.ask({"POST", "/api/v1/devices/inverter/commands/slow?wait=0s", ""});
  house.wait_slow(1);
  std::thread waiter{[&] {
    CHECK(parsed(house.ask({"GET", location(begun) + "?wait=30s", ""}))["state"] == "working");
  }};
  // The loop stands still: an answer of it could not come.
  house.on_loop([&] {
    const http::api::CommandDesk::Quiet quiet{house.desk.get()};
    waiter.join();
    CHECK(house.post("inverter", "status").status == 503);
  });
  house.release();
}

TEST_CASE("progress and results come as live events", "[commands]") {
  CommandHouse house;
  const auto stream = house.ask({"GET", "/api/v1/live", ""});
  const auto other = house.ask({"GET", "/api/v1/live?series=meter", ""});
  std::string text;
  stream.events(text);
  CHECK(text.find("event: command") == std::string::npos);
  (void)house.post("inverter", "status");
  const auto begun = house.ask({"POST", "/api/v1/devices/inverter/commands/slow?wait=0s", ""});
  house.wait_slow(1);
  house.release();
  (void)house.ask({"GET", location(begun) + "?wait=20s", ""});
  text.clear();
  stream.events(text);
  std::vector<json> events;
  for (std::size_t at = 0; (at = text.find("event: command\ndata: ", at)) != std::string::npos;) {
    at += 21;
    events.push_back(json::parse(text.substr(at, text.find('\n', at) - at)));
  }
  REQUIRE(events.size() == 3);
  CHECK(events[0]["status"] == "done");
  CHECK(events[0]["result"]["power"]["unit"] == "W");
  CHECK(events[1]["state"] == "working");
  CHECK(events[1]["progress"]["text"] == "begun");
  CHECK(events[2]["message"] == "at last");
  text.clear();
  stream.events(text);
  CHECK(text.empty());
  other.events(text);
  CHECK(text.find("event: command") == std::string::npos);
}

TEST_CASE("long files come as base64", "[commands]") {
  CommandHouse house;
  const std::string content(3'000'000, 'A');  // base64 of zeros
  const auto done = house.post("inverter", "put_file", R"({"arguments":{"content":{"base64":")" + content + R"("}}})");
  CHECK(done.status == 200);
  REQUIRE(house.sent().size() == 1);
  CHECK(house.sent()[0].bytes.size() > content.size());
  CHECK(house.post("inverter", "put_file", R"({"arguments":{"content":{"base64":"A"}}})").status == 400);
}
