// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The plugin against its virtual device, on one virtual clock: what neither of them tests alone.
#include <algorithm>

#include "tests/support.hpp"

using namespace smartmeter_test;

namespace {

constexpr double kPi = 3.14159265358979;

/// Carries bytes between a session of the plugin and one of the twin.
class Bench {
 public:
  explicit Bench(PluginOptions meter, PluginOptions options = {}, bool udp = false)
      : twin_(*plugin().virtual_device, std::move(meter), twin_config(udp)),
        session_(plugin(), std::move(options), live("tcp", "127.0.0.2:54321")),
        udp_(udp) {
    twin_.open();
    if (udp) twin_.open(kTwinUdp);
    connect();
  }

  void connect() {
    session_.open();
    if (udp_) session_.open(1);
    twin_.peer(kPeer, true);
    carry();
  }
  void run(std::chrono::milliseconds time) {
    for (auto passed = 0ms; passed < time; passed += 10ms) {
      twin_.advance(10ms);
      carry();
      session_.advance(10ms);
      carry();
    }
  }
  PluginHarness& session() { return session_; }
  PluginHarness& twin() { return twin_; }

 private:
  static constexpr const char* kPeer = "127.0.0.1:4000";
  static constexpr std::uint32_t kTwinUdp = 2;

  static PluginHarness::Config twin_config(bool udp) {
    PluginHarness::Config config;
    config.live = true;
    config.now_ns = kStart - 3'000'000'000;
    config.links = {{"tcp_listen", "127.0.0.2:54321"}, {"", ""}, {udp ? "udp" : "", ""}, {"", ""}, {"", ""}};
    return config;
  }

  void carry() {
    for (bool more = true; more;) {
      more = false;
      for (; session_seen_ < session_.events().size(); ++session_seen_) {
        if (session_.events()[session_seen_].kind != Kind::sent) continue;
        PluginHarness::From from;
        from.peer = kPeer;
        twin_.bytes(session_.events()[session_seen_].text, from);
        more = true;
      }
      for (; twin_seen_ < twin_.events().size(); ++twin_seen_) {
        const PluginEvent& e = twin_.events()[twin_seen_];
        if (e.kind != Kind::sent) continue;
        PluginHarness::From from;
        from.peer = e.link == kTwinUdp ? "127.0.0.2:1025" : "127.0.0.2:54321";
        session_.bytes(e.text, from, e.link == kTwinUdp ? 1 : 0);
        more = true;
      }
    }
  }

  PluginHarness twin_, session_;
  std::size_t session_seen_ = 0, twin_seen_ = 0;
  bool udp_;
};

PluginOptions counting() { return PluginOptions{}.text("signal", "count").duration("accept", 0s); }

}  // namespace

TEST_CASE("count mode over TCP: every row, bit for bit") {
  Bench bench(counting(), PluginOptions{}.flag("derive", false));
  bench.run(1500ms);
  const auto got = samples(bench.session());
  REQUIRE(got.size() > 6 * 8000);
  CHECK(got == flat(count_rows(0, got.size() / 6)));
  CHECK(faults(bench.session()).empty());
  CHECK(bench.session().counts().gap_rows == 0);
}

TEST_CASE("lost frames are gaps of exactly their rows") {
  Bench bench(counting().list("drop", {"5", "10-12"}), PluginOptions{}.flag("derive", false));
  bench.run(500ms);
  std::vector<std::uint64_t> gaps;
  for (const auto& e : bench.session().events(Kind::waveform)) {
    if (e.gap_rows != 0) gaps.push_back(e.gap_rows);
    REQUIRE(e.samples[0] == static_cast<float>(8 * e.offset));
  }
  CHECK(gaps == std::vector<std::uint64_t>{42, 126});
  CHECK(faults(bench.session()) == Lines{"packet_gap", "packet_gap"});
}

TEST_CASE("UDP with repeated and overtaken datagrams") {
  Bench bench(counting().list("duplicate", {"3"}).list("late", {"7"}).list("drop", {"20"}),
              PluginOptions{}.flag("derive", false).text("sink", "udp"), true);
  bench.run(500ms);
  const auto blocks = bench.session().events(Kind::waveform);
  REQUIRE(blocks.size() > 100);
  for (const auto& e : blocks) REQUIRE(e.samples[0] == static_cast<float>(8 * e.offset));
  CHECK(bench.session().counts().gap_rows == 42);  // the overtaken one and the lost one
  CHECK(faults(bench.session()) == Lines{"late_packet", "packet_gap", "late_packet", "packet_gap"});
}

TEST_CASE("a sine load: the values of each second are those that the twin was set to") {
  Bench bench(PluginOptions{}.text("signal", "sine").number("phi", 30).duration("accept", 0s));
  bench.run(3200ms);
  auto& h = bench.session();
  REQUIRE(measured(h, "l1", "voltage").size() >= 2);
  for (const char* line : {"l1", "l2", "l3"}) {
    CHECK(measured(h, line, "voltage").at(1).value == Approx(230).epsilon(1e-3));
    CHECK(measured(h, line, "current").at(1).value == Approx(10).epsilon(1e-3));
    CHECK(measured(h, line, "active_power").at(1).value == Approx(2300 * std::cos(kPi / 6)).epsilon(1e-3));
    CHECK(measured(h, line, "reactive_power").at(1).value == Approx(1150).epsilon(1e-3));
    CHECK(measured(h, line, "frequency").at(1).value == Approx(50).margin(0.005));
  }
}

TEST_CASE("momentary values of a twin") {
  Bench bench(PluginOptions{}.text("signal", "sine").duration("accept", 0s),
              PluginOptions{}.text("stream", "off").duration("interval", 2s));
  bench.run(5s);
  auto& h = bench.session();
  CHECK(faults(h).empty());
  REQUIRE(measured(h, "l1", "voltage").size() >= 2);
  CHECK(measured(h, "l3", "voltage").at(0).value == Approx(230).epsilon(0.01));
  CHECK(measured(h, "l2", "current").at(0).value == Approx(10).epsilon(0.01));
  CHECK(measured(h, "total", "active_power").at(0).value == Approx(6900).epsilon(0.01));
  CHECK(measured(h, "l1", "frequency").at(0).value == Approx(50).epsilon(0.01));
}

TEST_CASE("a twin PowerMeter") {
  Bench bench(PluginOptions{}.text("type", "powermeter").text("signal", "count").duration("accept", 0s),
              PluginOptions{}.flag("derive", false));
  bench.run(500ms);
  auto& h = bench.session();
  REQUIRE(h.streams().size() == 1);
  CHECK(h.streams()[0].period_ns == 250'000);
  const auto got = samples(h);
  REQUIRE(got.size() > 1000);
  CHECK(got == flat(count_rows(0, got.size() / 2, 2)));
  CHECK(measured(h, "relay1", "relay_state").size() == 1);
}

TEST_CASE("a busy twin is waited for") {
  Bench bench(counting().flag("busy", true));
  bench.run(1s);
  CHECK(faults(bench.session()) == Lines{"busy"});
  bench.twin().command("set", PluginOptions{}.text("name", "busy").text("value", "off"));
  bench.run(2500ms);
  CHECK(bench.session().counts().rows > 0);
}
