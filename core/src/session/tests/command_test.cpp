// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include "runtime/files.hpp"

#include <support/catch.hpp>
#include <support/temp_dir.hpp>

#include <string>
#include <vector>

using namespace mesura;
using namespace std::chrono_literals;
using command::Status;

namespace {

/// A device that may be written to, and what became of its commands.
struct Commanded {
  test::TempDir directory;
  std::string file = (directory.path() / "audit.jsonl").string();
  test::Bench bench;
  std::vector<command::Result> results;
  std::vector<std::string> progress;

  explicit Commanded(bool fleet = false)
      : bench("well", {}, true, fleet, std::make_shared<command::AuditLog>(file, "b")) {}
  command::CommandId submit(const std::string& name, const std::string& device = "meter", bool dry_run = false) {
    command::Request request;
    request.command = name;
    request.arguments = config::Value{config::Value::Map{{"word", config::Value{std::string{"hello"}}}}};
    request.dry_run = dry_run;
    const auto id = bench.device->submit(
        device, std::move(request), [this](const command::Result& r) { results.push_back(r); },
        [this](const command::Progress& p) { progress.emplace_back(p.text); });
    bench.settle();
    return id;
  }
};

}  // namespace

TEST_CASE("a command goes through the session to the wire and back") {
  Commanded c;
  c.submit("write");
  CHECK(c.bench.wire.sent.empty());  // the link is not open yet
  c.bench.wire.accept();
  c.bench.settle();
  CHECK(c.bench.wire.sent == std::vector<std::string>{"0 hello"});
  CHECK(c.progress == std::vector<std::string>{"written"});
  c.bench.line("set total active_power 230");  // measurements go on meanwhile
  CHECK(c.bench.got.size() == 1);
  c.bench.line("done well");
  REQUIRE(c.results.size() == 1);
  CHECK(c.results[0].status == Status::done);
  CHECK(c.results[0].message == "well");
  CHECK(runtime::read_file(c.file).value().find("\"before\":1,\"after\":2") != std::string::npos);
}

TEST_CASE("a dry run stays off the wire") {
  Commanded c;
  c.bench.wire.accept();
  c.submit("write", "meter", true);
  REQUIRE(c.results.size() == 1);
  CHECK(c.results[0].status == Status::plan);
  CHECK(c.results[0].plan.at(0).bytes == "0 hello");
  CHECK(c.bench.wire.sent.empty());
  CHECK_FALSE(runtime::read_file(c.file));
}

TEST_CASE("a command that throws costs the session, and its result says so") {
  Commanded c;
  c.bench.wire.accept();
  c.submit("throw");
  REQUIRE(c.results.size() == 1);
  CHECK(c.results[0].status == Status::failed);
  CHECK(c.results[0].message.find("thrown by a command") != std::string::npos);
  CHECK(c.bench.device->health().state == session::State::failed);
}

TEST_CASE("a command that is called off is told to the session") {
  Commanded c;
  c.bench.wire.accept();
  const auto id = c.submit("write");
  c.bench.device->cancel(id);
  c.bench.settle();
  CHECK(c.results.at(0).status == Status::cancelled);
  CHECK(c.bench.wire.sent.back() == "enough");
}

TEST_CASE("a device that is stopped ends its commands") {
  Commanded c;
  c.bench.wire.accept();
  c.submit("write");
  c.bench.device->stop();
  c.bench.settle();
  CHECK(c.results.at(0).status == Status::cancelled);
}

TEST_CASE("a command of a fleet is for one of its units") {
  Commanded c{true};
  c.bench.wire.accept();
  c.bench.line("unit 17 attic");
  c.bench.line("unit 18 cellar");
  c.submit("write", "cellar");
  c.submit("write", "attic");  // another device: it need not wait
  CHECK(c.bench.wire.sent == std::vector<std::string>{"2 hello", "1 hello"});
  c.submit("write", "barn");
  REQUIRE(c.results.size() == 1);
  CHECK(c.results[0].status == Status::unreachable);
}
