// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A virtual SmartMeter on a virtual clock, with clients that write down what they get.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/plugin_harness.hpp"
#include "virtual_meter.hpp"

namespace mesura::smartmeter::test {

using namespace std::chrono_literals;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;

inline constexpr std::int64_t kMs = 1'000'000;
/// 2021-03-02T15:03:58.120Z, 16:03:58.120 on the meter: where the sheet's exchanges begin.
inline constexpr std::int64_t kSheetStart = 1'614'697'438'120 * kMs;

inline const mesura_plugin& twin_plugin() {
  static const mesura_session_api session = mesura::abi::Glue<VirtualSmartMeter>::session_table();
  static const mesura_plugin plugin =
      mesura::abi::Glue<VirtualSmartMeter>::descriptor("smartmeter", "0.1.0", "", &session);
  return plugin;
}

/// Options under which greetings come at once and no liveness line disturbs.
inline PluginOptions quiet() {
  return PluginOptions{}.duration("accept", 0s).duration("liveness", 0s).text("ip", "192.168.0.138");
}

class Rig {
 public:
  explicit Rig(PluginOptions options = quiet(), std::string kind = "tcp_listen", std::int64_t now_ns = kSheetStart)
      : harness(twin_plugin(), std::move(options), config(std::move(kind), now_ns)) {
    harness.open();
    collect();
  }

  /// Somebody connects; his greeting is thrown away.
  void join(const std::string& peer = "10.0.0.1:4000", std::uint32_t link = 0) {
    harness.peer(peer, true, link);
    take(peer, link);
  }
  /// Says a line with CR LF.
  void say(std::string_view line, const std::string& peer = "10.0.0.1:4000", std::uint32_t link = 0) {
    PluginHarness::From from;
    from.peer = peer;
    harness.bytes(std::string(line) + "\r\n", from, link);
  }
  /// Says a line and returns what comes back to the same peer.
  std::string ask(std::string_view line, const std::string& peer = "10.0.0.1:4000", std::uint32_t link = 0) {
    take(peer, link);
    say(line, peer, link);
    return take(peer, link);
  }
  /// What `peer` has got since the last time.
  std::string take(const std::string& peer = "10.0.0.1:4000", std::uint32_t link = 0) {
    collect();
    return std::exchange(got_[{link, peer}], {});
  }
  /// The same, one entry per call of the host: datagrams and messages.
  std::vector<std::string> take_each(const std::string& to, std::uint32_t link) {
    collect();
    got_.erase({link, to});
    return std::exchange(each_[{link, to}], {});
  }
  void message(std::string_view topic, std::string_view payload) {
    PluginHarness::From from;
    from.topic = std::string(topic);
    harness.bytes(payload, from, 4);
  }
  /// Everything but bytes sent, in order; cleared.
  std::vector<PluginEvent> others() {
    collect();
    return std::exchange(others_, {});
  }
  std::size_t count(PluginEvent::Kind kind) {
    std::size_t n = 0;
    for (const PluginEvent& e : others())
      if (e.kind == kind) ++n;
    return n;
  }
  void advance(std::chrono::nanoseconds by) { harness.advance(by); }

  PluginHarness harness;

 private:
  static PluginHarness::Config config(std::string kind, std::int64_t now_ns) {
    PluginHarness::Config c;
    c.live = true;
    c.now_ns = now_ns;
    c.links = {
        {std::move(kind), "127.0.0.9:54321"}, {"tcp_listen", "127.0.0.9:54322"}, {"udp", ""}, {"", ""}, {"", ""}};
    return c;
  }

  void collect() {
    for (const PluginEvent& e : harness.events()) {
      if (e.kind != PluginEvent::Kind::sent) {
        others_.push_back(e);
        continue;
      }
      got_[{e.link, e.to}] += e.text;
      each_[{e.link, e.to}].push_back(e.text);
    }
    harness.clear();
  }

  std::map<std::pair<std::uint32_t, std::string>, std::string> got_;
  std::map<std::pair<std::uint32_t, std::string>, std::vector<std::string>> each_;
  std::vector<PluginEvent> others_;
};

inline std::string unhex(std::string_view text) {
  std::string out;
  int half = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (half < 0) {
      half = digit;
    } else {
      out += static_cast<char>(half * 16 + digit);
      half = -1;
    }
  }
  return out;
}

/// A frame or a line of a stream, as a receiver of the sheet's 6.2 finds it.
struct Piece {
  bool frame = false;
  std::uint32_t number = 0;
  std::string text;  ///< payload, or the line without its end
};

inline std::uint32_t little(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Takes a whole stream apart; a rest that is no piece comes as a line that begins with '?'.
inline std::vector<Piece> pieces(std::string_view bytes) {
  std::vector<Piece> out;
  while (!bytes.empty()) {
    if (bytes.substr(0, 5) == "Data:" && bytes.size() >= 11) {
      const std::size_t length = little(bytes, 5, 2);
      if (bytes.size() < 11 + length) break;
      out.push_back({true, little(bytes, 7, 4), std::string(bytes.substr(11, length))});
      bytes.remove_prefix(11 + length);
      continue;
    }
    const std::size_t end = bytes.find("\r\n");
    if (bytes.substr(0, 5) != "Info:" || end == std::string_view::npos) break;
    out.push_back({false, 0, std::string(bytes.substr(0, end))});
    bytes.remove_prefix(end + 2);
  }
  if (!bytes.empty()) out.push_back({false, 0, "?" + std::string(bytes)});
  return out;
}

inline float float_at(std::string_view bytes, std::size_t at) {
  const std::uint32_t bits = little(bytes, at, 4);
  float value;
  static_assert(sizeof value == sizeof bits);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

/// Rows of frames only, in order.
inline std::string payloads(const std::vector<Piece>& stream) {
  std::string out;
  for (const Piece& p : stream)
    if (p.frame) out += p.text;
  return out;
}

inline std::size_t frames_in(const std::vector<Piece>& stream) {
  std::size_t n = 0;
  for (const Piece& p : stream) n += p.frame ? 1 : 0;
  return n;
}

}  // namespace mesura::smartmeter::test
