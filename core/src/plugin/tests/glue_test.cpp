// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Sessions of real libraries, called as the host calls them: what plugin.hpp makes of a C++ class.
#include "fake_host.hpp"
#include "test_libraries.hpp"

#include "support/catch.hpp"

using namespace mesura::plugin;
using test::FakeHost;

namespace {

const mesura_plugin& descriptor(const PluginSet& set, std::string_view name) {
  const auto* plugin = set.find(name);
  REQUIRE(plugin != nullptr);
  return *plugin->descriptor;
}

}  // namespace

TEST_CASE("a plugin of sixty lines decodes the same in whatever chunks it is fed") {
  const auto set = test::scan_case("good_plugin");
  const std::string input =
      "voltage=230.1 active_power=512\n"
      "noise\n"
      "voltage=229.9 current=x active_power=-3.5\n";
  const auto chunk = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{1000});

  FakeHost host{descriptor(set, "good_plugin")};
  REQUIRE(host.create("channel", "l1"));
  REQUIRE(host.on_open() == 0);
  for (std::size_t at = 0; at < input.size(); at += chunk) REQUIRE(host.on_bytes(input.substr(at, chunk)) == 0);

  CHECK(host.emitted == std::vector<std::string>{"1000 l1/voltage=230.100000 l1/active_power=512.000000",
                                                 "1000 l1/voltage=229.900000 l1/active_power=-3.500000"});
  CHECK(host.faults == std::vector<std::string>{"bad_pair noise @31+5", "bad_pair current=x @51+9"});
  CHECK(host.series_names.size() == 2);
}

TEST_CASE("an exception in any call of a session comes out as -1 with its message") {
  const auto set = test::scan_case("throwing_plugin");
  FakeHost host{descriptor(set, "throwing_plugin")};
  REQUIRE(host.create());

  CHECK(host.on_open() == -1);
  CHECK(host.error() == "meter says no");
  CHECK(host.on_bytes("std") == -1);
  CHECK(host.error() == "register 17 of 16");
  CHECK(host.on_bytes("derived") == -1);
  CHECK(host.error() == "meter says no");
  CHECK(host.on_bytes("int") == -1);
  CHECK(host.error() == "unknown exception");
  CHECK(host.on_timer(1) == -1);
  CHECK(host.error() == "register 17 of 16");
  CHECK(host.on_timer(2) == -1);
  CHECK(host.error() == "unknown exception");
  CHECK(host.on_close("derived") == -1);
  CHECK(host.error() == "meter says no");
  CHECK(host.on_command("std") == -1);
  CHECK(host.error() == "register 17 of 16");

  CHECK(host.on_bytes("nothing of that") == 0);
  CHECK(host.error().empty());
}

TEST_CASE("an exception in a session's constructor is a failed create") {
  const auto set = test::scan_case("throwing_plugin");
  const auto [what, message] = GENERATE(table<std::string, std::string>({{"std", "register 17 of 16"},
                                                                         {"derived", "meter says no"},
                                                                         {"int", "unknown exception"},
                                                                         {"nameless", "exception without a text"}}));
  FakeHost host{descriptor(set, "throwing_plugin")};
  CHECK_FALSE(host.create("create", what));
  CHECK(host.error() == message);
}

TEST_CASE("two plugins with a class of the same name stay apart") {
  const auto set = test::scan({test::library_directory("same_class_one"), test::library_directory("same_class_two")});
  for (const auto* name : {"one", "two"}) {
    FakeHost host{descriptor(set, name)};
    REQUIRE(host.create());
    CHECK(host.on_bytes("x") == -1);
    CHECK(host.error() == name);
  }
}

TEST_CASE("a message that does not fit is cut between characters") {
  const auto set = test::scan_case("throwing_plugin");
  FakeHost host{descriptor(set, "throwing_plugin")};
  REQUIRE(host.create());
  CHECK(host.on_bytes("long") == -1);
  CHECK(host.error() == std::string(503, 'x'));
}

TEST_CASE("a text measurement is cut between characters") {
  std::string long_text(65'534, 'x');
  long_text += "\u00e9";
  CHECK(mesura::text(3, long_text).text_size == 65'534);
  CHECK(mesura::text(3, "caf\u00e9").text_size == 5);
}
