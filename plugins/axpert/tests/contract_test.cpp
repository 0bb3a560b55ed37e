// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The plugin against the host's own rules: its schema is one that the host accepts, and no series or attribute that its
// tables can bring is outside the vocabulary or its own additions.
#include <algorithm>
#include <set>
#include <string>

#include "axpert_schema.hpp"
#include "command_fields.hpp"
#include "model/vocabulary.hpp"
#include "plan.hpp"
#include "reader.hpp"
#include "support/catch.hpp"
#include "support/plugin_schema.hpp"
#include "table.hpp"

using namespace mesura::axpert;
using mesura::model::Vocabulary;

namespace {

mesura::config::PluginSchema schema() { return mesura::test::accepted_schema(mesura_schema); }

/// Each layout for each dialect that it is for.
template <class F>
void every_plan(F&& f) {
  any_layout([&](const Layout& l) {
    for (int d = 0; d < kDialects; ++d)
      if (has(l.dialects, static_cast<Dialect>(d)))
        f(Plan(l, static_cast<Dialect>(d), l.command.ends_with('#') ? 3 : -1));
    return false;
  });
}

std::string without_prefix(const std::string& channel) {
  if (channel.starts_with("unit3_")) return channel.substr(6);
  if (channel.starts_with("system_")) return channel.substr(7);
  return channel;
}

}  // namespace

TEST_CASE("the host accepts the schema") {
  const auto s = schema();
  CHECK(s.name == "axpert");
  CHECK(s.version == "0.1.0");
  REQUIRE(s.links.size() == 1);
  CHECK(s.links[0].name == "data");
  CHECK(s.links[0].transports == std::vector<std::string>{"hid", "serial", "tcp", "file", "replay"});
  CHECK(s.commands.size() > 60);
  CHECK_FALSE(s.export_positive.empty());
  CHECK(s.integrate.size() == 3);
}

TEST_CASE("the option `dialect` knows every dialect") {
  const auto s = schema();
  const auto option =
      std::find_if(s.options.begin(), s.options.end(), [](const auto& o) { return o.name == "dialect"; });
  REQUIRE(option != s.options.end());
  CHECK(option->schema.values.size() == kDialects + 1);
  for (int d = 0; d < kDialects; ++d)
    CHECK(std::count(option->schema.values.begin(), option->schema.values.end(), name(static_cast<Dialect>(d))) == 1);
}

TEST_CASE("every series is in the vocabulary or the schema, where it may stand and of its kind") {
  const auto s = schema();
  std::set<std::string> own;
  every_plan([&](const Plan& plan) {
    for (const auto& slot : plan.slots) {
      INFO(plan.layout.command << ' ' << slot.channel << '/' << slot.quantity);
      const auto* quantity = Vocabulary::standard().find(slot.quantity);
      if (quantity != nullptr) {
        CHECK(Vocabulary::may_stand(*quantity, slot.channel));
        continue;
      }
      own.insert(slot.quantity);
      const auto found = std::find_if(s.quantities.begin(), s.quantities.end(),
                                      [&](const auto& q) { return q.name == slot.quantity; });
      REQUIRE(found != s.quantities.end());
      const std::string channel = without_prefix(slot.channel);
      CHECK((found->channels.empty() ? channel == "total"
                                     : std::count(found->channels.begin(), found->channels.end(), channel) == 1));
      CHECK(found->kind == "state");
    }
  });
  CHECK(own.size() == s.quantities.size());  // none that nobody emits
}

TEST_CASE("a command's field has the unit that its measurement has") {
  const auto s = schema();
  every_plan([&](const Plan& plan) {
    for (const auto& slot : plan.slots) {
      INFO(plan.layout.command << ' ' << slot.channel << '/' << slot.quantity);
      std::string unit;
      bool text = false;
      if (const auto* quantity = Vocabulary::standard().find(slot.quantity)) {
        unit = quantity->unit;
        text = quantity->text;
      } else {
        const auto found = std::find_if(s.quantities.begin(), s.quantities.end(),
                                        [&](const auto& q) { return q.name == slot.quantity; });
        REQUIRE(found != s.quantities.end());
        unit = found->unit;
        text = found->text;
      }
      if (!text) CHECK(unit_of(slot.quantity) == (unit == "1" ? "" : unit));
    }
  });
}

TEST_CASE("states leave when they change, and nothing else does") {
  every_plan([&](const Plan& plan) {
    for (const auto& op : plan.ops) {
      if (op.form != Form::number || op.field->channel.empty()) continue;
      const auto* quantity = Vocabulary::standard().find(plan.slots[op.slot].quantity);
      if (quantity == nullptr) continue;
      INFO(plan.layout.command << ' ' << plan.slots[op.slot].channel << '/' << quantity->name);
      // A current or speed in Q1 may be slow, but is measured.
      CHECK(op.state == (static_cast<int>(quantity->kind) == MESURA_STATE));
    }
  });
}

TEST_CASE("every attribute is in the vocabulary") {
  any_layout([](const Layout& l) {
    for (const Field& f : l.fields)
      if (f.channel.empty() && !f.quantity.empty()) {
        INFO(l.command << ' ' << f.quantity);
        CHECK(Vocabulary::standard().find_attribute(f.quantity) != nullptr);
      }
    return false;
  });
  CHECK(Vocabulary::standard().find_attribute("dialect") != nullptr);
  CHECK(Vocabulary::standard().find_attribute("model") != nullptr);
}

TEST_CASE("every query has a layout in each dialect that is asked it, and every layout a query or a probe") {
  for (const Query& q : queries())
    for (int d = 0; d < kDialects; ++d) {
      if (!has(q.dialects, static_cast<Dialect>(d))) continue;
      INFO(q.command << ' ' << name(static_cast<Dialect>(d)));
      CHECK(any_layout(
          [&](const Layout& l) { return l.command == q.command && has(l.dialects, static_cast<Dialect>(d)); }));
    }
  const std::set<std::string_view> probes = {"QPI", "QID", "QSID", "PI", "ID"};
  any_layout([&](const Layout& l) {
    INFO(l.command);
    CHECK((probes.contains(l.command) ||
           std::any_of(queries().begin(), queries().end(), [&](const Query& q) { return q.command == l.command; })));
    return false;
  });
}
