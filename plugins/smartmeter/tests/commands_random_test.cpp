// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Any command with any arguments, on any way, whatever goes wrong: one reply, and no byte that may not be sent.
#include <random>

#include "json.hpp"
#include "tests/command_rig.hpp"

using namespace smartmeter_test;
using mesura::config::Danger;
using mesura::config::Type;

namespace {

using Random = std::mt19937;

int pick(Random& random, int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); }

std::string any_text(Random& random) {
  static const std::vector<std::string> known = {
      "",         "a",         "-", "off", "06:30",  "1/4", "5s",         "+5s grid",          "x\"y\\z",
      "\x01\x7f", "{\"cmd\":", "?", "!",   "garage", "lab", "energywifi", "{\"cmd\":\"stop\"}"};
  if (pick(random, 0, 3) != 0)
    return known[static_cast<std::size_t>(pick(random, 0, static_cast<int>(known.size()) - 1))];
  return std::string(static_cast<std::size_t>(pick(random, 0, 700)), static_cast<char>(pick(random, 32, 126)));
}

/// Of the right types, as the core would hand them over; of any value otherwise.
PluginOptions any_arguments(Random& random, const mesura::config::CommandSpec& spec) {
  PluginOptions out;
  for (const auto& field : spec.arguments) {
    if (!field.required && pick(random, 0, 2) == 0) continue;
    if (pick(random, 0, 30) == 0) continue;
    const auto& schema = field.schema;
    switch (schema.type) {
      case Type::boolean: out.flag(field.name, pick(random, 0, 1) != 0); break;
      case Type::integer:
      case Type::port: out.integer(field.name, pick(random, -5, 1 << pick(random, 1, 30))); break;
      case Type::number: out.number(field.name, pick(random, -300, 300) / 100.0); break;
      case Type::duration: out.duration(field.name, std::chrono::milliseconds{pick(random, 1, 9000)}); break;
      case Type::enumeration:
        out.text(field.name,
                 schema.values[static_cast<std::size_t>(pick(random, 0, static_cast<int>(schema.values.size()) - 1))]);
        break;
      default: out.text(field.name, any_text(random));
    }
  }
  return out;
}

std::string damaged(Random& random, std::string said) {
  switch (pick(random, 0, 12)) {
    case 0: return {};
    case 1: return said.substr(0, said.size() / 2);
    case 2: said[static_cast<std::size_t>(pick(random, 0, static_cast<int>(said.size()) - 1))] ^= 8; return said;
    case 3: return said + said;
    default: return said;
  }
}

/// One line of a kind that the sheet knows, no longer than the device reads.
bool is_request(std::string line, Way way) {
  if (way != Way::mqtt) {
    if (!line.ends_with("\r\n")) return false;
    line.resize(line.size() - 2);
  }
  constexpr std::size_t kLongest = 599;
  const bool plain =
      std::none_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  mesura::smartmeter::JsonObject json;
  if (!plain || line.size() > kLongest || !json.parse(line)) return false;
  static const std::vector<std::string_view> known = {
      "mdns",  "mqttServer", "streamServer", "timeServer",   "addWifi",     "delWifi",
      "ntp",   "log",        "clearLog",     "calibration",  "resetEnergy", "dailyRestart",
      "ade9k", "restart",    "basicReset",   "factoryReset", "switch",      "publishInterval"};
  return std::find(known.begin(), known.end(), json.text("cmd")) != known.end();
}

}  // namespace

TEST_CASE("random commands and faults: exactly one reply each") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  Random random(seed);
  INFO("seed " << seed);
  int replies = 0;
  for (int round = 0; round < 40; ++round) {
    const Way way = std::array{Way::tcp, Way::dial_in, Way::mqtt, Way::serial}[static_cast<std::size_t>(round % 4)];
    PluginOptions options;
    options.text("key", "name");
    if (pick(random, 0, 1) != 0) options.text("stream", "off").duration("interval", 2s);
    PluginOptions meter;
    meter.text("signal", "count").flag("quirks", pick(random, 0, 1) != 0);
    meter.text("type", pick(random, 0, 2) == 0 ? "powermeter" : "smartmeter");
    meter.duration("reboot", 1s);
    if (way == Way::serial)
      options.integer("rate", 100);
    else if (way != Way::mqtt)
      options.integer("rate", 1000);
    CommandBench bench(std::move(meter), std::move(options), way);
    bench.away = 1200ms;
    bench.advance(way == Way::mqtt ? 6s : 1s, 100ms);
    for (int n = 0; n < 12; ++n) {
      const auto& spec =
          command_specs()[static_cast<std::size_t>(pick(random, 0, static_cast<int>(command_specs().size()) - 1))];
      const bool faulty = pick(random, 0, 1) != 0;
      if (faulty) bench.alter = [&](const std::string& said) { return damaged(random, said); };
      const bool dry = pick(random, 0, 3) == 0;
      const auto id = bench.begin(spec.name, any_arguments(random, spec), dry);
      INFO(round << " " << n << " " << spec.name << (dry ? " dry" : ""));
      if (faulty && pick(random, 0, 2) == 0) {
        bench.advance(std::chrono::milliseconds{pick(random, 0, 40)});
        bench.cut();
      }
      if (pick(random, 0, 9) == 0) {
        bench.advance(50ms);
        bench.tap().cancel(id, bench.session().now_ns());
      }
      Outcome got = bench.finish(id, 130s);
      if (got.replies == 0) {  // a long measurement: called off as the core would at the end of its time
        bench.tap().cancel(id, bench.session().now_ns());
        got = bench.finish(id);
      }
      CHECK(got.replies == 1);
      replies += got.replies;
      CHECK(bench.tap().forbidden == 0);
      CHECK((!dry || bench.tap().told.empty()));
      CHECK((spec.danger != Danger::read || bench.tap().told.empty()));
      for (const auto* lines : {&bench.tap().told, &bench.tap().planned})
        for (const auto& line : *lines) CHECK((spec.danger == Danger::raw || is_request(line, way)));
      bench.alter = nullptr;
      bench.session().clear();
      bench.twin().clear();
      bench.rewind();
    }
  }
  CHECK(replies == 40 * 12);
}
