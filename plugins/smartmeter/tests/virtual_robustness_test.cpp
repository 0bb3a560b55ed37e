// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual meter among clients who send rubbish, and on links that take nothing.
#include <algorithm>
#include <random>
#include <set>

#include "support/catch.hpp"
#include "virtual_rig.hpp"

using namespace mesura::smartmeter::test;

namespace {

/// A host whose links can be made to refuse bytes, and which counts what passes.
class NarrowHost {
 public:
  explicit NarrowHost(const PluginOptions& options) : options_(options) {
    mesura_session_info info{};
    info.struct_size = sizeof info;
    info.now_ns = now_ns;
    info.live = 1;
    const auto& abi = options_.abi();
    info.options = abi.data();
    info.option_count = abi.size();
    const mesura_link_info link{sizeof link, 0, {"tcp_listen", 10}, {}};
    const mesura_link_info* links = &link;
    info.links = &links;
    info.link_count = 1;
    error_.struct_size = sizeof error_;
    session_ = twin_plugin().session->create(reinterpret_cast<mesura_host*>(this), &table(), &info, &error_);
    twin_plugin().session->on_open(session_, 0, now_ns, &error_);
    twin_plugin().session->on_peer(session_, 0, {"a:1", 3}, 1, now_ns, &error_);
  }
  ~NarrowHost() { twin_plugin().session->destroy(session_); }
  NarrowHost(const NarrowHost&) = delete;
  NarrowHost& operator=(const NarrowHost&) = delete;

