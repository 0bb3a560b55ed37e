// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Libraries that are really bad, and what the loader says of each.
#include "test_libraries.hpp"

#include "plugin/descriptor_check.hpp"
#include "plugin/trial.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <link.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

namespace fs = std::filesystem;
using namespace mesura::plugin;
using mesura::plugin::test::library_directory;
using mesura::plugin::test::scan;
using mesura::plugin::test::scan_case;
using mesura::test::TempDir;

namespace {

void write(const fs::path& file, std::string_view text) {
  std::ofstream out{file, std::ios::binary};
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  REQUIRE(out.flush().good());
}

std::string read(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

fs::path good_library() { return library_directory("good_plugin") / "good_plugin.so"; }

/// The one refusal of a set in which nothing was loaded.
RefusedPlugin only_refusal(const PluginSet& set) {
  CHECK(set.loaded().empty());
  REQUIRE(set.refused().size() == 1);
  const auto& r = set.refused().front();
  CHECK_FALSE(r.remedy.empty());
  return r;
}

/// Sets an environment variable while it lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("a good plugin is loaded") {
  const auto set = scan_case("good_plugin");
  CHECK(set.refused().empty());
  const auto* plugin = set.find("good_plugin");
  REQUIRE(plugin != nullptr);
  CHECK(plugin->version == "1.2.3");
  CHECK(plugin->file == good_library());
  CHECK(plugin->descriptor->abi_major == 1);
  CHECK(plugin->warnings.empty());
  CHECK(plugin->schema.name == "good_plugin");
  REQUIRE(plugin->schema.links.size() == 1);
  CHECK(plugin->schema.links[0].transports == std::vector<std::string>{"serial", "tcp", "file"});
  CHECK_FALSE(plugin->virtual_schema.has_value());
  CHECK(set.find("ct6") == nullptr);
}

TEST_CASE("a plugin written in C11 is loaded") {
  const auto set = scan_case("c_plugin");
  CHECK(set.refused().empty());
  REQUIRE(set.find("c_plugin") != nullptr);
  CHECK(set.find("c_plugin")->version == "4.5.6");
}

TEST_CASE("a plugin of a newer minor is loaded, and its younger members are not looked at") {
  const auto set = scan_case("newer_minor");
  CHECK(set.refused().empty());
  REQUIRE(set.find("c_plugin") != nullptr);
  CHECK(set.find("c_plugin")->descriptor->abi_minor == 7);
}

TEST_CASE("a file that is called otherwise than its plugin works, with a warning") {
  const TempDir directory;
  fs::copy_file(good_library(), directory / "meter.so");
  const auto set = scan({directory.path()});
  REQUIRE(set.find("good_plugin") != nullptr);
  CHECK(set.find("good_plugin")->warnings ==
        std::vector<std::string>{"the file of plugin 'good_plugin' is called 'meter.so'; expected 'good_plugin.so'"});
}

TEST_CASE("every bad library is refused with its reason") {
  struct Case {
    std::string library, code, reason;
  };
  const auto c = GENERATE(values<Case>({
      {"newer_major", "plg-abi", "plugin 'c_plugin' 4.5.6 speaks plugin ABI 3; this host accepts 1"},
      {"older_major", "plg-abi", "plugin 'c_plugin' 4.5.6 speaks plugin ABI 0; this host accepts 1"},
      {"short_other_major", "plg-abi", "the plugin speaks plugin ABI 3; this host accepts 1"},
      {"short_descriptor", "plg-struct-size", "plugin 'c_plugin' 4.5.6: its descriptor has 48 bytes; ABI 1.0 needs 72"},
      {"short_session", "plg-struct-size", "plugin 'c_plugin' 4.5.6: its session table has 40 bytes; ABI 1.0 needs 72"},
      {"no_session", "plg-function", "plugin 'c_plugin' 4.5.6: its descriptor has no session table"},
      {"no_create", "plg-function", "plugin 'c_plugin' 4.5.6: its session table lacks create"},
      {"no_destroy", "plg-function", "plugin 'c_plugin' 4.5.6: its session table lacks destroy"},
      {"no_on_open", "plg-function", "plugin 'c_plugin' 4.5.6: its session table lacks on_open"},
      {"no_on_bytes", "plg-function", "plugin 'c_plugin' 4.5.6: its session table lacks on_bytes"},
      {"no_functions", "plg-function",
       "plugin 'c_plugin' 4.5.6: its session table lacks create, destroy, on_open, on_bytes"},
      {"bad_twin", "plg-function",
       "the virtual device of plugin 'c_plugin' 4.5.6: its session table lacks create, destroy, on_open, on_bytes"},
      {"empty_name", "plg-name", "the plugin has no name"},
      {"invalid_name", "plg-name", "the plugin's name is 'CT6\\n'; expected snake_case, 64 characters at most"},
      {"schema_of_another", "plg-schema-name", "plugin 'c_plugin': its schema is that of a plugin 'other_plugin'"},
      {"twin_schema_of_another", "plg-schema-name",
       "plugin 'c_plugin': the schema of its virtual device is that of a plugin 'other_plugin'"},
      {"query_null", "plg-query-failed", "the plugin refuses to start and gives no reason"},
      {"query_refuses", "plg-query-failed", "the plugin refuses to start: 'needs AVX-512'"},
      {"query_throws", "plg-query-threw", "mesura_plugin_query threw 'no licence file'; expected a descriptor"},
      {"query_throws_number", "plg-query-threw",
       "mesura_plugin_query threw an unknown exception; expected a descriptor"},
      {"query_aborts", "plg-crash", "ends the process when it is loaded: killed by signal 6 (Aborted)"},
      {"load_exits", "plg-crash", "ends the process when it is loaded: exit status 0"},
      {"load_throws", "plg-crash",
       "ends the process when it is loaded: killed by signal 6 (Aborted), its last words: 'what():  no licence "
       "file'"},
      {"no_query", "plg-no-query", "a library, but not a plugin: it lacks mesura_plugin_query"},
      {"undefined_symbol", "plg-symbol", "undefined symbol 'meter::decode(char const*)'"},
      {"missing_dependency", "plg-dependency", "needs library 'libmesura_test_answer.so', which is not installed"},
  }));
  CAPTURE(c.library);
  const auto refusal = only_refusal(scan_case(c.library));
  CHECK(refusal.code == c.code);
  CHECK(refusal.reason == c.reason);
  CHECK(refusal.path.parent_path() == library_directory(c.library));
}

TEST_CASE("what is no library of this machine is refused before the dynamic linker sees it") {
  const TempDir directory;
  const auto file = directory / "meter.so";
  const auto refusal = [&] { return only_refusal(scan({directory.path()})); };

  SECTION("empty") {
    write(file, "");
    CHECK(refusal().code == "plg-not-a-library");
    CHECK(refusal().reason == "not a shared library: the file is empty");
  }
  SECTION("text") {
    write(file, "#!/bin/sh\nexit 0\n");
    CHECK(refusal().code == "plg-not-a-library");
    CHECK(refusal().reason ==
          "not a shared library: expected an ELF file, got 17 bytes that begin with '#!/bin/sh\\nexit 0'");
  }
  SECTION("a directory") {
    fs::create_directory(file);
    CHECK(refusal().code == "plg-not-a-library");
  }
  SECTION("a FIFO that nobody writes to") {
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
    CHECK(refusal().code == "plg-not-a-library");
  }
  SECTION("a program") {
    write(file, read("/proc/self/exe").replace(offsetof(ElfW(Ehdr), e_type), 2, std::string("\2\0", 2)));
    CHECK(refusal().code == "plg-not-a-library");
    CHECK(refusal().reason == "not a shared library: expected ELF type 3, got 2");
  }
  SECTION("a link to nothing") {
    fs::create_symlink(directory / "gone", file);
    CHECK(refusal().code == "plg-unreadable");
    CHECK(refusal().reason == "cannot be read: No such file or directory");
  }
  SECTION("another machine's library") {
    write(file, read(good_library()).replace(offsetof(ElfW(Ehdr), e_machine), 2, std::string("\x08\x00", 2)));
    CHECK(refusal().code == "plg-machine");
    CHECK_THAT(refusal().reason, Catch::Matchers::StartsWith("built for ELF machine 8 "));
  }
  SECTION("cut anywhere") {
    const auto whole = read(good_library());
    const auto cut = GENERATE(as<std::size_t>{}, 4, 40, 64, 200, 4096, 9000);
    REQUIRE(cut < whole.size());
    write(file, whole.substr(0, cut));
    CHECK(refusal().code == "plg-truncated");
    CHECK_THAT(refusal().reason, Catch::Matchers::EndsWith("the file has " + std::to_string(cut)));
  }
}

TEST_CASE("a schema that does not parse is refused with the place of its first mistake") {
  const auto [library, reason] = GENERATE(table<std::string, std::string>({
      {"schema_empty", "plugin 'c_plugin': its schema is wrong: "},
      {"schema_not_yaml", "plugin 'c_plugin': its schema is wrong at line 1, column 9: "},
      {"schema_unknown_key", "plugin 'c_plugin': its schema is wrong at line 5, column 1: unknown key 'optoins'"},
  }));
  const auto refusal = only_refusal(scan_case(library));
  CHECK(refusal.code == "plg-schema");
  CHECK_THAT(refusal.reason, Catch::Matchers::StartsWith(reason));
}

TEST_CASE("a library that never comes back is given up") {
  const auto refusal = try_in_child(library_directory("load_hangs") / "bad_query.so", std::chrono::milliseconds{100});
  REQUIRE(refusal.has_value());
  CHECK(refusal->code == "plg-hang");
  CHECK(refusal->reason == "does not come back within 100 ms when it is loaded");
}

TEST_CASE("of two plugins of one name the first found is taken, the other names it") {
  const TempDir first;
  const TempDir second;
  fs::copy_file(good_library(), first / "good_plugin.so");
  fs::copy_file(good_library(), second / "good_plugin.so");
  const auto set = scan({first.path(), second.path()});
  REQUIRE(set.loaded().size() == 1);
  CHECK(set.find("good_plugin")->file == first / "good_plugin.so");
  REQUIRE(set.refused().size() == 1);
  CHECK(set.refused()[0].code == "plg-duplicate");
  CHECK(set.refused()[0].path == second / "good_plugin.so");
  CHECK(set.refused()[0].reason == "plugin 'good_plugin' 1.2.3 is already loaded from '" +
                                       (first / "good_plugin.so").string() + "', version 1.2.3");
}

TEST_CASE("one bad library does not keep the others out") {
  const TempDir directory;
  write(directory / "a.so", "junk");
  fs::copy_file(good_library(), directory / "good_plugin.so");
  write(directory / "z.so", "junk");
  write(directory / "README.md", "not looked at");
  const auto set = scan({directory.path()});
  CHECK(set.find("good_plugin") != nullptr);
  REQUIRE(set.refused().size() == 2);
  CHECK(set.refused()[0].path == directory / "a.so");
  CHECK(set.refused()[1].path == directory / "z.so");
}

TEST_CASE("a file or directory that is reached twice is one") {
  const TempDir directory;
  const TempDir links;
  fs::copy_file(good_library(), directory / "good_plugin.so");
  fs::create_symlink(directory / "good_plugin.so", links / "good_plugin.so");
  fs::create_directory_symlink(directory.path(), links / "plugins");
  const auto set = scan({directory.path(), links.path(), links / "plugins", directory.path()});
  CHECK(set.loaded().size() == 1);
  CHECK(set.refused().empty());
}

TEST_CASE("a missing directory is an error only if somebody named it") {
  const TempDir directory;
  const auto gone = directory / "gone";
  CHECK(PluginSet::scan(std::vector<SearchDirectory>{{gone, "default", false}}).refused().empty());
  const auto refusal = only_refusal(scan({gone}));
  CHECK(refusal.code == "plg-directory");
  CHECK(refusal.path == gone);
  CHECK(refusal.reason == "plugin directory of plugin_path cannot be read: No such file or directory");
}

TEST_CASE("the search goes from the configuration over the environment to the default") {
  const Environment variable{"MESURA_PLUGIN_PATH", "/opt/a::/opt/b"};
  const auto directories = search_path(std::vector<fs::path>{"/etc/plugins"});
  REQUIRE(directories.size() == 4);
  CHECK(directories[0].path == "/etc/plugins");
  CHECK(directories[1].path == "/opt/a");
  CHECK(directories[2].path == "/opt/b");
  CHECK(directories[3].path.filename() == "plugins");
  CHECK(directories[0].required);
  CHECK(directories[2].required);
  CHECK_FALSE(directories[3].required);
}

TEST_CASE("load takes what the environment names") {
  const Environment variable{"MESURA_PLUGIN_PATH", library_directory("good_plugin").string()};
  CHECK(PluginSet::load({}).find("good_plugin") != nullptr);
}

TEST_CASE("a plugin that is linked into the program joins under the same checks") {
  auto set = scan_case("good_plugin");
  auto descriptor = *set.find("good_plugin")->descriptor;

  CHECK(set.add(descriptor) == nullptr);
  REQUIRE(set.refused().size() == 1);
  CHECK(set.refused()[0].path.empty());
  CHECK(set.refused()[0].code == "plg-duplicate");

  PluginSet fresh;
  const auto* added = fresh.add(descriptor);
  REQUIRE(added != nullptr);
  CHECK(added->file.empty());
  const auto moved = std::move(fresh);
  CHECK(moved.find("good_plugin") == added);

  descriptor.abi_major = 2;
  CHECK(set.add(descriptor) == nullptr);
  CHECK(set.refused().back().reason == "plugin 'good_plugin' 1.2.3 speaks plugin ABI 2; this host accepts 1");
}

TEST_CASE("plugin names") {
  CHECK(is_plugin_name("ct6"));
  CHECK(is_plugin_name("dsmr_p1"));
  CHECK(is_plugin_name(std::string(64, 'a')));
  for (const auto* bad : {"", "6ct", "_a", "a_", "a__b", "Ct6", "a-b", "a b", "a/b", "\xc3\xa9"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_plugin_name(bad));
  }
  CHECK_FALSE(is_plugin_name(std::string(65, 'a')));
}
