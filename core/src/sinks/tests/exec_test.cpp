// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is the exec sink's own: a program behind it in every way of being unwell.
#include "config/reader.hpp"
#include "sinks/exec/acknowledgements.hpp"
#include "sinks/kinds.hpp"
#include "sinks/tests/exec_adapter.hpp"

#include "support/catch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <mutex>
#include <random>
#include <set>
#include <thread>

using namespace mesura;
using namespace mesura::sinks;
using namespace mesura::sinks::test;
using namespace std::chrono_literals;
using exec::Acknowledgements;
using mesura::test::contains;

namespace {

struct Records {
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  std::mutex mutex;
  std::string text;

  Records() {
    log->add_output([this](const runtime::LogRecord& record) {
      const std::lock_guard lock{mutex};
      text += fmt::format("{} {}: {}\n", to_string(record.level), record.code, record.message);
    });
  }
  std::string all() {
    const std::lock_guard lock{mutex};
    return text;
  }
};

struct Fixture {
  ExecAdapter far;
  Feed feed;
  Records records;
  std::uint32_t power = feed.number("grid", "l1", "active_power", "W");

  std::unique_ptr<exec::ExecSink> sink(exec::Options options) {
    return std::make_unique<exec::ExecSink>(std::move(options), feed.table(),
                                            runtime::Logger{records.log, "sink.door"});
  }
  std::unique_ptr<exec::ExecSink> sink(const std::string& how = {}, std::chrono::nanoseconds timeout = 30s) {
    auto options = far.options(how);
    options.timeout = timeout;
    return sink(std::move(options));
  }
  std::unique_ptr<exec::ExecSink> shell(const std::string& script, bool acknowledged = true) {
    exec::Options options;
    options.command.argv = {"sh", "-c", script};
    options.acknowledged = acknowledged;
    return sink(std::move(options));
  }
  BatchPtr one(int n = 0) const { return feed.batch(kNoon + n * kSecond, {{power, n + 0.5}}); }
  std::vector<BatchPtr> many(int n) const {
    std::vector<BatchPtr> out;
    for (int i = 0; i < n; ++i) out.push_back(one(i));
    return out;
  }
};

std::size_t open_files() {
  std::size_t n = 0;
  for (int fd = 0; fd < 1024; ++fd) n += ::fcntl(fd, F_GETFD) >= 0 ? 1U : 0U;
  return n;
}

std::vector<pid_t> children() {
  std::vector<pid_t> out;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file{task.path() / "children"};
    for (pid_t pid = 0; file >> pid;) out.push_back(pid);
  }
  return out;
}

bool runs(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace

TEST_CASE("answers are numbers of lines and rejections, however they are cut", "[exec]") {
  const std::string text = "2\n2\nreject 3 no such meter\nreject 6\n5\r\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Acknowledgements answers;
    REQUIRE_FALSE(answers.push(std::string_view{text}.substr(0, cut), 6));
    REQUIRE_FALSE(answers.push(std::string_view{text}.substr(cut), 6));
    CHECK(answers.count() == 5);
    const auto rejections = answers.take_rejections();
    REQUIRE(rejections.size() == 2);
    CHECK(rejections[0].line == 3);
    CHECK(rejections[0].reason == "no such meter");
    CHECK(rejections[1].line == 6);
    CHECK(rejections[1].reason == "it gave no reason");
  }
}

TEST_CASE("a rejected line counts as dealt with", "[exec]") {
  Acknowledgements answers;
  CHECK_FALSE(answers.push("reject 2 b\nreject 2 again\n", 3));
  CHECK(answers.count() == 0);
  CHECK_FALSE(answers.push("reject 1 a\n", 3));
  CHECK(answers.count() == 2);
  CHECK(answers.take_rejections().size() == 2);
  CHECK(answers.take_rejections().empty());
  CHECK_FALSE(answers.push("3\n", 3));
  CHECK(answers.count() == 3);
}

