// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the virtual meters cost: 100 of them at 32 kHz with six channels for five seconds, and one as fast as it can,
// each beside a bare loop that copies as many bytes. The host is a sink that copies what it is handed, as a socket
// would.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "virtual_meter.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kStart = 1'614'697'438'000'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

class Meter {
 public:
  explicit Meter(const char* signal, bool flood) {
    const auto text = [](std::string_view s) { return mesura_str{s.data(), s.size()}; };
    std::vector<mesura_option> options(3);
    for (auto& o : options) o.struct_size = sizeof o;
    options[0].type = MESURA_OPTION_TEXT;
    options[0].name = text("signal");
    options[0].text = text(signal);
    options[1].type = MESURA_OPTION_BOOL;
    options[1].name = text("flood");
    options[1].integer = flood ? 1 : 0;
    options[2].type = MESURA_OPTION_DURATION;
    options[2].name = text("accept");
    mesura_session_info info{};
    info.struct_size = sizeof info;
    info.now_ns = now_;
    info.options = options.data();
    info.option_count = options.size();
    const mesura_link_info link{sizeof link, 0, text("tcp_listen"), {}};
    const mesura_link_info* links = &link;
    info.links = &links;
    info.link_count = 1;
    session_ = glue_.create(reinterpret_cast<mesura_host*>(this), &table(), &info, nullptr);
    glue_.on_open(session_, 0, now_, nullptr);
    glue_.on_peer(session_, 0, text("a:1"), 1, now_, nullptr);
    const std::string line = "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":32000}}\n";
    mesura_meta meta{};
    meta.struct_size = sizeof meta;
    meta.received_ns = now_;
    meta.peer = text("a:1");
    glue_.on_bytes(session_, 0, {reinterpret_cast<const std::uint8_t*>(line.data()), line.size()}, &meta, nullptr);
  }
  ~Meter() { glue_.destroy(session_); }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void run_to(std::int64_t until) {
    for (;;) {
      const auto due = std::min_element(timers_.begin(), timers_.end(),
                                        [](const auto& a, const auto& b) { return a.second < b.second; });
      if (due == timers_.end() || due->second > until) break;
      now_ = due->second;
      const std::uint32_t timer = due->first;
      timers_.erase(due);
      glue_.on_timer(session_, timer, now_, nullptr);
    }
  }
  std::uint64_t bytes = 0, calls = 0;

 private:
  static Meter& self(mesura_host* host) { return *reinterpret_cast<Meter*>(host); }
  static const mesura_host_api& table() {
    static const mesura_host_api api = [] {
      mesura_host_api t{};
      t.struct_size = sizeof t;
      t.attribute = [](mesura_host*, std::uint32_t, mesura_str, mesura_str) {};
      t.send = [](mesura_host* h, std::uint32_t, mesura_bytes b, mesura_str) -> std::int32_t {
        Meter& m = self(h);
        if (m.socket_.size() < b.size) m.socket_.resize(b.size);
        std::memcpy(m.socket_.data(), b.data, b.size);
        m.bytes += b.size;
        ++m.calls;
        return 0;
      };
      t.arm = [](mesura_host* h, std::uint32_t timer, std::int64_t delay) {
        if (delay < 0) {
          self(h).timers_.erase(timer);
        } else {
          self(h).timers_[timer] = self(h).now_ + delay;
        }
      };
      return t;
    }();
    return api;
  }

  mesura_session_api glue_ = mesura::abi::Glue<mesura::smartmeter::VirtualSmartMeter>::session_table();
  std::int64_t now_ = kStart;
  void* session_ = nullptr;
  std::map<std::uint32_t, std::int64_t> timers_;
  std::vector<std::uint8_t> socket_;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void fleet(const char* signal) {
  std::vector<std::unique_ptr<Meter>> meters;
  for (int i = 0; i < 100; ++i) meters.push_back(std::make_unique<Meter>(signal, false));
  constexpr int kSeconds = 5;
  const auto begin = Clock::now();
  for (std::int64_t at = kStart; at <= kStart + kSeconds * kSecond; at += kSecond / 100)
    for (const auto& meter : meters) meter->run_to(at);
  const double took = seconds_since(begin);
  std::uint64_t bytes = 0, calls = 0;
  for (const auto& meter : meters) {
    bytes += meter->bytes;
    calls += meter->calls;
  }
  fmt::print("  100 meters, {:<6} {:6.1f} MB/s wanted, {:5.1f} % of a core, {:.0f} sends/s\n", signal,
             static_cast<double>(bytes) / 1e6 / kSeconds, 100 * took / kSeconds, static_cast<double>(calls) / kSeconds);
}

void flood(const char* signal) {
  Meter meter(signal, true);
  const auto begin = Clock::now();
  std::int64_t at = kStart;
  while (meter.bytes < 2'000'000'000U) meter.run_to(at += 1'000'000);
  const double took = seconds_since(begin);
  fmt::print("  flood, {:<6} {:8.1f} M rows/s of six channels\n", signal,
             static_cast<double>(meter.bytes) / 24 / 1e6 / took);
}

void floor() {
  std::vector<std::uint8_t> from(128 * 1024, 1), to(from.size()), again(from.size());
  std::uint64_t bytes = 0;
  const auto begin = Clock::now();
  while (bytes < 4'000'000'000U) {
    from[bytes % from.size()] ^= 1;
    std::memcpy(to.data(), from.data(), from.size());
    std::memcpy(again.data(), to.data(), to.size());
    bytes += from.size();
  }
  fmt::print("  floor: two memcpys {:8.1f} M rows/s ({})\n",
             static_cast<double>(bytes) / 24 / 1e6 / seconds_since(begin), static_cast<int>(again[5]));
}

}  // namespace

int main() {
  fmt::print("virtual smartmeter, 32 kHz, six channels\n");
  for (const char* signal : {"count", "sine", "house"}) fleet(signal);
  for (const char* signal : {"count", "sine", "house"}) flood(signal);
  floor();
}
