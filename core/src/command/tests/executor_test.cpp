// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/executor.hpp"

#include "config/plugin_schema.hpp"
#include "runtime/clock.hpp"
#include "runtime/files.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace mesura::command {
namespace {

constexpr std::string_view kSchema = R"(
plugin: bench
version: 1.0.0
summary: A bench
links: [{name: data, transports: [tcp]}]
commands:
  ask: {help: "reads", danger: read}
  set: {help: "writes", arguments: {value: {type: integer, required: true, help: "what"}}, spacing: 5s, timeout: 10s}
  login: {help: "enters", arguments: {password: {type: secret, required: true, help: "with"}}}
  reset: {help: "starts anew", danger: dangerous, warning: "it forgets everything"}
  raw: {help: "as typed", danger: raw}
)";

/// A session that writes down what it is asked, on a clock that the test moves.
struct Bench {
  test::TempDir directory;
  runtime::ManualClock clock;
  runtime::EventLoop loop{clock};
  config::PluginSchema schema = *config::parse_plugin_schema(kSchema, "bench.yaml").schema;
  std::vector<std::string> begun;
  std::vector<CommandId> ids;
  std::vector<CommandId> cancelled;
  std::vector<std::string> sent;
  std::vector<Result> results;
  std::vector<std::string> progress;
  std::unique_ptr<Executor> executor;

  explicit Bench(Control control = Control::on, bool audit = true) {
    Executor::Parts parts{loop, runtime::Logger{std::make_shared<runtime::Log>(), "test"}, schema, control, {}, {}, {},
                          {}};
    if (audit) parts.audit = std::make_shared<AuditLog>(directory.path() / "audit.jsonl", "b");
    parts.begin = [this](CommandId id, const std::string& device, const config::CommandSpec& command,
                         const config::Value&, bool dry_run) {
      begun.push_back(device + " " + command.name + (dry_run ? " dry" : ""));
      ids.push_back(id);
    };
    parts.cancel = [this](CommandId id) { cancelled.push_back(id); };
    parts.send = [this](LinkId, Bytes bytes, std::string_view) {
      sent.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return true;
    };
    executor = std::make_unique<Executor>(std::move(parts));
    executor->set_ready(true);
  }
  CommandId submit(const std::string& command, const std::string& device = "one", bool dry_run = false,
                   bool confirmed = false) {
    Request request;
    request.command = command;
    request.arguments = config::Value{config::Value::Map{{"value", config::Value{std::int64_t{7}}},
                                                         {"password", config::Value{std::string{"s3cret"}}}}};
    request.dry_run = dry_run;
    request.confirmed = confirmed;
    request.origin = {"peter", "cli", "192.168.0.7"};
    const auto id = executor->submit(
        device, std::move(request), [this](const Result& r) { results.push_back(r); },
        [this](const Progress& p) { progress.push_back(std::string{p.text}); });
    settle();
    return id;
  }
  void settle() {
    while (loop.run_once(0ns)) {
    }
  }
  void pass(std::chrono::nanoseconds time) {
    clock.advance(time.count());
    settle();
  }
  bool write(CommandId id, std::string_view text) {
    return executor->send_for(id, 0, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, {});
  }
  void done(CommandId id, std::string_view json = {}) {
    executor->reply(id, MESURA_REPLY_DONE, {}, json, {});
    settle();
  }
  [[nodiscard]] std::string audit() const {
    return runtime::read_file((directory.path() / "audit.jsonl").string()).value_or("");
  }
  [[nodiscard]] Status last() const { return results.back().status; }
};