TEST_CASE("answers that are none are told", "[exec]") {
  const auto wrong = [](std::string_view text) {
    Acknowledgements answers;
    REQUIRE_FALSE(answers.push("2\n", 9));
    const auto told = answers.push(text, 9);
    REQUIRE(told);
    return *told;
  };
  CHECK_THAT(wrong("10\n"), contains("at most 9") && contains("'10'"));
  CHECK_THAT(wrong("1\n"), contains("at least 2"));
  CHECK_THAT(wrong("reject 2 late\n"), contains("a line after 2"));
  CHECK_THAT(wrong("reject 10 early\n"), contains("at most 9"));
  CHECK_THAT(wrong("ok\x1b[31m\n"), contains("'ok\\x1b[31m'"));
  CHECK_THAT(wrong("\n"), contains("''"));
  CHECK_THAT(wrong("-3\n"), contains("'-3'"));
  CHECK_THAT(wrong("3 lines\n"), contains("'3 lines'"));
  CHECK_THAT(wrong("reject 3no\n"), contains("'reject 3no'"));
  CHECK_THAT(wrong("99999999999999999999\n"), contains("'99999999999999999999'"));
  CHECK_THAT(wrong(std::string(5000, '3')), contains("without a line end"));
}

TEST_CASE_METHOD(Fixture, "the lines are those that decode prints", "[exec]") {
  const auto message = feed.text("grid", "total", "message");
  auto s = sink();
  REQUIRE(attempt(*s, {feed.batch(kNoon, {{power, 1843.27}, {message, std::string{"a\nb"}, MESURA_STALE}})}).committed);
  CHECK(far.lines() ==
        std::vector<std::string>{
            R"({"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:00:00.000Z",)"
            R"("received":"2026-06-14T12:00:00.000Z","value":1843.27})",
            R"({"device":"grid","channel":"total","quantity":"message","unit":"1","time":"2026-06-14T12:00:00.000Z",)"
            R"("received":"2026-06-14T12:00:00.000Z","text":"a\nb","quality":"stale"})"});
}

TEST_CASE_METHOD(Fixture, "a block of waveform is one line, with its samples", "[exec]") {
  auto stream = std::make_shared<WaveformStream>();
  stream->device = "lab";
  stream->start_ns = kNoon;
  stream->period_ns = 125'000;
  stream->names = {"v_l1", "i_l1"};
  stream->units = {"V", "mA"};
  auto block = std::make_shared<Waveform>();
  block->stream = stream;
  block->first_row = 8;
  block->rows = 2;
  block->gap_rows = 3;
  block->packet = 7;
  block->samples = {230.1F, -0.5F, 1e-20F, std::numeric_limits<float>::quiet_NaN()};
  auto batch = std::make_shared<Batch>();
  batch->device = "lab";
  batch->waveform = block;
  auto s = sink();
  REQUIRE(attempt(*s, {batch, one()}).committed);
  const auto lines = far.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == R"({"device":"lab","channel":"waveform","start":"2026-06-14T12:00:00.001Z","rate":8000,)"
                    R"("channels":["v_l1","i_l1"],"units":["V","mA"],"first_row":8,"rows":2,"packet":7,"gap":3,)"
                    R"("samples":[230.1,-0.5,1e-20,null]})");
}

TEST_CASE_METHOD(Fixture, "a program that cannot be started is told with its reason", "[exec]") {
  exec::Options options;
  options.command.argv = {"/no/such/program"};
  SECTION("no such program") {
    const auto refused = attempt(*sink(options), {one()});
    CHECK(refused.reason == "sink-exec-start: '/no/such/program' cannot be started: exec: No such file or directory");
  }
  SECTION("no program of that name in PATH") {
    options.command.argv = {"mesura-no-such-program"};
    CHECK_THAT(attempt(*sink(options), {one()}).reason, contains("No such file"));
  }
  SECTION("not executable") {
    write_file(far.directory() / "notes.txt", "no program\n");
    options.command.argv = {(far.directory() / "notes.txt").string()};
    CHECK_THAT(attempt(*sink(options), {one()}).reason, contains("exec: Permission denied"));
  }
  SECTION("no such directory") {
    options = far.options();
    options.command.directory = far.directory() / "missing";
    CHECK_THAT(attempt(*sink(options), {one()}).reason,
               contains("going to directory " + options.command.directory.string() + ": No such file"));
  }
}

