// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/plugin_schema.hpp"

#include "config/reader.hpp"
#include "fake_catalog.hpp"

#include "support/catch.hpp"

#include <string>

using namespace mesura::config;

namespace {

std::string messages(const std::string& yaml) {
  std::string out;
  const PluginSchemaResult result = parse_plugin_schema(yaml, "schema.yaml");
  for (const auto& d : result.diagnostics.list()) out += render_text(d);
  return out;
}

/// A schema.yaml that is good but for what `options` says.
std::string with_options(const std::string& options) {
  return "plugin: p\nversion: 1.0.0\nsummary: s\nlinks: [{name: data, transports: [tcp]}]\noptions:\n  o: {" + options +
         "}\n";
}

}  // namespace

TEST_CASE("a schema says all that the host needs to know") {
  const PluginSchema& p = fake::catalog().plugins[0];
  CHECK(p.name == "meter");
  CHECK(p.version == "1.2.3");
  CHECK(p.summary == "A meter with an option of each type");
  CHECK(p.stale_after == std::chrono::seconds{20});
  REQUIRE(p.links.size() == 1);
  CHECK(p.links[0].name == "data");
  CHECK(p.links[0].transports == std::vector<std::string>{"serial", "tcp", "tcp_listen", "file"});
  CHECK_FALSE(p.links[0].optional);
  REQUIRE(p.links[0].defaults.size() == 2);
  CHECK(p.links[0].defaults[0].first == "serial");
  CHECK(p.links[0].defaults[0].second == "{baud: 9600, format: 7E1}");
  REQUIRE(p.roles.size() == 2);
  CHECK(p.roles[1].channel == "pv*");
  CHECK(p.roles[1].role == "solar");
  REQUIRE(p.quantities.size() == 1);
  CHECK(p.quantities[0].name == "bell_count");
  CHECK(p.quantities[0].unit == "1");
  CHECK(p.quantities[0].kind == "register");
  CHECK(p.quantities[0].channels == std::vector<std::string>{"total"});
  REQUIRE(p.commands.size() == 1);
  CHECK(p.commands[0].danger == Danger::dangerous);
  REQUIRE(p.commands[0].arguments.size() == 1);
  CHECK(p.commands[0].arguments[0].schema.type == Type::duration);
  CHECK(fake::catalog().plugins[1].links[2].optional);
}

TEST_CASE("options become fields with types, limits and defaults") {
  const std::vector<Field>& options = fake::catalog().plugins[0].options;
  const Value v = default_value(object(options));
  CHECK(v["enabled_registers"].boolean());
  CHECK(v["retries"].integer() == 3);
  CHECK(v["factor"].number() == 1.5);
  CHECK(v["greeting"].text() == "/?!");
  CHECK(v["profile"].text() == "auto");
  CHECK(v["every"].duration() == std::chrono::seconds{10});
  CHECK(v["buffer"].integer() == 65536);
  CHECK_FALSE(v["zone"]);
  CHECK_FALSE(v["key"]);
  CHECK(v["tariffs"].map().empty());
  CHECK(find_field(options, "retries")->schema.max == 10.0);
  CHECK(find_field(options, "every")->schema.max == 3.6e12);
  CHECK(find_field(options, "buffer")->schema.max == 1048576.0);
  CHECK(find_field(options, "factor")->schema.unit == "W");
  CHECK(find_field(options, "fields")->schema.element->values.size() == 3);
  CHECK(find_field(options, "key")->schema.type == Type::secret);
}

TEST_CASE("defaults keep their text: quotes, escapes, lists") {
  const auto result =
      parse_plugin_schema(with_options("type: list, default: ['010', \"a\\r\\n\", b c], help: h"), "schema.yaml");
  REQUIRE(result.schema);
  const Value v = default_value(object(result.schema->options));
  REQUIRE(v["o"].list().size() == 3);
  CHECK(v["o"].list()[0].text() == "010");
  CHECK(v["o"].list()[1].text() == "a\r\n");
  CHECK(v["o"].list()[2].text() == "b c");
}

TEST_CASE("mistakes of an author are values with a place") {
  CHECK(messages("plugin: P\nversion: 1\nlinks: []\nlinsk: 3\n") ==
        "schema.yaml:1:1: error[cfg-missing-key]: there is no 'summary'\n"
        "  expected  summary: a text\n"
        "schema.yaml:1:9: error[cfg-name]: 'plugin' is no snake_case name\n"
        "  expected  a name of small letters, digits and '_' that begins with a letter, at most 64 long\n"
        "  got       'P'\n"
        "  hint      for example 'p'\n"
        "schema.yaml:3:8: error[cfg-range]: 'links' has too few elements\n"
        "  expected  at least 1\n"
        "  got       0\n"
        "schema.yaml:4:1: error[cfg-unknown-key]: unknown key 'linsk' at the top level\n"
        "  expected  plugin, version, summary, stale_after, links, roles, export_positive, integrate, fleet, discover, "
        "options, "
        "quantities, commands\n"
        "  got       linsk\n"
        "  hint      did you mean 'links'?\n");
  CHECK(messages(with_options("type: enum, help: h")) ==
        "schema.yaml:6:13: error[cfg-option]: option 'o' has no values\n"
        "  expected  values: [a, b]\n");
  CHECK(messages(with_options("type: enum, values: [a, b], default: c, help: h")) ==
        "schema.yaml:6:44: error[cfg-enum]: the default of option 'o' is not one of its values\n"
        "  expected  one of a, b\n"
        "  got       'c'\n");
  CHECK(messages(with_options("type: duration, default: 10, help: h"))
            .find("error[cfg-unit]: the default of option 'o' has no unit") != std::string::npos);
  CHECK(messages(with_options("type: duration, min: 10, help: h")).find("option 'o' has a limit that has no unit") !=
        std::string::npos);
  CHECK(messages(with_options("type: integer, min: 5, max: 4, help: h")).find("option 'o' has a min above its max") !=
        std::string::npos);
  CHECK(messages(with_options("type: bool, min: 5, help: h")).find("option 'o' has a limit, but its type is bool") !=
        std::string::npos);
  CHECK(
      messages(with_options("type: text, values: [a], help: h")).find("option 'o' has values, but its type is text") !=
      std::string::npos);
  CHECK(messages(with_options("type: text, format: base64, help: h")).find("option 'o' has an unknown format") !=
        std::string::npos);
  CHECK(messages(with_options("type: integer, format: hex4, help: h"))
            .find("option 'o' has a format, but its type is integer") != std::string::npos);
  CHECK(messages(with_options("type: integer, required: true, default: 3, help: h"))
            .find("option 'o' is required and has a default") != std::string::npos);
  CHECK(messages("plugin: p\nversion: 1.0.0\nsummary: s\nlinks:\n  - {name: a, transports: [tcp], defaults: {udp: "
                 "{}}}\n  - {name: a, transports: [udp]}\n") ==
        "schema.yaml:5:45: error[cfg-link]: link 'a' has defaults for 'udp', which is not one of its transports\n"
        "schema.yaml:6:12: error[cfg-link]: two links are called 'a'\n");
}

TEST_CASE("a schema does not depend on the reader's environment") {
  CHECK(messages("plugin: p\nversion: ${HOME}\nsummary: s\nlinks: [{name: d, transports: [tcp]}]\n")
            .find("which is not set") != std::string::npos);
}