  void say(const std::string& line) {
    const std::string text = line + "\r\n";
    mesura_meta meta{};
    meta.struct_size = sizeof meta;
    meta.received_ns = now_ns;
    meta.peer = {"a:1", 3};
    twin_plugin().session->on_bytes(session_, 0, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                                    &meta, &error_);
  }
  void advance(std::chrono::nanoseconds by) {
    const std::int64_t until = now_ns + by.count();
    for (;;) {
      const auto due = std::min_element(timers_.begin(), timers_.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
      if (due == timers_.end() || due->second > until) break;
      now_ns = std::max(now_ns, due->second);
      const std::uint32_t timer = due->first;
      timers_.erase(due);
      twin_plugin().session->on_timer(session_, timer, now_ns, &error_);
    }
    now_ns = until;
  }

  std::int64_t now_ns = kSheetStart;
  bool open = true;
  std::size_t room = SIZE_MAX;  ///< bytes that the link still takes
  std::string sent;
  std::size_t refused = 0;

 private:
  static NarrowHost& self(mesura_host* host) { return *reinterpret_cast<NarrowHost*>(host); }
  static const mesura_host_api& table() {
    static const mesura_host_api api = [] {
      mesura_host_api t{};
      t.struct_size = sizeof t;
      t.series = [](mesura_host*, const mesura_series_info*) { return 0U; };
      t.attribute = [](mesura_host*, std::uint32_t, mesura_str, mesura_str) {};
      t.emit = [](mesura_host*, const mesura_batch*) {};
      t.send = [](mesura_host* h, std::uint32_t, mesura_bytes bytes, mesura_str) -> std::int32_t {
        if (bytes.size > self(h).room) {
          ++self(h).refused;
          return -1;
        }
        self(h).room -= bytes.size;
        self(h).sent.append(reinterpret_cast<const char*>(bytes.data), bytes.size);
        return 0;
      };
      t.arm = [](mesura_host* h, std::uint32_t timer, std::int64_t delay) {
        if (delay < 0) {
          self(h).timers_.erase(timer);
        } else {
          self(h).timers_[timer] = self(h).now_ns + delay;
        }
      };
      t.open = [](mesura_host*, std::uint32_t, mesura_str) -> std::int32_t { return -1; };
      t.close = [](mesura_host*, std::uint32_t) {};
      t.drop = [](mesura_host*, std::uint32_t, mesura_str) {};
      t.log = [](mesura_host*, std::uint32_t, mesura_str) {};
      return t;
    }();
    return api;
  }

  PluginOptions options_;
  mesura_error error_{};
  void* session_ = nullptr;
  std::map<std::uint32_t, std::int64_t> timers_;
};

bool is_count(std::string_view bytes) {
  for (std::size_t i = 0; i * 4 < bytes.size(); ++i)
    if (float_at(bytes, 4 * i) != static_cast<float>((8 * (i / 6) + i % 6) % (1U << 24))) return false;
  return true;
}

const char* const kSample = R"({"cmd":"sample","payload":{"type":"TCP","rate":32000}})";

}  // namespace

TEST_CASE("narrow link: rows wait and come complete, in order, between whole lines") {
  NarrowHost host(quiet().text("signal", "count"));
  host.say(kSample);
  for (int i = 0; i < 40; ++i) {
    host.room = i % 3 == 0 ? 100'000 : 0;
    host.advance(50ms);
  }
  CHECK(host.refused > 10);
  host.room = 0;
  host.say(R"({"cmd":"stop"})");
  host.room = SIZE_MAX;
  host.advance(10ms);
  const auto stream = pieces(host.sent);
  CHECK(payloads(stream).size() == 64'000 * 24);
  CHECK(is_count(payloads(stream)));
  CHECK_THAT(stream.back().text, mesura::test::contains(R"("samples":64000,"sent_samples":64000)"));
  for (const Piece& p : stream) CHECK((p.frame || p.text.rfind("Info:", 0) == 0));
}

TEST_CASE("narrow link: a flood goes on where it stopped") {
  NarrowHost host(quiet().text("signal", "count").flag("flood", true).integer("rows", 400'000));
  host.say(kSample);
  for (int i = 0; i < 200; ++i) {
    host.room = 256 * 1024;
    host.advance(5ms);
  }
  const auto stream = pieces(host.sent);
  CHECK(payloads(stream).size() == 400'000 * 24);
  CHECK(is_count(payloads(stream)));
}

TEST_CASE("narrow link: who never reads fills the buffer, and the meter restarts") {
  NarrowHost host(quiet());
  host.say(kSample);
  host.room = 0;
  host.advance(4s);
  CHECK(host.sent.find("\"state\":\"idle\"") != std::string::npos);
  host.advance(10s);
  host.room = SIZE_MAX;
  const std::size_t before = host.sent.size();
  host.say(R"({"cmd":"info"})");  // its connection is gone
  CHECK(host.sent.size() == before);
}

TEST_CASE("rubbish: nothing a client says breaks the meter") {
  const std::vector<std::string> seeds = {
      R"({"cmd":"sample","payload":{"type":"TCP","rate":8000,"measures":"v,i_L1","slot":[1,2],"time":1614697450,"flowCtr":true}})",
      R"({"cmd":"sample","payload":{"type":"UDP","rate":50,"measures":"p,q","port":99}})",
      R"({"cmd":"sample","payload":{"type":"FFMPEG","rate":-1e300,"prefix":false}})",
      R"({"cmd":"reqSamples","samples":2000})",
      R"({"cmd":"cts","value":true})",
      R"({"cmd":"stop"})",
      R"({"cmd":"calibration","cal":[1,1,1,1,1,1]})",
      R"({"cmd":"resetEnergy","energy":[1,2,3],"ts":1e30})",
      R"({"cmd":"ade9k","address":"0xffffffff","size":16,"write":"0x1"})",
      R"({"cmd":"dailyRestart","hour":3,"minute":4})",
      R"({"cmd":"addWifi","payload":{"ssid":"x","pwd":"y"}})",
      R"({"cmd":"mdns","payload":{"name":"\u00e4\n"}})",
      R"({"cmd":"log","level":"all"})",
      R"({"cmd":"getLog"})",
      "?",
      "!",
      "[[[[",
      R"({"cmd":"restart"})"};
  std::mt19937 random(7);
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  Rig rig(quiet().duration("reboot", 10ms).flag("quirks", true).text("broker", "b"));
  rig.harness.open(4);
  std::size_t answered = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string line = seeds[pick(seeds.size())];
    for (std::size_t n = pick(4); n > 0; --n) {
      switch (pick(3)) {
        case 0: line.resize(pick(line.size() + 1)); break;
        case 1: line.insert(pick(line.size() + 1), std::size_t{1}, static_cast<char>(pick(256))); break;
        default:
          if (!line.empty()) line[pick(line.size())] = static_cast<char>(pick(256));
      }
    }
    if (i % 40 == 0) rig.harness.peer("a:" + std::to_string(i), true, i % 80 == 0 ? 1 : 0);
    const std::string peer = "a:" + std::to_string(i / 40 * 40);
    if (pick(5) == 0) {
      rig.message("powermeter/cmd", line);
    } else {
      rig.say(line, peer);
    }
    rig.advance(std::chrono::milliseconds{pick(30)});
    const std::string got = rig.take(peer);
    if (!got.empty()) ++answered;
    for (const Piece& p : pieces(got)) REQUIRE((p.frame || p.text.empty() || p.text[0] != '?'));
    if (i % 40 == 39) rig.harness.peer(peer, false, i % 80 == 39 ? 1 : 0);
  }
  CHECK(answered > 200);
}

TEST_CASE("rubbish: a command cut at every length gets no answer but the log's") {
  Rig rig;
  rig.join();
  const std::string line = R"({"cmd":"sample","payload":{"type":"TCP","rate":8000,"measures":"v,i,v,i,v,i"}})";
  for (std::size_t n = 0; n < line.size(); ++n) {
    const std::string got = rig.ask(line.substr(0, n));
    CHECK_THAT(got, mesura::test::contains("[E]03/02 16:03:58: deserializeJson() failed: "));
    CHECK(got.find("Info:{") == std::string::npos);
  }
}

TEST_CASE("seeds: equal ones give equal bytes, others another house") {
  const auto bytes = [](std::int64_t seed) {
    Rig rig(quiet().text("profile", "house").integer("seed", seed).integer("rate", 4000).integer("rows", 8000), "file");
    rig.advance(3s);
    return rig.take("");
  };
  CHECK(bytes(3) == bytes(3));
  CHECK(bytes(3) != bytes(4));
}