TEST_CASE("a write is in the audit log before it is on the wire, its result after it", "[command]") {
  Bench bench;
  const auto id = bench.submit("set");
  REQUIRE(bench.begun == std::vector<std::string>{"one set"});
  CHECK(bench.audit().empty());
  REQUIRE(bench.write(id, "SET7\r"));
  CHECK(bench.audit().find(R"("event":"write")") != std::string::npos);
  CHECK(bench.audit().find(R"("sent":"SET7\\r")") != std::string::npos);
  CHECK(bench.audit().find(R"("who":"peter","via":"cli","from":"192.168.0.7")") != std::string::npos);
  CHECK(bench.audit().find(R"("arguments":{"value":7})") != std::string::npos);
  CHECK(bench.sent == std::vector<std::string>{"SET7\r"});
  bench.done(id, R"({"before":6,"after":7})");
  REQUIRE(bench.results.size() == 1);
  CHECK(bench.last() == Status::done);
  CHECK(bench.results.front().wrote);
  CHECK(bench.audit().find(R"("status":"done","message":"","before":6,"after":7)") != std::string::npos);
}

TEST_CASE("secrets are not in the audit log, nor what is sent with them", "[command]") {
  Bench bench;
  const auto id = bench.submit("login");
  REQUIRE(bench.write(id, "PASS s3cret"));
  bench.done(id);
  CHECK(bench.audit().find("s3cret") == std::string::npos);
  CHECK(bench.audit().find(R"("size":11)") != std::string::npos);
}

TEST_CASE("without an audit log nothing is sent", "[command]") {
  Bench bench{Control::on, false};
  const auto id = bench.submit("set");
  CHECK_FALSE(bench.write(id, "SET7"));
  bench.executor->reply(id, MESURA_REPLY_UNREACHABLE, "not sent", {}, {});
  bench.settle();
  CHECK(bench.last() == Status::unaudited);
  CHECK(bench.sent.empty());
}

TEST_CASE("what a device's control does not allow is not begun", "[command]") {
  Bench off{Control::off};
  off.submit("set");
  CHECK(off.last() == Status::forbidden);
  off.submit("reset", "one", false, true);
  CHECK(off.last() == Status::forbidden);
  CHECK(off.begun.empty());
  off.submit("ask");
  off.submit("reset", "two", true);  // a dry run changes nothing
  CHECK(off.begun == std::vector<std::string>{"one ask", "two reset dry"});

  Bench on;
  on.submit("raw", "one", false, true);
  CHECK(on.last() == Status::forbidden);
  on.submit("reset");
  CHECK(on.last() == Status::unconfirmed);
  CHECK(on.results.back().message.find("it forgets everything") != std::string::npos);
  on.submit("nothing");
  CHECK(on.last() == Status::unknown);
  CHECK(on.begun.empty());
  on.submit("reset", "one", false, true);
  CHECK(on.begun == std::vector<std::string>{"one reset"});

  Bench raw{Control::raw};
  raw.submit("raw");
  CHECK(raw.last() == Status::unconfirmed);
  raw.submit("raw", "one", false, true);
  CHECK(raw.begun == std::vector<std::string>{"one raw"});
}

TEST_CASE("a dry run sends nothing, whatever the plugin does", "[command]") {
  Bench bench;
  const auto id = bench.submit("set", "one", true);
  CHECK(bench.write(id, "SET7\r"));
  bench.executor->reply(id, MESURA_REPLY_PLAN, {}, {}, {});
  bench.settle();
  CHECK(bench.last() == Status::plan);
  REQUIRE(bench.results.back().plan.size() == 1);
  CHECK(bench.results.back().plan.front().bytes == "SET7\r");
  CHECK(bench.results.back().plan.front().link == "data");
  CHECK(bench.sent.empty());
  CHECK(bench.audit().empty());
}

TEST_CASE("a command that only reads cannot write", "[command]") {
  Bench bench;
  const auto id = bench.submit("ask");
  CHECK_FALSE(bench.write(id, "SET7"));
  CHECK(bench.sent.empty());
}

TEST_CASE("one command at a time for each device, in their order", "[command]") {
  Bench bench;
  bench.submit("ask");
  bench.submit("login");
  bench.submit("ask", "two");
  CHECK(bench.begun == std::vector<std::string>{"one ask", "two ask"});
  bench.done(bench.ids[0]);
  CHECK(bench.begun.back() == "one login");
  for (int i = 0; i < 40; ++i) bench.submit("ask");
  CHECK(bench.last() == Status::busy);
}

