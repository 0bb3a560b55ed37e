// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6 against the host's own rules: its options are a schema that the host accepts, and its truth uses no
// word outside the vocabulary.
#include "config/plugin_schema.hpp"
#include "model/vocabulary.hpp"

#include "ct6_virtual_schema.hpp"
#include "support/catch.hpp"
#include "virtual_answer.hpp"

TEST_CASE("twin schema: the host accepts it") {
  const auto result = mesura::config::parse_plugin_schema(mesura_virtual_schema, "virtual_schema.yaml");
  for (const auto& d : result.diagnostics.list())
    UNSCOPED_INFO(d.message << ", expected " << d.expected << ", got " << d.got);
  REQUIRE(result.schema.has_value());
  CHECK(result.schema->name == "ct6");
  REQUIRE(result.schema->links.size() == 4);
  CHECK(result.schema->links[0].port == 29340);
  CHECK(result.schema->links[1].broadcast);
  CHECK(result.schema->links[2].port == 80);
  CHECK(result.schema->commands.size() == 3);
}

TEST_CASE("twin truth: every word is in the vocabulary") {
  const auto& vocabulary = mesura::model::Vocabulary::standard();
  for (std::size_t i = 0; i < mesura::ct6::twin::truth_size(24); ++i) {
    const auto [channel, quantity] = mesura::ct6::twin::truth_name(i, 24);
    INFO(channel << "/" << quantity);
    const auto* known = vocabulary.find(quantity);
    REQUIRE(known != nullptr);
    CHECK(mesura::model::Vocabulary::may_stand(*known, channel));
    CHECK_FALSE(known->text);
  }
}
