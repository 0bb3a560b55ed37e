// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.hpp"

#include "support/catch.hpp"

#include <stdlib.h>  // NOLINT: mkdtemp
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

using mesura::runtime::Level;
using mesura::runtime::Log;
using mesura::runtime::log_to_fd;
using mesura::runtime::log_to_file;
using mesura::runtime::LogFormat;
using mesura::runtime::Logger;
using mesura::runtime::LogRecord;

namespace {

namespace fs = std::filesystem;

struct TempDir {
  fs::path path;
  TempDir() {
    std::string name = (fs::temp_directory_path() / "mesura-log-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TempDir() { fs::remove_all(path); }
};

std::string read(const fs::path& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

constexpr std::int64_t kTime = 1'781'441'101'213'000'000;  // 2026-06-14T12:45:01.213Z

std::string written(const LogRecord& record, LogFormat format) {
  const TempDir dir;
  log_to_file((dir.path / "log").string(), format, 0, 0)(record);
  return read(dir.path / "log");
}

}  // namespace

TEST_CASE("levels are named and read back") {
  CHECK(to_string(Level::warn) == "warn");
  CHECK(mesura::runtime::parse_level("debug") == Level::debug);
  CHECK_FALSE(mesura::runtime::parse_level("Debug").has_value());
  CHECK_FALSE(mesura::runtime::parse_level("").has_value());
}

TEST_CASE("a record is one line of text") {
  CHECK(written({kTime, Level::warn, "device.grid", "dec-crc", "41 of 360"}, LogFormat::text) ==
        "2026-06-14T12:45:01.213Z warn  [device.grid] dec-crc: 41 of 360\n");
  CHECK(written({kTime, Level::error, "core", "", "no code"}, LogFormat::text) ==
        "2026-06-14T12:45:01.213Z error [core] no code\n");
}

TEST_CASE("foreign text cannot forge a record") {
  const std::string message = "bad header '\x1b[31m\r\n2026-01-01T00:00:00.000Z error [core] fake'\n  hint  cable\n";
  CHECK(written({kTime, Level::info, "d", "c", message}, LogFormat::text) ==
        "2026-06-14T12:45:01.213Z info  [d] c: bad header '\\x1b[31m\\x0d\n"
        "  2026-01-01T00:00:00.000Z error [core] fake'\n"
        "  hint  cable\n");
}

TEST_CASE("a record is one JSON object a line") {
  CHECK(written({kTime, Level::info, "device.grid", "x-y", "two\nlines \"quoted\" \xff"}, LogFormat::json) ==
        "{\"time\":\"2026-06-14T12:45:01.213Z\",\"level\":\"info\",\"component\":\"device.grid\",\"code\":\"x-y\","
        "\"message\":\"two\\nlines \\\"quoted\\\" \xEF\xBF\xBD\"}\n");
}

TEST_CASE("journald gets a priority in front of every line and no time") {
  CHECK(written({kTime, Level::warn, "core", "c", "a\nb"}, LogFormat::journald) == "<4>[core] c: a\n<4>  b\n");
  CHECK(written({kTime, Level::error, "core", "c", "a"}, LogFormat::journald) == "<3>[core] c: a\n");
  CHECK(written({kTime, Level::info, "core", "c", "a"}, LogFormat::journald) == "<6>[core] c: a\n");
  CHECK(written({kTime, Level::trace, "core", "c", "a"}, LogFormat::journald) == "<7>[core] c: a\n");
}

TEST_CASE("a component's level holds for what is below it, and can be taken back") {
  const auto log = std::make_shared<Log>();
  std::vector<std::string> seen;
  log->add_output([&](const LogRecord& r) { seen.emplace_back(r.message); });
  const Logger grid{log, "device.grid"};
  const Logger deep = grid.with("device.grid.link");
  const Logger other = grid.with("device.gridlock");

  CHECK_FALSE(grid.enabled(Level::debug));
  log->set_level("device.grid", Level::trace);
  CHECK(grid.enabled(Level::trace));
  CHECK(deep.enabled(Level::trace));
  CHECK_FALSE(other.enabled(Level::debug));
  log->set_level("device.grid.link", Level::error);
  CHECK_FALSE(deep.enabled(Level::warn));
  grid.trace("t", "value {}", 7);
  deep.warn("t", "not seen");
  other.debug("t", "not seen");

  log->set_level("device.grid", std::nullopt);
  CHECK_FALSE(grid.enabled(Level::debug));
  log->set_level(Level::debug);
  CHECK(grid.enabled(Level::debug));
  CHECK_FALSE(deep.enabled(Level::warn));
  CHECK(seen == std::vector<std::string>{"value 7"});
}

TEST_CASE("a default-made logger is silent") {
  const Logger none;
  CHECK_FALSE(none.enabled(Level::error));
  none.error("x", "nobody hears {}", 1);
}

TEST_CASE("a log file turns over at its size and keeps as many old ones as asked") {
  const TempDir dir;
  const auto path = (dir.path / "m.log").string();
  const auto output = log_to_file(path, LogFormat::journald, 40, 2);
  for (const char* text : {"first", "second", "third", "fourth", "fifth", "sixth", "seventh"})
    output({kTime, Level::info, "core", "", text});  // 15 to 18 bytes each
  CHECK(read(path) == "<6>[core] seventh\n");
  CHECK(read(path + ".1") == "<6>[core] fifth\n<6>[core] sixth\n");
  CHECK(read(path + ".2") == "<6>[core] third\n<6>[core] fourth\n");
  CHECK_FALSE(fs::exists(path + ".3"));

  // A new run appends and counts what is there.
  const auto next = log_to_file(path, LogFormat::journald, 40, 2);
  next({kTime, Level::info, "core", "", "eighth"});
  next({kTime, Level::info, "core", "", "ninth"});
  CHECK(read(path + ".1") == "<6>[core] seventh\n<6>[core] eighth\n");
  CHECK(read(path) == "<6>[core] ninth\n");
}

TEST_CASE("a log file that cannot be opened says which") {
  const TempDir dir;
  std::string message;
  try {
    [[maybe_unused]] const auto output = log_to_file((dir.path / "no" / "m.log").string(), LogFormat::text, 0, 0);
  } catch (const std::system_error& e) {
    message = e.what();
  }
  CHECK(message.find("no/m.log'") != std::string::npos);
  CHECK(message.find("No such file or directory") != std::string::npos);
}
