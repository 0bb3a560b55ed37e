// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The plugin against the host's own rules: its schema is one that the host accepts, and no series or attribute that it
// can emit is outside the vocabulary.
#include <mesura/plugin.hpp>

#include <algorithm>
#include <set>
#include <string>

#include "ct6_schema.hpp"
#include "keys.hpp"
#include "model/vocabulary.hpp"
#include "support/catch.hpp"
#include "support/plugin_harness.hpp"
#include "support/plugin_schema.hpp"
#include "vectors.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

using namespace mesura::ct6::test;
using mesura::model::Vocabulary;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginHarness::Kind;

namespace {

mesura::config::PluginSchema schema() { return mesura::test::accepted_schema(mesura_schema); }

}  // namespace

TEST_CASE("the host accepts the schema") {
  const auto s = schema();
  CHECK(s.name == "ct6");
  CHECK(s.version == "0.1.0");
  REQUIRE(s.links.size() == 2);
  CHECK(s.links[0].name == "data");
  CHECK_FALSE(s.links[0].optional);
  CHECK(s.links[1].name == "http");
  CHECK(s.links[1].optional);
  CHECK(s.export_positive == std::vector<std::string>{"ct*"});
  REQUIRE(s.integrate.size() == 1);
  CHECK(s.integrate[0].channel == "ct*");
  CHECK(s.integrate[0].mean);
  CHECK(s.fleet == std::vector<std::string>{"assy", "unit_name", "address"});
  CHECK(s.roles.empty());
}

TEST_CASE("every series and attribute is in the vocabulary, where it may stand") {
  PluginHarness::Config config;
  config.now_ns = kAnswerTime_ns;
  PluginHarness h(*mesura_plugin_query(nullptr, nullptr), PluginOptions{}.flag("device_time", true), config);
  h.open();
  h.bytes(with(with(kAnswer, R"("GROUP_NAME": "")", R"("GROUP_NAME": "g")"), R"("CT6": {)", R"("CT24": {)"));
  h.bytes(kPayload);
  h.close(true);
  std::set<std::string> quantities;
  for (const auto& e : h.events(Kind::measurement)) {
    INFO(e.channel << '/' << e.quantity);
    const auto* quantity = Vocabulary::standard().find(e.quantity);
    REQUIRE(quantity != nullptr);
    CHECK(Vocabulary::may_stand(*quantity, e.channel));
    CHECK_FALSE(e.is_text);
    CHECK_FALSE(quantity->text);
    quantities.insert(e.quantity);
  }
  CHECK(quantities.size() == 14);
  std::set<std::string> attributes;
  for (const auto& e : h.events(Kind::attribute)) {
    const bool port = e.key.starts_with("ct");
    const std::string key = port ? e.key.substr(e.key.find('_') + 1) : e.key;
    INFO(e.key);
    CHECK(Vocabulary::standard().find_attribute(key) != nullptr);
    attributes.insert(key);
  }
  CHECK(attributes.size() == 12);
}
