// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual meter against the host's own rules: its options are a schema that the host accepts, and its truth uses no
// word outside the vocabulary.
#include "config/plugin_schema.hpp"
#include "model/vocabulary.hpp"

#include "dsmr_p1_virtual_schema.hpp"
#include "support/catch.hpp"
#include "virtual_telegram.hpp"

#include <string>

using namespace mesura::dsmr_p1::twin;

namespace {

/// Everything that a meter can have, so that every line is written.
Reading full_reading() {
  Reading r;
  r.time = 1'720'000'000;
  r.phases = 3;
  r.serial = "SIM0000001";
  r.month_peak = {r.time, 4000};
  r.peak_history = {{r.time, {r.time, 3000}}};
  r.failure_log = {{r.time, 300}};
  r.snapshot.stamp = r.time;
  r.mbus = {{1, MbusType::gas, "A", r.time, 1},
            {2, MbusType::water, "B", r.time, 1},
            {3, MbusType::heat, "C", r.time, 1},
            {4, MbusType::electricity, "D", r.time, 1},
            {4, MbusType::cooling, "E", r.time, 1}};
  return r;
}

}  // namespace

TEST_CASE("twin schema: the host accepts it") {
  const auto result = mesura::config::parse_plugin_schema(mesura_virtual_schema, "virtual_schema.yaml");
  for (const auto& d : result.diagnostics.list())
    UNSCOPED_INFO(d.message << ", expected " << d.expected << ", got " << d.got);
  REQUIRE(result.schema.has_value());
  CHECK(result.schema->name == "dsmr_p1");
  CHECK(result.schema->links.size() == 1);
}

TEST_CASE("twin truth: every word is in the vocabulary") {
  const auto& vocabulary = mesura::model::Vocabulary::standard();
  MeterIdentity identity;
  identity.header = "/TST5X";
  identity.list = MeterIdentity::List::maximum;
  for (const char* name : {"nl2", "nl4", "nl5", "be", "lu", "at", "se", "hu", "lt"}) {
    const Dialect& dialect = *find_dialect(name);
    identity.version = dialect.id == DialectId::be ? "50221" : "40";
    const Telegram telegram = write_telegram(dialect, MeterClock{dialect.zone}, identity, full_reading());
    CHECK(telegram.truth.size() >= 9);
    for (const Truth& t : telegram.truth) {
      INFO(name << " " << t.channel << "/" << t.quantity);
      const auto* quantity = vocabulary.find(t.quantity);
      REQUIRE(quantity != nullptr);
      CHECK(mesura::model::Vocabulary::may_stand(*quantity, t.channel));
      CHECK_FALSE(quantity->text);
    }
  }
}
