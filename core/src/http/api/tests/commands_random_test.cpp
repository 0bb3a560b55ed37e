// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Whatever is sent to the API: no crash, no byte on the wire that the schema does not allow, an audit line for every
// write that went out.
#include "commands_rig.hpp"

#include "command/audit.hpp"
#include "support/catch.hpp"
#include "support/random_arguments.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

using namespace mesura;
using namespace mesura::test;
using nlohmann::json;

namespace {

constexpr int kBodies = 10'000;
const std::vector<std::string> kDevices{"inverter", "meter", "bench"};

/// A body for the command: an envelope, or what looks like one.
std::string body_of(RandomArguments& random, const config::CommandSpec& spec, const std::string& device) {
  if (random.chance(5)) return random.garbage(60);
  std::string body = "{";
  const auto add = [&](const std::string& member) { body += (body.size() > 1 ? "," : "") + member; };
  if (!random.chance(3)) add("\"arguments\":" + random.json(spec));
  if (random.chance(15)) add(std::string{"\"dry_run\":"} + (random.chance(80) ? "true" : "\"true\""));
  if (random.chance(30)) add("\"confirm\":\"" + kDevices[random.below(kDevices.size())] + "\"");
  if (random.chance(30)) add("\"confirm\":\"" + device + "\"");
  if (random.chance(2)) add("\"" + std::string(random.below(5), 'x') + "\":1");
  body += "}";
  if (random.chance(3)) body.resize(random.below(body.size()));
  if (!body.empty() && random.chance(3)) body[random.below(body.size())] = static_cast<char>(random.below(256));
  return body;
}

struct Written {
  std::string device, command, sent;
  bool operator<(const Written& o) const {
    return std::tie(device, command, sent) < std::tie(o.device, o.command, o.sent);
  }
  bool operator==(const Written&) const = default;
};

}  // namespace

TEST_CASE("ten thousand bodies at random", "[commands]") {
  CommandHouse house;
  RandomArguments random{20'260'614};
  const auto& commands = house.schema().commands;
  std::set<int> statuses;
  std::size_t wrote = 0;
  std::size_t planned = 0;
  for (int i = 0; i < kBodies; ++i) {
    const auto& spec = commands[random.below(commands.size())];
    if (spec.name == "slow") continue;  // waits for somebody
    const std::string& device = kDevices[random.below(kDevices.size())];
    const auto role = random.chance(20) ? http::Role::read : http::Role::control;
    const std::string body = body_of(random, spec, device);
    INFO(i << " " << device << " " << spec.name << " " << body);
    const auto response = house.post(device, spec.name, body, role);
    statuses.insert(response.status);
    const json answer = json::parse(response.body);
    if (answer.contains("error")) {
      CHECK_FALSE(answer["error"]["message"].get<std::string>().empty());
      continue;
    }
    CHECK(answer["state"] == "ended");
    if (answer["status"] == "plan") ++planned;
    if (answer["wrote"] != true) continue;
    ++wrote;
    CHECK(role == http::Role::control);
    CHECK(device != "meter");
    CHECK((spec.danger != config::Danger::raw || device == "bench"));
  }
  CHECK(statuses.contains(200));
  CHECK(statuses.contains(400));
  CHECK(statuses.contains(403));
  CHECK((statuses.contains(412) || statuses.contains(428)));
  CHECK_FALSE(statuses.contains(500));
  CHECK(planned > 50);

  // The wire: what the schema allows, and as often as it was told.
  const auto sent = house.sent();
  CHECK(sent.size() == wrote);
  CHECK(wrote > 500);
  std::vector<Written> wire;
  for (const auto& s : sent) {
    const auto spec =
        std::find_if(commands.begin(), commands.end(), [&](const auto& c) { return c.name == s.command; });
    for (const auto& field : spec->arguments) {
      INFO(s.command << " " << s.bytes << " " << field.name);
      const config::Value& value = s.arguments[field.name];
      CHECK((value.present() || !field.required));
      if (value.present()) CHECK(outside(field.schema, value).empty());
    }
    wire.push_back({s.device, s.command, command::printable(s.bytes).substr(0, 500)});
  }

  // The log: a line for each, with its bytes where they hold no secret, and a result.
  std::vector<Written> log;
  std::size_t results = 0;
  std::istringstream lines{house.audit()};
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line);
    if (entry["event"] == "result") ++results;
    if (entry["event"] != "write") continue;
    log.push_back({entry["device"], entry["command"],
                   entry.contains("sent") ? entry["sent"].get<std::string>().substr(0, 500) : ""});
  }
  CHECK(results == wrote);
  REQUIRE(log.size() == wire.size());
  for (std::size_t i = 0; i < log.size(); ++i)
    if (log[i].sent.empty()) wire[i].sent.clear();
  CHECK(log == wire);
}