TEST_CASE("two writes of one setting keep their distance", "[command]") {
  Bench bench;
  bench.submit("set");
  bench.write(bench.ids[0], "SET7");
  bench.done(bench.ids[0]);
  bench.submit("set");
  CHECK(bench.begun.size() == 1);
  bench.pass(4s);
  CHECK(bench.begun.size() == 1);
  bench.pass(1001ms);
  CHECK(bench.begun.size() == 2);
}

TEST_CASE("a command ends by its time, and the session hears of it", "[command]") {
  Bench bench;
  const auto id = bench.submit("set");
  bench.write(id, "SET7");
  bench.executor->progress(id, 1, 2, "half");
  CHECK(bench.progress == std::vector<std::string>{"half"});
  bench.pass(10s + 1ms);
  CHECK(bench.cancelled == std::vector<CommandId>{id});
  // What is half done may be put back, also on the record, and the next command waits for it.
  bench.submit("ask");
  bench.pass(50s);
  CHECK(bench.write(id, "BACK"));
  CHECK(bench.audit().find("BACK") != std::string::npos);
  bench.pass(50s);
  CHECK(bench.results.empty());
  bench.executor->reply(id, MESURA_REPLY_REFUSED, "put back", {}, {});
  bench.settle();
  CHECK(bench.last() == Status::timeout);
  CHECK(bench.results.back().message == "not done within 10.0 s; put back");
  CHECK(bench.begun.back() == "one ask");
  // What comes afterwards is nobody's.
  CHECK_FALSE(bench.write(id, "MORE"));
  bench.done(id);
  CHECK(bench.results.size() == 1);
}

TEST_CASE("a command that does not end when told to is given up after a minute", "[command]") {
  Bench bench;
  const auto id = bench.submit("set");
  bench.pass(10s + 1ms);
  bench.pass(59s);
  CHECK(bench.results.empty());
  bench.pass(2s);
  CHECK(bench.last() == Status::timeout);
  CHECK_FALSE(bench.write(id, "MORE"));
}

TEST_CASE("what came to its end all the same was done", "[command]") {
  Bench bench;
  const auto id = bench.submit("set");
  bench.executor->cancel(id);
  bench.done(id);
  CHECK(bench.last() == Status::done);
}

TEST_CASE("commands wait for the link, but not for ever", "[command]") {
  Bench bench;
  bench.executor->set_ready(false);
  bench.submit("ask");
  CHECK(bench.begun.empty());
  bench.executor->set_ready(true);
  CHECK(bench.begun.size() == 1);
  bench.done(bench.ids[0]);
  bench.executor->set_ready(false);
  bench.submit("ask");
  bench.pass(15s + 1ms);
  CHECK(bench.last() == Status::unreachable);
}

TEST_CASE("what is called off or lost has a result as well", "[command]") {
  Bench bench;
  const auto running = bench.submit("set");
  const auto waiting = bench.submit("ask");
  bench.executor->cancel(waiting);
  bench.settle();
  CHECK(bench.last() == Status::cancelled);
  CHECK(bench.cancelled.empty());
  bench.executor->cancel(running);
  bench.settle();
  CHECK(bench.cancelled == std::vector<CommandId>{running});
  bench.executor->reply(running, MESURA_REPLY_UNREACHABLE, "called off", {}, {});
  bench.settle();
  CHECK(bench.last() == Status::cancelled);
  CHECK(bench.results.back().message == "called off");
  bench.submit("ask");
  bench.submit("ask");
  bench.executor->end_all(Status::failed, "lost");
  bench.executor.reset();
  bench.settle();
  CHECK(bench.results.size() == 4);
  CHECK(bench.last() == Status::failed);
}

}  // namespace
}  // namespace mesura::command
