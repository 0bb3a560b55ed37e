// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The plugin against the host's own rules: its schema is one that the host accepts, and no series or attribute that it
// can emit is outside the vocabulary or its own additions.
#include <algorithm>
#include <string>

#include "dsmr_p1_schema.hpp"
#include "model/vocabulary.hpp"
#include "obis_table.hpp"
#include "profile.hpp"
#include "support/catch.hpp"
#include "support/plugin_schema.hpp"

using namespace mesura::dsmr_p1;
using mesura::model::Vocabulary;

namespace {

mesura::config::PluginSchema schema() { return mesura::test::accepted_schema(mesura_schema); }

}  // namespace

TEST_CASE("the host accepts the schema") {
  const auto s = schema();
  CHECK(s.name == "dsmr_p1");
  CHECK(s.version == "0.1.0");
  REQUIRE(s.links.size() == 1);
  CHECK(s.links[0].name == "data");
  CHECK(s.stale_after == std::chrono::seconds{20});
  CHECK(std::all_of(s.roles.begin(), s.roles.end(), [](const auto& r) { return r.role == "grid"; }));
}

TEST_CASE("the option `profile` knows every dialect") {
  const auto s = schema();
  const auto option =
      std::find_if(s.options.begin(), s.options.end(), [](const auto& o) { return o.name == "profile"; });
  REQUIRE(option != s.options.end());
  for (const auto& name : option->schema.values) {
    INFO(name);
    CHECK((name == "auto" || parse_profile(name)));
  }
  CHECK(option->schema.values.size() == static_cast<std::size_t>(Profile::q3d) + 2);
}

TEST_CASE("every series is in the vocabulary, where it may stand and of its kind") {
  const auto s = schema();
  const ObisTable& table = ObisTable::instance();
  for (std::size_t i = 0; i < table.field_count(); ++i) {
    const Field& field = table.field(static_cast<FieldId>(i));
    INFO(field.channel << '/' << field.quantity);
    const auto* quantity = Vocabulary::standard().find(field.quantity);
    if (quantity == nullptr) {
      CHECK(std::any_of(s.quantities.begin(), s.quantities.end(),
                        [&](const auto& own) { return own.name == field.quantity; }));
      continue;
    }
    CHECK(Vocabulary::may_stand(*quantity, field.channel));
    const auto kind = field.kind == Kind::counter ? MESURA_REGISTER
                      : field.kind == Kind::state ? MESURA_STATE
                                                  : MESURA_GAUGE;
    CHECK(static_cast<int>(quantity->kind) == static_cast<int>(kind));
  }
}

TEST_CASE("every attribute is in the vocabulary") {
  for (std::size_t i = 0; i < kAttributes; ++i) {
    INFO(name(static_cast<Attribute>(i)));
    CHECK(Vocabulary::standard().find_attribute(name(static_cast<Attribute>(i))) != nullptr);
  }
  for (const char* other : {"manufacturer", "model", "dialect", "serial_raw"})
    CHECK(Vocabulary::standard().find_attribute(other) != nullptr);
}