TEST_CASE_METHOD(Fixture, "directory and environment are the program's, and stay secret", "[exec]") {
  exec::Options options;
  options.command.argv = {
      "sh", "-c", R"(echo "$PWD $DOOR_TOKEN $HOME" > seen; n=0; while read -r l; do n=$((n+1)); echo $n; done)"};
  options.command.directory = far.directory();
  options.command.environment = {{"DOOR_TOKEN", "s3cret"}, {"HOME", "/nowhere"}};
  auto s = sink(options);
  REQUIRE(attempt(*s, {one()}).committed);
  CHECK(read_file(far.directory() / "seen") ==
        std::filesystem::canonical(far.directory()).string() + " s3cret /nowhere\n");
  CHECK(s->describe() == "exec sh");
  s->close();
  CHECK_THAT(records.all(), !contains("s3cret"));
}

TEST_CASE_METHOD(Fixture, "what a program does wrong is retry, and the next one gets it all", "[exec]") {
  struct Case {
    const char* how;
    const char* reason;
  };
  const auto c = GENERATE(
      Case{"exit-at-once", "sink-exec-ended: exec "},
      Case{"exit", "ended with status 3, 0 of 5 lines acknowledged; its last words: the far end said: go away"},
      Case{"die", "ended with signal 9 (Killed)"}, Case{"close-stdout", "closed its stdout"},
      Case{"garbage", "got       'hello'"}, Case{"beyond", "expected  at most 5, the lines sent since its start"},
      Case{"flood", "without a line end"}, Case{"flood-numbers", "did not answer for 0.2 s"},
      Case{"silent", "did not answer for 0.2 s"});
  CAPTURE(c.how);
  const std::string how = c.how;
  auto s = sink(how, how == "flood-numbers" || how == "silent" ? 200ms : 30s);
  const auto refused = attempt(*s, many(5));
  CHECK_FALSE(refused.committed);
  CHECK(refused.done.empty());
  CHECK_THAT(refused.reason, Catch::Matchers::StartsWith("sink-exec-") && contains(c.reason));
  // The same again, by one that is well: what the first had stored is not there twice.
  s = sink();
  REQUIRE(attempt(*s, many(5)).committed);
  CHECK(far.lines().size() == 5);
}

