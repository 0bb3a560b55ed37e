// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The programs in the READMEs of exec and stdout are run as they stand there.
#include "database/sqlite.hpp"
#include "sinks/tests/exec_adapter.hpp"

#include "support/catch.hpp"
#include "support/process.hpp"

#include <filesystem>
#include <stdexcept>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;

namespace {

/// The first block of this language in the folder's README.
std::string example(const std::string& folder, const std::string& language) {
  const std::string text = read_file(std::filesystem::path{MESURA_SINKS} / folder / "README.md");
  const std::string start = "```" + language + "\n";
  const auto from = text.find(start);
  const auto to = text.find("```\n", from + start.size());
  if (from == std::string::npos || to == std::string::npos) throw std::runtime_error("no example in " + folder);
  return text.substr(from + start.size(), to - from - start.size());
}

bool has(const std::string& program) {
  return mesura::test::run({{"sh", "-c", "command -v " + program}}).exit.code == 0;
}

struct Fixture {
  TempDir dir;
  Feed feed;
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");
  std::uint32_t message = feed.text("grid", "total", "message");

  std::unique_ptr<exec::ExecSink> sink(std::vector<std::string> argv) const {
    exec::Options options;
    options.command.argv = std::move(argv);
    options.command.directory = dir.path();
    return std::make_unique<exec::ExecSink>(std::move(options), feed.table(), runtime::Logger{});
  }
  std::vector<BatchPtr> batches() const {
    return {feed.batch(kNoon, {{power, 1.5}, {message, std::string{"back\\slash"}}}),
            feed.batch(kNoon + kSecond, {{power, 2.5}})};
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "exec: the example in Python", "[exec][readme]") {
  if (!has("python3")) {
    WARN("there is no python3");
    return;
  }
  write_file(dir.path() / "door.py", example("exec", "python"));
  auto s = sink({"python3", "door.py"});
  REQUIRE(attempt(*s, batches()).committed);
  REQUIRE(attempt(*s, batches()).committed);
  s->close();
  const database::Database db{dir.path() / "door.db"};
  CHECK(db.integer("SELECT count(*) FROM m") == 3);
  CHECK(db.integer(
            "SELECT value * 10 FROM m WHERE name = 'grid/l1/active_power' AND time = '2026-06-14T12:00:01.000Z'") ==
        25);
}

TEST_CASE_METHOD(Fixture, "exec: the example in the shell", "[exec][readme]") {
  auto s = sink({"sh", "-c", example("exec", "sh")});
  REQUIRE(attempt(*s, batches()).committed);
  s->close();
  const std::string text = read_file(dir.path() / "door.jsonl");
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK_THAT(text, mesura::test::contains(R"("text":"back\\slash"})"));
}

TEST_CASE_METHOD(Fixture, "stdout: the example", "[stdout][readme]") {
  if (!has("python3")) {
    WARN("there is no python3");
    return;
  }
  std::string lines;
  const std::string of_exec = read_file(std::filesystem::path{MESURA_SINKS} / "exec" / "README.md");
  for (auto at = of_exec.find("\n{\""); at != std::string::npos; at = of_exec.find("\n{\"", at + 1))
    lines += of_exec.substr(at + 1, of_exec.find('\n', at + 1) - at);
  REQUIRE(std::count(lines.begin(), lines.end(), '\n') == 2);  // a measurement and a waveform
  std::string script = example("stdout", "sh");
  const std::string ours = "mesura run house.yaml |";
  REQUIRE(script.starts_with(ours));
  const auto done = mesura::test::run({.argv = {"sh", "-c", script.substr(ours.size())}, .input = lines});
  CHECK(done.err.empty());
  CHECK(done.out == "grid 2026-06-14T12:45:01.000Z 1843.27\n");
}
