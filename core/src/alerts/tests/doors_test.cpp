// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Doors with a real child and a real web server behind them.
#include "bench.hpp"

#include <support/free_port.hpp>

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/StreamCopier.h>

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <sstream>

using namespace mesura;
using namespace mesura::alerts;
using namespace std::chrono_literals;

namespace {

const std::string kRule = "alerts: {peak: {above: {series: grid, limit: 1 W}}}\n";

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool has_logged(Bench& b, const std::string& part) {
  const std::lock_guard lock{b.mutex};
  return std::any_of(b.logged.begin(), b.logged.end(),
                     [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

/// Answers what it is told to and keeps what it got.
struct Web {
  struct Got {
    std::string path, body, type, token;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Got> got;
  std::vector<int> answers;  ///< the next ones; none: 204
  bool hang = false;

  struct Handler : Poco::Net::HTTPRequestHandler {
    explicit Handler(Web& to) : web(to) {}
    Web& web;
    void handleRequest(Poco::Net::HTTPServerRequest& request, Poco::Net::HTTPServerResponse& response) override {
      std::string body;
      Poco::StreamCopier::copyToString(request.stream(), body);
      std::unique_lock lock{web.mutex};
      web.got.push_back({request.getURI(), body, request.getContentType(), request.get("Authorization", "")});
      web.changed.notify_all();
      web.changed.wait(lock, [this] { return !web.hang; });
      int status = 204;
      if (!web.answers.empty()) {
        status = web.answers.front();
        web.answers.erase(web.answers.begin());
      }
      response.setStatus(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status));
      response.setContentLength(0);
      response.send();
    }
  };
  struct Factory : Poco::Net::HTTPRequestHandlerFactory {
    explicit Factory(Web& to) : web(to) {}
    Web& web;
    Poco::Net::HTTPRequestHandler* createRequestHandler(const Poco::Net::HTTPServerRequest& /*request*/) override {
      return new Handler{web};
    }
  };
  Poco::Net::ServerSocket socket{Poco::Net::SocketAddress{"127.0.0.1", 0}};
  Poco::Net::HTTPServer server{new Factory{*this}, socket, new Poco::Net::HTTPServerParams};

  Web() { server.start(); }
  ~Web() {
    release();
    server.stopAll(true);
  }
  void release() {
    const std::lock_guard lock{mutex};
    hang = false;
    changed.notify_all();
  }
  std::string notify(const std::string& more = "") const {
    return fmt::format("notify:\n  phone: {{webhook: {{url: \"http://127.0.0.1:{}/hook/geheim?key=sesam\"{}}}}}\n",
                       server.port(), more);
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock{mutex};
    REQUIRE(changed.wait_for(lock, 20s, [&] { return got.size() >= count; }));
  }
};

/// A courier whose outcomes are said beforehand.
struct Scripted : Courier {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Outcome> outcomes;  ///< the next ones; none: delivered
    std::vector<std::string> delivered;
    std::size_t calls = 0;
    bool hold = false;
  };
  explicit Scripted(std::shared_ptr<Shared> with, bool newest) : shared(std::move(with)), only_newest(newest) {}
  std::shared_ptr<Shared> shared;
  bool only_newest;
  Outcome deliver(const Alert& alert, const std::string& /*json*/) override {
    std::unique_lock lock{shared->mutex};
    ++shared->calls;
    shared->changed.notify_all();
    shared->changed.wait(lock, [this] { return !shared->hold; });
    Outcome outcome;
    if (!shared->outcomes.empty()) {
      outcome = shared->outcomes.front();
      shared->outcomes.erase(shared->outcomes.begin());
    }
    if (outcome.problem.empty()) shared->delivered.push_back(alert.message);
    return outcome;
  }
  void cancel() override {
    const std::lock_guard lock{shared->mutex};
    shared->hold = false;
    shared->changed.notify_all();
  }
  [[nodiscard]] bool newest_only() const override { return only_newest; }
};

Door::Options named(const std::string& name) {
  Door::Options options;
  options.name = name;
  return options;
}

Alert alert(const std::string& subject, const std::string& message) {
  return {"rule", subject, "above", true, kBase, message};
}

}  // namespace

TEST_CASE("an alert as JSON") {
  CHECK(alert_json({"peak", "grid/total/active_power", "above", true, kBase, "it is \"high\""}) ==
        R"({"rule":"peak","subject":"grid/total/active_power","kind":"above","state":"active",)"
        R"("since":"2023-11-14T22:13:20.000Z","message":"it is \"high\""})");
}

TEST_CASE("what fails comes again, in order, and is given up after its tries") {
  const auto shared = std::make_shared<Scripted::Shared>();
  shared->outcomes = {{"no", false}, {"no", false}, {}, {"never", true}, {"no", false}, {"no", false}, {"no", false}};
  Door::Options options;
  options.name = "d";
  options.retries = 2;
  options.first_delay = 1ms;
  options.longest_delay = 2ms;
  Door door{std::make_unique<Scripted>(shared, false), options, runtime::Logger{}};
  for (const char* text : {"one", "two", "three", "four"}) door.send(alert("s", text));
  REQUIRE(door.wait_idle(20s));
  CHECK(shared->delivered == std::vector<std::string>{"one", "four"});
  CHECK(shared->calls == 8);
}

TEST_CASE("a door that keeps states passes over those that are old") {
  const auto shared = std::make_shared<Scripted::Shared>();
  shared->hold = true;
  Door door{std::make_unique<Scripted>(shared, true), named("d"), runtime::Logger{}};
  door.send(alert("a", "first"));
  {
    std::unique_lock lock{shared->mutex};
    REQUIRE(shared->changed.wait_for(lock, 20s, [&] { return shared->calls == 1; }));
  }
  door.send(alert("a", "second"));
  door.send(alert("b", "other"));
  door.send(alert("a", "third"));
  {
    const std::lock_guard lock{shared->mutex};
    shared->hold = false;
    shared->changed.notify_all();
  }
  REQUIRE(door.wait_idle(20s));
  CHECK(shared->delivered == std::vector<std::string>{"first", "other", "third"});
}

TEST_CASE("a door's queue is bounded, and its end does not wait") {
  const auto shared = std::make_shared<Scripted::Shared>();
  shared->hold = true;
  auto door = std::make_unique<Door>(std::make_unique<Scripted>(shared, false), named("d"), runtime::Logger{});
  for (std::size_t i = 0; i < Door::kLimit + 10; ++i) door->send(alert("s", std::to_string(i)));
  CHECK_FALSE(door->wait_idle(1ms));
  door.reset();
  CHECK(shared->delivered.size() <= 1);
}

TEST_CASE("a program gets the alert on its standard input") {
  Bench b;
  const auto file = b.state / "got";
  b.apply(kRule + "notify: {lamp: {exec: {command: [sh, -c, \"cat >> $0; echo seen\", " + file.string() + "]}}}");
  b.say_for(b.add("grid"), 2, 1);
  b.say_for(b.add("grid"), 0, 1);
  b.engine->stop(20s);
  const std::string text = slurp(file);
  CHECK(text.find(R"({"rule":"peak","subject":"grid/total/active_power","kind":"above","state":"active",)") == 0);
  CHECK(text.find("\n{\"rule\":\"peak\"") != std::string::npos);
  CHECK(text.find(R"("state":"cleared")") != std::string::npos);
  CHECK(has_logged(b, "alert-exec: sh, stdout: seen"));
}

TEST_CASE("a program that fails or hangs is told of") {
  Bench b;
  b.apply(kRule +
          "notify:\n"
          "  bad: {exec: {command: [sh, -c, \"echo no lamp >&2; exit 3\"]}}\n"
          "  slow: {exec: {command: [sleep, \"1000\"], timeout: 100ms}}\n"
          "  none: {exec: {command: /nowhere/at/all}}\n"
          "  deaf: {exec: {command: [\"true\"]}}\n");
  b.say_for(b.add("grid"), 2, 1);
  b.engine->stop(20s);
  CHECK(has_logged(b, "door 'bad': peak/grid/total/active_power was not delivered: sh ended with status 3: no lamp"));
  CHECK(has_logged(b, "sleep did not end within 0.1 s and was killed"));
  CHECK(has_logged(b, "'/nowhere/at/all' cannot be started"));
  CHECK_FALSE(has_logged(b, "'deaf'"));
}

TEST_CASE("a webhook gets the alert as JSON, after a server's failure again") {
  Web web;
  web.answers = {503};
  Bench b;
  b.apply(kRule + web.notify(", headers: {Authorization: Bearer abc}"));
  b.say_for(b.add("grid"), 2, 1);
  web.wait_for(2);
  b.engine->stop(20s);
  REQUIRE(web.got.size() == 2);
  CHECK(web.got[1].path == "/hook/geheim?key=sesam");
  CHECK(web.got[1].type == "application/json");
  CHECK(web.got[1].token == "Bearer abc");
  CHECK(web.got[1].body.find(R"({"rule":"peak",)") == 0);
  CHECK(web.got[1].body == web.got[0].body);
  CHECK(has_logged(b, "answered 503"));
  CHECK(has_logged(b, "delivered after 2 tries"));
}

TEST_CASE("a webhook that refuses is not asked again, and its path is nobody's business") {
  Web web;
  web.answers = {404};
  Bench b;
  const auto closed = test::free_port();
  b.apply(kRule + web.notify() +
          fmt::format("  closed: {{webhook: {{url: \"http://127.0.0.1:{}/hook/geheim?key=sesam\", retries: 0}}}}\n",
                      closed));
  b.say_for(b.add("grid"), 2, 1);
  b.engine->stop(20s);
  CHECK(web.got.size() == 1);
  CHECK(has_logged(b, "answered 404"));
  CHECK_FALSE(has_logged(b, "geheim"));
  CHECK_FALSE(has_logged(b, "sesam"));
}

TEST_CASE("a webhook that never answers does not hold the end up") {
  Web web;
  web.hang = true;
  Bench b;
  b.apply(kRule + web.notify(", timeout: 5m"));
  b.say_for(b.add("grid"), 2, 1);
  web.wait_for(1);
  const auto begin = std::chrono::steady_clock::now();
  b.engine->stop(10ms);
  CHECK(std::chrono::steady_clock::now() - begin < 60s);
  CHECK(has_logged(b, "alert-undelivered"));
}

TEST_CASE("a rule goes only through its own doors, and a reload leaves equal doors alone") {
  Bench b;
  const auto file = b.state / "got";
  const auto door = [&](const std::string& name) {
    return fmt::format("  {}: {{exec: {{command: [sh, -c, \"echo {} >> $0\", {}]}}}}\n", name, name, file.string());
  };
  b.apply("alerts: {peak: {above: {series: grid, limit: 1 W}, to: b}}\nnotify:\n" + door("a") + door("b"));
  b.say_for(b.add("grid"), 2, 1);
  b.apply("alerts: {peak: {above: {series: grid, limit: 1 W}, to: [c, a]}}\nnotify:\n" + door("a") + door("c"));
  CHECK(slurp(file) == "b\n");  // on its way out it was still delivered
  b.say_for(b.add("grid"), 0, 1);
  b.engine->stop(20s);
  const std::string text = slurp(file);
  CHECK((text == "b\na\nc\n" || text == "b\nc\na\n"));
}
