// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Vectors of the sheet as bytes, and an inverter that plays them. The CRC here is worked out bit by bit, apart from the
// decoder's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/plugin_harness.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace sheet {

using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginEvent::Kind;
using Lines = std::vector<std::string>;

inline const mesura_plugin& plugin() { return *mesura_plugin_query(nullptr, nullptr); }

inline std::string hex(std::string_view digits) {
  std::string out;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int n = c <= '9' ? c - '0' : c - 'A' + 10;
    if (high < 0) {
      high = n;
    } else {
      out += static_cast<char>(high * 16 + n);
      high = -1;
    }
  }
  return out;
}

/// A reply with the CRC that the sheet prints: `reply("(ACK", "39 20")`.
inline std::string reply(std::string_view payload, std::string_view crc) {
  return std::string{payload} + hex(crc) + "\r";
}

inline unsigned crc_bits(std::string_view s) {
  unsigned crc = 0;
  for (const char c : s) {
    crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8U;
    for (int i = 0; i < 8; ++i) crc = ((crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U) & 0xFFFFU;
  }
  return crc;
}
/// With its CRC, 28 0D 0A replaced.
inline std::string framed(std::string_view text) {
  const unsigned crc = crc_bits(text);
  std::string out{text};
  for (const unsigned shift : {8U, 0U}) {
    const unsigned b = crc >> shift & 0xFFU;
    out += static_cast<char>(b == 0x28 || b == 0x0D || b == 0x0A ? b + 1 : b);
  }
  return out + "\r";
}
inline std::string infini(std::string_view data, char type = 'D') {
  std::string length = std::to_string(data.size() + 3);
  while (length.size() < 3) length.insert(0, 1, '0');
  return framed("^" + std::string(1, type) + length + std::string{data});
}

inline const std::string kA9 =
    reply("(000.0 00.0 230.0 50.0 0322 0221 006 425 52.80 011 100 0040 0016 100.6 52.78 00000 01110110 00 00 00844 010",
          "98 EA");
inline const std::string kA10 =
    reply("(000.0 00.0 230.0 49.9 0161 0119 003 460 57.50 012 100 0069 0014 103.8 57.45 00000 00110110 00 00 00856 010",
          "24 8C");
inline const std::string kA11 =
    reply("(227.2 50.0 230.3 50.0 0829 0751 010 447 54.50 020 083 0054 02.7 323.6 00.00 00000 00010110 00 00 00879 010",
          "F1 8C");
inline const std::string kA12 = reply(
    "(230.0 49.9 230.0 49.9 0805 0751 020 448 29.00 000 100 0037 02.3 271.1 00.00 00007 00010000 00 00 00647 011 0 00 "
    "0000",
    "00 E7");
inline const std::string kA14 =
    reply("(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 6 01 0 0 54.0 0 1", "6F 7E");
inline const std::string kA15 =
    reply("(230.0 34.7 230.0 50.0 34.7 8000 8000 48.0 48.0 42.0 54.0 52.5 2 010 030 1 2 2 9 01 0 0 50.0 0 1 480 0 070",
          "D9 60");
inline const std::string kA19 = reply(
    "(1 92931701100510 B 00 000.0 00.00 230.6 50.00 0275 0141 005 51.4 001 100 083.3 002 00574 00312 003 10100110 1 2 "
    "060 120 10 04 000",
    "CC 23");
inline const std::string kA20 = reply(
    "(0 92932105105315 B 00 000.0 00.00 230.0 50.00 0989 0907 012 53.2 009 090 349.8 009 00989 00907 011 10100110 0 1 "
    "100 120 030 02 000 275.3 02",
    "69 5D");

/// What came of bytes of a file: by "channel/quantity" the value, or the text in quotes; "@key" is an attribute,
/// "!code" counts faults.
class Decoded {
 public:
  explicit Decoded(std::string_view bytes, std::string_view command = {}, std::string_view dialect = {},
                   PluginOptions options = {}) {
    if (!command.empty()) options.text("command", std::string{command});
    if (!dialect.empty()) options.text("dialect", std::string{dialect});
    PluginHarness h(plugin(), std::move(options));
    h.open();
    h.bytes(bytes);
    h.close(true);
    take(h);
  }
  explicit Decoded(const PluginHarness& h) { take(h); }

  [[nodiscard]] double number(const std::string& name) const {
    const auto it = numbers_.find(name);
    return it == numbers_.end() ? -12345 : it->second;
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto it = texts_.find(name);
    return it == texts_.end() ? "(none)" : it->second;
  }
  [[nodiscard]] int faults(const std::string& code) const {
    const auto it = faults_.find(code);
    return it == faults_.end() ? 0 : it->second;
  }
  [[nodiscard]] std::uint8_t quality(const std::string& name) const { return qualities_.at(name); }
  [[nodiscard]] bool has(const std::string& name) const { return numbers_.contains(name) || texts_.contains(name); }
  [[nodiscard]] std::size_t size() const { return numbers_.size() + texts_.size(); }
  int all_faults = 0;
  int frames = 0;

 private:
  void take(const PluginHarness& h) {
    for (const auto& e : h.events()) {
      const std::string name = e.channel + "/" + e.quantity;
      if (e.kind == Kind::measurement && !e.is_text) numbers_[name] = e.value;
      if (e.kind == Kind::measurement && e.is_text) texts_[name] = e.text;
      if (e.kind == Kind::measurement) qualities_[name] = e.quality;
      if (e.kind == Kind::attribute) texts_["@" + e.key] = e.text;
      if (e.kind == Kind::fault) ++faults_[e.key], ++all_faults;
      if (e.kind == Kind::frame) ++frames;
    }
  }
  std::map<std::string, double> numbers_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, std::uint8_t> qualities_;
  std::map<std::string, int> faults_;
};

inline PluginHarness::Config live(std::string kind) {
  PluginHarness::Config c;
  c.live = true;
  c.links = {{std::move(kind), "there"}};
  return c;
}

/// Answers what the session sends, at once and on the same virtual clock, until nothing more is asked.
class Inverter {
 public:
  explicit Inverter(PluginHarness& h, bool hid = false) : h_(h), hid_(hid) {}

  /// By command, without CRC and CR; the answer is a whole frame. No entry: NAK.
  std::map<std::string, std::string> answers;
  /// What becomes of an answer on its way; by number of the request since the start, 1 for the first.
  std::function<std::string(const std::string& command, const std::string& answer, int number)> spoil;
  Lines asked;
  Lines raw;  ///< whole requests as they came
  std::string nak = hex("28 4E 41 4B 73 73 0D");

  /// Until the session is silent, at most `limit` requests.
  void serve(int limit = 1000) {
    while (limit-- > 0 && one()) {
    }
  }
  /// The same for a while of virtual time.
  void run(std::chrono::milliseconds time, std::chrono::milliseconds step = std::chrono::milliseconds{50}) {
    for (std::chrono::milliseconds t{}; t < time; t += step) {
      serve();
      h_.advance(step);
    }
    serve();
  }
  [[nodiscard]] int count(const std::string& command) const {
    return static_cast<int>(std::count(asked.begin(), asked.end(), command));
  }

 private:
  bool one() {
    const auto sent = h_.events(Kind::sent);
    if (seen_ > sent.size()) seen_ = 0;  // the harness was cleared
    while (seen_ < sent.size()) {
      const std::string& chunk = sent[seen_++].text;
      request_ += chunk;
      const std::size_t end = request_.find('\r');
      if (end == std::string::npos) continue;
      const std::string whole = request_.substr(0, end + 1);
      request_.clear();
      answer(whole);
      return true;
    }
    return false;
  }
  void answer(const std::string& whole) {
    std::string command = whole.size() == 1 ? "" : whole.substr(0, whole.size() - 3);
    if (whole.starts_with("QALL")) command = "QALL";
    if (whole.starts_with("^P")) command = command.substr(5);
    if (command == "QALL") command = answers.contains("QALL") ? "QALL" : "?";
    asked.push_back(command);
    raw.push_back(whole);
    const auto known = answers.find(command);
    std::string bytes = known != answers.end() ? known->second : nak;
    if (spoil) bytes = spoil(command, bytes, static_cast<int>(asked.size()));
    if (bytes.empty()) return;
    if (!hid_) return h_.bytes(bytes);
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      std::string report = bytes.substr(i, 8);
      report.resize(8, '\0');
      h_.bytes(report);
    }
  }

  PluginHarness& h_;
  bool hid_;
  std::string request_;
  std::size_t seen_ = 0;
};

}  // namespace sheet
