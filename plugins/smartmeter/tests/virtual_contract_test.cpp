// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual meter against the host's own rules: its options are a schema that the host accepts, and its truth uses no
// word outside the vocabulary.
#include <string>

#include "config/plugin_schema.hpp"
#include "model/vocabulary.hpp"
#include "smartmeter_virtual_schema.hpp"
#include "support/catch.hpp"
#include "virtual_rig.hpp"

using namespace mesura::smartmeter::test;
using Kind = mesura::test::PluginEvent::Kind;

TEST_CASE("twin schema: the host accepts it") {
  const auto result = mesura::config::parse_plugin_schema(mesura_virtual_schema, "virtual_schema.yaml");
  for (const auto& d : result.diagnostics.list())
    UNSCOPED_INFO(d.message << ", expected " << d.expected << ", got " << d.got);
  REQUIRE(result.schema.has_value());
  CHECK(result.schema->name == "smartmeter");
  REQUIRE(result.schema->links.size() == 5);
  CHECK(result.schema->links[3].name == "dial");
  CHECK(result.schema->commands.size() == 3);
}

TEST_CASE("twin truth: every word is in the vocabulary") {
  const auto& vocabulary = mesura::model::Vocabulary::standard();
  std::size_t seen = 0;
  for (const char* type : {"smartmeter", "powermeter"}) {
    Rig rig(quiet().text("type", type).text("broker", "b").flag("state_lines", true));
    rig.join();
    rig.harness.open(4);
    rig.advance(5s);
    for (const char* what : {"Power", "Voltage", "Current", "Energy", "Period", "PhaseAngle"})
      rig.say(std::string(R"({"cmd":"get)") + what + "\"}");
    for (const char* measures : {"p,q", "v,i_RMS"}) {
      rig.say(std::string(R"({"cmd":"sample","payload":{"type":"TCP","rate":10,"measures":")") + measures + "\"}}");
      rig.advance(1s);
      rig.say(R"({"cmd":"stop"})");
    }
    for (const auto& e : rig.others()) {
      if (e.kind != Kind::measurement) continue;
      ++seen;
      INFO(e.channel << "/" << e.quantity);
      const auto* quantity = vocabulary.find(e.quantity);
      REQUIRE(quantity != nullptr);
      CHECK(mesura::model::Vocabulary::may_stand(*quantity, e.channel));
    }
  }
  CHECK(seen > 100);
}