TEST_CASE_METHOD(Fixture, "a program that never reads, or stops reading, is left after the timeout", "[exec]") {
  const auto how = GENERATE(as<std::string>{}, "never-read", "close-stdin");
  auto s = sink(how, how == "never-read" ? 300ms : 30s);
  const auto refused = attempt(*s, many(20'000));
  CHECK_FALSE(refused.committed);
  CHECK_THAT(refused.reason, contains(how == "never-read" ? "did not read for 0.3 s" : "closed its stdin"));
}

TEST_CASE_METHOD(Fixture, "what was acknowledged before the end is told as done", "[exec]") {
  auto s = sink("third-dies");
  const auto refused = attempt(*s, {one(0), one(1), one(2), one(3)});
  CHECK_FALSE(refused.committed);
  CHECK(refused.done == std::vector<std::size_t>{0, 1});
  CHECK(far.lines().size() == 2);
  s = sink();
  REQUIRE(attempt(*s, {one(2), one(3)}).committed);
  CHECK(far.lines().size() == 4);
}

TEST_CASE_METHOD(Fixture, "a batch of several lines is done when all of them are", "[exec]") {
  const auto voltage = feed.number("grid", "l1", "voltage", "V");
  auto s = sink("third-dies");
  const auto two = feed.batch(kNoon + kSecond, {{power, 1.0}, {voltage, 2.0}});
  CHECK(attempt(*s, {one(0), two}).done == std::vector<std::size_t>{0});
}

TEST_CASE_METHOD(Fixture, "a rejected line is its record, the rest is committed", "[exec]") {
  const auto bad = feed.number("bad", "l1", "active_power", "W");
  auto s = sink("reject-bad");
  for (int round = 0; round < 2; ++round) {
    const auto done = attempt(
        *s, {one(0), feed.batch(kNoon, {{power, std::numeric_limits<double>::infinity()}, {power, 1.0}, {bad, 2.0}}),
             feed.batch(kNoon + kSecond, {{bad, 3.0}})});
    REQUIRE(done.committed);
    REQUIRE(done.rejected.size() == 3);
    CHECK(done.rejected[0].batch == 1);
    CHECK(done.rejected[0].item == 0);
    CHECK(done.rejected[1].batch == 1);
    CHECK(done.rejected[1].item == 2);
    CHECK(done.rejected[1].reason == "sink-exec-rejected: no \\x1b such meter");
    CHECK(done.rejected[2].batch == 2);
  }
}

TEST_CASE_METHOD(Fixture, "the same sink starts a new program when it is opened again", "[exec]") {
  auto s = sink(exec::Options{{{"sh", "-c", "test -e gone && exec \"$0\" \"$1\"; : > gone; read -r l; exit 4",
                                MESURA_EXEC_CHILD, far.store().string()},
                               far.directory(),
                               {}}});
  CHECK_THAT(attempt(*s, {one()}).reason, contains("ended with status 4"));
  REQUIRE(attempt(*s, {one()}).committed);
  REQUIRE(attempt(*s, {one(1)}).committed);
  CHECK(far.lines().size() == 2);
}

TEST_CASE_METHOD(Fixture, "a program that ended between two writes is noticed, nothing is lost", "[exec]") {
  auto s = shell("read -r l; echo 1; echo bye >&2; exit 0");
  REQUIRE(attempt(*s, {one()}).committed);
  const auto refused = [&] {
    SECTION("by the write") { return s->write(std::vector{one(1)}).outcome == WriteResult::Outcome::retry; }
    SECTION("by the turn of maintenance") {
      while (records.all().find("exec-ended") == std::string::npos) s->maintain(0);
      CHECK_THAT(records.all(), contains("ended with status 0") && contains("bye"));
      return s->write(std::vector{one(1)}).outcome == WriteResult::Outcome::retry;
    }
    return true;
  }();
  CHECK(refused);
  REQUIRE(attempt(*s, {one(1)}).committed);
}

TEST_CASE_METHOD(Fixture, "without answers the pipe's taking counts", "[exec]") {
  auto s = shell("echo chatter; cat > '" + far.store().string() + "'", false);
  REQUIRE(attempt(*s, many(1000)).committed);
  s->close();
  CHECK(far.lines().size() == 1000);
  CHECK_THAT(records.all(), contains("exec-unacknowledged") && contains("exec-stdout: exec sh: chatter"));

  s = shell("exec sleep 60", false);
  CHECK(attempt(*s, many(100)).committed);
}

TEST_CASE_METHOD(Fixture, "what it says on stderr enters the log: escaped, and not all of a flood", "[exec]") {
  auto s = sink("shout");
  REQUIRE(attempt(*s, {one()}).committed);
  s->close();
  const std::string log = records.all();
  CHECK_THAT(log, contains("info exec-stderr: exec ") && contains(": line 0 \\x1b[31m of many\n"));
  CHECK_THAT(log, contains("99980 more lines were left out"));
  CHECK_THAT(log, !contains("line 20 "));
}

TEST_CASE_METHOD(Fixture, "close waits for the program's end, then ends it", "[exec]") {
  SECTION("it ends by itself, with its pipeline") {
    auto s = shell("n=0; while read -r l; do n=$((n+1)); echo $n; done; (sleep 0.2; echo done > '" +
                   far.store().string() + "') &");
    REQUIRE(attempt(*s, {one()}).committed);
    s->close();
    CHECK(read_file(far.store()) == "done\n");
    CHECK(records.all().empty());
  }
  SECTION("its status is told") {
    auto s = shell("n=0; while read -r l; do n=$((n+1)); echo $n; done; exit 7");
    REQUIRE(attempt(*s, {one()}).committed);
    s->close();
    CHECK_THAT(records.all(), contains("ended with status 7"));
  }
  SECTION("it stays, and ignores SIGTERM") {
    auto s = sink("stay", 2s);
    REQUIRE(attempt(*s, {one()}).committed);
    s->close();
    CHECK_THAT(records.all(), contains("exec-terminate") && contains("exec-kill") && contains("signal 9"));
  }
}

TEST_CASE_METHOD(Fixture, "no descriptor is left, neither here nor in the program", "[exec]") {
  const std::size_t before = open_files();
  const int leaky = ::open("/dev/null", O_RDONLY);  // by a library that does not know O_CLOEXEC
  REQUIRE(leaky >= 0);
  for (const char* how : {"", "die", "garbage", "tell-files"}) {
    auto s = sink(how);
    (void)attempt(*s, {one()});
    s->close();
  }
  exec::Options none;
  none.command.argv = {"/no/such/program"};
  (void)attempt(*sink(none), {one()});
  ::close(leaky);
  CHECK(open_files() == before);
  CHECK_THAT(records.all(), contains("told") && !contains("open: "));
}

TEST_CASE_METHOD(Fixture, "what the program has started ends with it", "[exec]") {
  auto s = sink("grandchild");
  REQUIRE(attempt(*s, {one()}).committed);
  std::string log;
  while ((log = records.all()).find("grandchild ") == std::string::npos) std::this_thread::yield();
  const auto pid = static_cast<pid_t>(std::atoi(log.c_str() + log.find("grandchild ") + 11));
  REQUIRE(runs(pid));
  s.reset();
  // Init, or whoever adopts it, reaps it in its own time: until then it is a zombie.
  const auto state = [&] {
    const std::string stat = read_file(fmt::format("/proc/{}/stat", pid));
    return stat.empty() ? 'X' : stat.at(stat.rfind(')') + 2);
  };
  while (state() != 'X' && state() != 'Z') std::this_thread::yield();
  SUCCEED();
}

TEST_CASE_METHOD(Fixture, "a program killed at random instants loses nothing and doubles nothing", "[exec]") {
  constexpr int kBatches = 4000;
  auto s = sink();
  std::vector<BatchPtr> left = many(kBatches);
  int kills = 0;
  unsigned most_us = 4000;  // grows until something is done in between, however slow the machine
  std::mt19937 random{4711};
  while (!left.empty()) {
    s->open();
    const auto pids = children();
    REQUIRE(pids.size() == 1);
    const auto n = std::min<std::size_t>(left.size(), 400);
    std::atomic<bool> armed{false};
    std::thread killer{[&, pause = std::chrono::microseconds{random() % most_us}] {
      while (!armed) std::this_thread::yield();
      std::this_thread::sleep_for(pause);
      ::kill(pids[0], SIGKILL);  // still its number: the sink reaps it when it has died, which is our doing
    }};
    armed = true;
    const WriteResult result = s->write(std::span{left}.first(n));
    killer.join();
    const bool committed = result.outcome == WriteResult::Outcome::committed;
    if (!committed) ++kills;
    // `done` are the first ones: lines are answered in their order.
    const std::size_t safe = committed ? n : result.done.size();
    if (!committed && safe > 0) CHECK(result.done.back() == safe - 1);
    if (safe == 0) most_us = std::min(most_us * 2, 200'000U);
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(safe));
    REQUIRE(kills < 300);
  }
  s->close();
  CHECK(kills > 0);
  const auto lines = far.lines();
  CHECK(lines.size() == kBatches);
  CHECK(std::set<std::string>(lines.begin(), lines.end()).size() == kBatches);
}

TEST_CASE_METHOD(Fixture, "a closed pipe is no signal to anybody", "[exec]") {
  auto* const before = std::signal(SIGPIPE, SIG_DFL);  // would end this program
  auto s = sink("close-stdin");
  CHECK_FALSE(attempt(*s, many(20'000)).committed);
  sigset_t pending;
  ::sigpending(&pending);
  CHECK(::sigismember(&pending, SIGPIPE) == 0);
  std::signal(SIGPIPE, before);
}

TEST_CASE("the options of exec", "[exec]") {
  const auto* kind = find_kind("exec");
  REQUIRE(kind != nullptr);
  CHECK(kind->takes_measurements);
  CHECK(kind->takes_waveforms);
  const auto read = [&](const char* yaml) { return config::read_text(yaml, kind->schema); };
  CHECK(read("{command: [./door.py, --fast], environment: {TOKEN: x}, acknowledge: none, timeout: 5s}").ok());
  CHECK_FALSE(read("{}").ok());
  CHECK_FALSE(read("{command: []}").ok());
  CHECK_FALSE(read("{command: [a], acknowledge: some}").ok());
}
