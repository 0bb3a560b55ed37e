// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include "support/catch.hpp"

#include <signal.h>

#include <fstream>
#include <system_error>

using mesura::test::Command;
using mesura::test::contains;
using mesura::test::Exit;
using mesura::test::Line;
using mesura::test::Process;
using mesura::test::run;
using mesura::test::TempDir;

namespace {

Command child(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), MESURA_TEST_CHILD);
  return {arguments};
}

}  // namespace

TEST_CASE("run gives exit status and both streams") {
  const auto finished = run(child({"out=one", "err=two", "part=three", "exit=3"}));
  CHECK(finished.exit == Exit{3, 0});
  CHECK(finished.out == "one\nthree\n");
  CHECK(finished.err == "two\n");
}

TEST_CASE("environment, directory and input reach the process") {
  const TempDir directory;
  auto command = child({"env=MESURA_TEST_WORD", "env=PATH", "cwd", "cat"});
  command.environment = {{"MESURA_TEST_WORD", "kettle"}, {"PATH", "/nowhere"}};
  command.directory = directory.path();
  command.input = std::string(200'000, 'x');
  CHECK(run(command).out == "MESURA_TEST_WORD=kettle\nPATH=/nowhere\n" +
                                std::filesystem::canonical(directory.path()).string() + "\n" +
                                std::string(200'000, 'x') + "\n");
}

TEST_CASE("lines are waited for one after the other while the process runs") {
  Process process{child(
      {"block", "out=state live", "err=state stale", "out=state live", "out=port 4711", "term", "out=bye", "exit=7"})};
  CHECK(process.wait_for_line("live") == "state live");
  CHECK(process.wait_for_line("live") == "state live");
  CHECK(process.wait_for_line([](const Line& l) { return !l.error && l.text.starts_with("port "); }) == "port 4711");
  CHECK(process.running());
  CHECK(process.stop() == Exit{7, 0});
  CHECK(process.count_lines("state") == 3);
  CHECK_FALSE(process.running());
  CHECK(process.wait_for_line("bye") == "bye");
  process.signal(SIGKILL);
  CHECK(process.wait() == Exit{7, 0});
}

TEST_CASE("a process that says much is never held up") {
  Process process{child({"flood=20000", "out=end", "exit=0"})};
  CHECK(process.wait() == Exit{0, 0});
  CHECK(process.lines().size() == 20'001);
}

TEST_CASE("a line that never comes is told with all that was said") {
  SECTION("because the process ended") {
    Process process{child({"err=no such meter", "exit=2"})};
    CHECK_THROWS_WITH(process.wait_for_line("ready"), contains("no line with 'ready'") &&
                                                          contains("ended with status 2") &&
                                                          contains("err| no such meter"));
  }
  SECTION("because it keeps silent") {
    Process process{child({"out=waiting", "forever"})};
    process.wait_for_line("waiting");
    CHECK_THROWS_WITH(process.wait_for_line("ready", std::chrono::milliseconds{20}),
                      contains("nothing came in time") && contains("out| waiting"));
    CHECK_THROWS_WITH(process.wait(std::chrono::milliseconds{20}), contains("did not end in time"));
  }
}

TEST_CASE("a program that can't be started is an error at once") {
  CHECK_THROWS_AS(Process({{"/nowhere/mesura"}}), std::system_error);
  auto command = child({});
  command.directory = "/nowhere";
  CHECK_THROWS_AS(Process(command), std::system_error);
}

TEST_CASE("a process ends with its object") {
  pid_t pid = 0;
  {
    Process process{child({"block", "out=ready", "forever"})};
    process.wait_for_line("ready");
    pid = process.pid();
    CHECK(std::filesystem::exists("/proc/" + std::to_string(pid) + "/stat"));
  }
  CHECK_FALSE(std::filesystem::exists("/proc/" + std::to_string(pid) + "/task"));
}

TEST_CASE("a killed process says by which signal") {
  Process process{child({"out=ready", "forever"})};
  process.wait_for_line("ready");
  process.signal(SIGKILL);
  CHECK(process.wait() == Exit{-1, SIGKILL});
}

TEST_CASE("a temporary directory goes with its content") {
  std::filesystem::path path;
  {
    const TempDir directory;
    path = directory.path();
    std::ofstream{directory / "file"} << "x";
    CHECK(std::filesystem::exists(path / "file"));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}
