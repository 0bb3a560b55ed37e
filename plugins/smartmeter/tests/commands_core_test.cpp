// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands through the host itself: words of a command line in, bytes at the virtual meter, lines in the audit log.
#include "command/arguments.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/files.hpp"
#include "session/device.hpp"
#include "tests/command_rig.hpp"

#include <support/temp_dir.hpp>

using namespace smartmeter_test;
using mesura::command::Status;
using mesura::test::contains;

namespace {

class Socket;

struct Far {
  Socket* socket = nullptr;
  std::string sent;
};

class Socket final : public mesura::transport::Transport {
 public:
  Socket(Far& far, mesura::runtime::EventLoop& loop) : far_(far), loop_(loop) {}
  ~Socket() override { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  void open(mesura::transport::Listener& listener) override {
    listener_ = &listener;
    far_.socket = this;
  }
  void close() override {
    listener_ = nullptr;
    if (far_.socket == this) far_.socket = nullptr;
  }
  bool send(mesura::transport::Bytes bytes, std::string_view) override {
    far_.sent.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  }
  [[nodiscard]] std::string describe() const override { return "tcp 127.0.0.2:54321"; }
  [[nodiscard]] bool live() const override { return true; }
  void pause(bool) override {}

  void opened() { listener_->on_open(); }
  void receive(const std::string& text) {
    const mesura::transport::Meta meta{.received_ns = loop_.clock().wall_ns(), .offset = offset_};
    offset_ += text.size();
    listener_->on_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, meta);
  }

 private:
  Far& far_;
  mesura::runtime::EventLoop& loop_;
  mesura::transport::Listener* listener_ = nullptr;
  std::uint64_t offset_ = 0;
};

const mesura::plugin::LoadedPlugin& loaded() {
  static mesura::plugin::PluginSet set;
  static const mesura::plugin::LoadedPlugin* one = set.add(plugin());
  if (one == nullptr) throw std::logic_error(set.refused().back().reason);
  return *one;
}

struct Host {
  explicit Host(mesura::command::Control control, PluginOptions meter = {})
      : twin(*plugin().virtual_device, std::move(meter.duration("accept", 0s)), twin_config()) {
    using mesura::config::Value;
    mesura::session::Device::Setup setup;
    setup.name = "lab";
    setup.plugin = &loaded();
    setup.links.emplace(
        "command", mesura::session::Device::Setup::Link{"tcp", [this] { return std::make_unique<Socket>(far, loop); }});
    setup.options = Value{
        Value::Map{{"stream", Value{std::string{"off"}}}, {"interval", Value{std::chrono::nanoseconds{1h}.count()}}}};
    setup.stale_after = 20s;
    setup.control = control;
    setup.audit = std::make_shared<mesura::command::AuditLog>(file, "b");
    device = std::make_unique<mesura::session::Device>(
        mesura::session::Device::Context{loop, log, series, [](std::shared_ptr<mesura::Batch>, bool) {}},
        std::move(setup));
    device->start();
    settle();
    twin.open();
    far.socket->opened();
    twin.peer("127.0.0.1:4000", true);
    advance(500ms);
  }
  static PluginHarness::Config twin_config() {
    PluginHarness::Config config;
    config.live = true;
    config.now_ns = kStart;
    config.links = {{"tcp_listen", "127.0.0.2:54321"}, {"", ""}, {"udp", ""}, {"", ""}, {"", ""}};
    return config;
  }
  void settle() {
    while (loop.run_once(0ns)) {
    }
  }
  void advance(std::chrono::milliseconds time) {
    for (auto passed = 0ms; passed < time; passed += 10ms) {
      twin.advance(10ms);
      clock.advance(std::chrono::nanoseconds{10ms}.count());
      settle();
      if (!far.sent.empty()) {
        PluginHarness::From from;
        from.peer = "127.0.0.1:4000";
        heard += far.sent;
        twin.bytes(std::exchange(far.sent, {}), from);
      }
      const auto said = twin.events(Kind::sent);
      twin.clear();
      for (const auto& e : said)
        if (e.link == 0 && far.socket != nullptr) far.socket->receive(e.text);
      settle();
    }
  }
  mesura::command::Result run(const std::string& name, const std::vector<std::string>& words, bool dry_run = false) {
    mesura::command::Request request;
    request.command = name;
    auto read = mesura::command::read_words(*command_spec(name), words);
    REQUIRE(read.ok());
    request.arguments = std::move(read.values);
    request.dry_run = dry_run;
    request.confirmed = true;
    heard.clear();
    std::vector<mesura::command::Result> results;
    device->submit("lab", std::move(request), [&](const mesura::command::Result& r) { results.push_back(r); });
    for (int n = 0; n < 300 && results.empty(); ++n) advance(100ms);
    REQUIRE(results.size() == 1);
    return results[0];
  }

  mesura::test::TempDir directory;
  std::string file = (directory.path() / "audit.jsonl").string();
  mesura::runtime::ManualClock clock;
  mesura::runtime::EventLoop loop{clock};
  std::shared_ptr<mesura::runtime::Log> log = std::make_shared<mesura::runtime::Log>();
  mesura::SeriesTable series;
  Far far;
  PluginHarness twin;
  std::unique_ptr<mesura::session::Device> device;
  std::string heard;  ///< by the meter
};

}  // namespace

TEST_CASE("through the host: asked, planned, written, read back, and written down") {
  Host host(mesura::command::Control::on);
  CHECK_THAT(host.run("voltage", {}).json, contains("l1_voltage"));

  const auto plan = host.run("set_time_server", {"pool.ntp.org"}, true);
  CHECK(plan.status == Status::plan);
  REQUIRE(plan.plan.size() == 1);
  CHECK(plan.plan[0].link == "command");
  CHECK(host.heard.find("timeServer") == std::string::npos);

  const auto done = host.run("set_time_server", {"pool.ntp.org"});
  INFO(done.message);
  CHECK(done.status == Status::done);
  CHECK(done.wrote);
  CHECK_THAT(host.heard, contains(plan.plan[0].bytes));  // the very bytes
  CHECK_THAT(done.json, contains(R"({"before":"time.google.com","after":"pool.ntp.org"})"));
  CHECK_FALSE(host.run("set_time_server", {"pool.ntp.org"}).wrote);  // in force already

  const auto factors = host.run("calibrate", {"1.01", "0.99", "1.02", "0.98", "1.03", "0.97"});
  CHECK(factors.status == Status::done);
  CHECK(host.run("register_write", {"0x04c0", "0xab"}).status == Status::done);
  CHECK(host.run("add_wifi", {"lab", "s3cret"}).status == Status::done);
  const std::string audit = mesura::runtime::read_file(host.file).value();
  CHECK_THAT(audit, contains("set_time_server"));
  CHECK_THAT(audit, contains("add_wifi"));
  CHECK(audit.find("s3cret") == std::string::npos);
}

TEST_CASE("through the host: without control a measurement can be begun and ended, and nothing be changed") {
  Host host(mesura::command::Control::off);
  CHECK(host.run("set_name", {"attic"}).status == Status::forbidden);
  CHECK(host.heard.find("mdns") == std::string::npos);
  const auto run = host.run("sample", {"1000", "rows=2000"});
  INFO(run.message);
  CHECK(run.status == Status::done);
  CHECK_FALSE(run.wrote);
  CHECK_THAT(run.json, contains(R"("lost_rows":0)"));
  CHECK(host.run("stop", {}).status == Status::done);
  CHECK(host.run("switch", {"on"}).status == Status::forbidden);
}
