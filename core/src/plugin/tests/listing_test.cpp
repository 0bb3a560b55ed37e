// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "test_libraries.hpp"

#include "plugin/listing.hpp"

#include "support/catch.hpp"

using namespace mesura::plugin;
using test::library_directory;

namespace {

std::string file(const std::string& library, const std::string& name) {
  return (library_directory(library) / name).string();
}

}  // namespace

TEST_CASE("the list shows the loaded by name, their warnings, and the refused with their remedies") {
  const auto set = test::scan({library_directory("newer_major"), library_directory("good_plugin"),
                               library_directory("full_schema"), library_directory("no_query")});
  const auto c_file = file("full_schema", "c_plugin.so");
  const auto good_file = file("good_plugin", "good_plugin.so");
  REQUIRE(c_file.size() + 3 == good_file.size());
  CHECK(
      list_text(set) ==
      "PLUGIN       VERSION  ABI  VIRTUAL  FILE" + std::string(good_file.size() - 4, ' ') +
          "  SUMMARY\n"
          "c_plugin     4.5.6    1.1  yes      " +
          c_file + "     A plugin in C\n" + "good_plugin  1.2.3    1.1  no       " + good_file +
          "  A meter that prints key=value pairs, one telegram a line\n\n" + file("newer_major", "c_plugin.so") +
          ": error[plg-abi]: plugin 'c_plugin' 4.5.6 speaks plugin ABI 3; this host accepts 1\n"
          "  hint      install a newer Mesura, which accepts ABI 3, or rebuild the plugin against the headers of this "
          "one\n\n" +
          file("no_query", "bad_no_query.so") +
          ": error[plg-no-query]: a library, but not a plugin: it lacks mesura_plugin_query\n"
          "  hint      remove it from the plugin directory; a plugin exports the symbol by MESURA_PLUGIN(...)\n");
}

TEST_CASE("the list as JSON") {
  const auto set = test::scan({library_directory("good_plugin"), library_directory("no_query")});
  CHECK(
      list_json(set) ==
      R"({"plugins":[{"name":"good_plugin","version":"1.2.3","abi":"1.1","file":")" +
          file("good_plugin", "good_plugin.so") +
          R"(","summary":"A meter that prints key=value pairs, one telegram a line","warnings":[],)"
          R"("virtual_device":false}],"refused":[{"file":")" +
          file("no_query", "bad_no_query.so") +
          R"(","code":"plg-no-query","reason":"a library, but not a plugin: it lacks mesura_plugin_query",)"
          R"x("remedy":"remove it from the plugin directory; a plugin exports the symbol by MESURA_PLUGIN(...)"}]})x");
}

TEST_CASE("a list without plugins, and one that is built in") {
  PluginSet set;
  CHECK(list_text(set) == "no plugins found\n");
  CHECK(list_json(set) == R"({"plugins":[],"refused":[]})");

  const auto other = test::scan_case("good_plugin");
  const auto* plugin = set.add(*other.find("good_plugin")->descriptor);
  REQUIRE(plugin != nullptr);
  CHECK_THAT(list_text(set), mesura::test::contains("(built in)  A meter"));
  CHECK_THAT(info_json(*plugin), mesura::test::contains(R"("file":null)"));
}

TEST_CASE("the info of a plugin shows all that its schema says") {
  const auto set = test::scan_case("full_schema");
  const auto* plugin = set.find("c_plugin");
  REQUIRE(plugin != nullptr);
  CHECK(info_text(*plugin) == "c_plugin 4.5.6  A plugin in C\n" + file("full_schema", "c_plugin.so") +
                                  ", plugin ABI 1.1\n"
                                  "\nLINKS\n"
                                  "  data  tcp\n"
                                  "\nOPTIONS\n"
                                  "  dialect   enum                 default a    the variant [a|b]\n"
                                  "  interval  duration, 1s to 1h   default 10s  between two readings\n"
                                  "  address   integer, at least 1  required     on the bus\n"
                                  "  buffer    size, at most 64KiB  optional     of the device\n"
                                  "\nSTALE AFTER\n"
                                  "  1m30s\n"
                                  "\nROLES\n"
                                  "  total  grid\n"
                                  "\nQUANTITIES beyond the vocabulary\n"
                                  "  lid_open  text  state  total  whether the lid is open\n"
                                  "\nCOMMANDS\n"
                                  "  beep  (read) Sounds the beeper\n"
                                  "    times  integer, at most 9  default 1  how often\n"
                                  "\nVIRTUAL DEVICE  Plays the plugin in C\n"
                                  "  data  tcp\n"
                                  "  seed  integer  default 1  of chance\n");
  CHECK(info_json(*plugin) ==
        R"({"name":"c_plugin","version":"4.5.6","abi":"1.1","file":")" + file("full_schema", "c_plugin.so") +
            R"(","summary":"A plugin in C","warnings":[],"stale_after":"1m30s",)"
            R"("links":[{"name":"data","transports":["tcp"],"optional":false,"help":"","defaults":{}}],)"
            R"("options":[{"name":"dialect","type":"enum","required":false,"default":"a","values":["a","b"],)"
            R"("help":"the variant"},{"name":"interval","type":"duration","required":false,"default":"10s",)"
            R"("min":"1s","max":"1h","help":"between two readings"},{"name":"address","type":"integer",)"
            R"("required":true,"min":1,"help":"on the bus"},{"name":"buffer","type":"size","required":false,)"
            R"("max":"64KiB","help":"of the device"}],"roles":[{"channel":"total","role":"grid"}],)"
            R"("quantities":[{"name":"lid_open","unit":"1","kind":"state","text":true,"decimals":0,)"
            R"("channels":["total"],"help":"whether the lid is open"}],"commands":[{"name":"beep","danger":"read",)"
            R"("help":"Sounds the beeper","arguments":[{"name":"times","type":"integer","required":false,)"
            R"("default":"1","max":9,"help":"how often"}]}],"virtual_device":{"summary":"Plays the plugin in C",)"
            R"("links":[{"name":"data","transports":["tcp"],"optional":false,"help":"","defaults":{}}],)"
            R"("options":[{"name":"seed","type":"integer","required":false,"default":"1","help":"of chance"}]}})");
}
