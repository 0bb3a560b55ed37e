// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual inverter against the host's own rules: its options are a schema that the host accepts, and its truth uses
// no word outside the vocabulary.
#include "config/plugin_schema.hpp"
#include "model/vocabulary.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "axpert_virtual_schema.hpp"
#include "support/catch.hpp"
#include "virtual_faults.hpp"
#include "virtual_machine.hpp"
#include "virtual_support.hpp"

using namespace mesura::axpert::twin;
using namespace mesura::axpert::test;

TEST_CASE("twin schema: the host accepts it") {
  const auto result = mesura::config::parse_plugin_schema(mesura_virtual_schema, "virtual_schema.yaml");
  for (const auto& d : result.diagnostics.list())
    UNSCOPED_INFO(d.message << ", expected " << d.expected << ", got " << d.got);
  REQUIRE(result.schema.has_value());
  CHECK(result.schema->name == "axpert");
  REQUIRE(result.schema->links.size() == 2);
  CHECK(result.schema->links[0].name == "serial");
  CHECK(result.schema->links[1].name == "hid");
  CHECK(result.schema->commands.size() == 3);
}

TEST_CASE("twin schema: every fault is an option and a word of the fault command") {
  const std::string schema{mesura_virtual_schema};
  for (std::size_t i = 0; i < kFaultKinds; ++i) {
    const std::string name{fault_name(static_cast<FaultKind>(i))};
    INFO(name);
    CHECK(schema.find("\n  " + name + ": {type: number") != std::string::npos);
    CHECK(schema.find(name + ",", schema.find("kind:")) != std::string::npos);
    CHECK(find_fault(name) == static_cast<FaultKind>(i));
  }
}

TEST_CASE("twin truth: every word is in the vocabulary") {
  const auto& vocabulary = mesura::model::Vocabulary::standard();
  for (const char* model : {"pi30", "pi30-duo", "pi30-tri", "pi30-mk", "pi30max", "pi41", "pi30revo", "pi18"}) {
    Machine m = machine_of(model, 2);
    std::vector<Truth> truth;
    const auto add = [&](std::optional<Answer> answer) {
      if (answer) std::move(answer->truth.begin(), answer->truth.end(), std::back_inserter(truth));
    };
    for (const char* q : {"QPIGS", "QPIGS2", "QPIRI", "QMOD", "QPGS0", "QPGS1", "QT", "QET", "QEY2026", "QEM202601",
                          "QED20260101", "QLT", "QLY2026", "QLM202601", "QLD20260101"})
      add(answer_query(m, q));
    for (const char* q : {"GS", "MOD", "ET", "EY2026", "EM202601", "ED20260101"}) add(answer_pi18_query(m, q));
    CHECK(truth.size() > 20);
    for (const Truth& t : truth) {
      INFO(model << " " << t.channel << "/" << t.quantity);
      const auto* quantity = vocabulary.find(t.quantity);
      REQUIRE(quantity != nullptr);
      CHECK(mesura::model::Vocabulary::may_stand(*quantity, t.channel));
      CHECK(quantity->text == t.is_text);
    }
  }
}
