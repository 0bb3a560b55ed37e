// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// QPIGS replies, full path, one thread: 256 variants through the session as the host calls it (C table, framing, CRC,
// values, measurements handed over and copied out), beside a bare loop of CRC and from_chars in the same run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "crc.hpp"
#include "support/decode_bench.hpp"

using namespace mesura::bench;

namespace {

using mesura::Bytes;
constexpr std::size_t kVariants = 256;
constexpr std::size_t kRepeats = 16;
constexpr std::size_t kCount = kRepeats * kVariants;

Bytes bytes_of(std::string_view s) { return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()}; }

std::string reply(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n) * 7919U + 1U);
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
  std::string s = fmt::format(
      "({:05.1f} {:04.1f} {:05.1f} {:04.1f} {:04} {:04} {:03} {:03} {:05.2f} {:03} {:03} {:04} {:04} {:05.1f} {:05.2f} "
      "{:05} 00010110 00 00 {:05} 010",
      pick(2200, 2400) / 10.0, pick(498, 502) / 10.0, pick(2290, 2310) / 10.0, 50.0, pick(100, 5000), pick(100, 4000),
      pick(1, 99), pick(380, 460), pick(4800, 5700) / 100.0, pick(0, 60), pick(20, 100), pick(20, 70), pick(0, 60),
      pick(600, 1400) / 10.0, pick(4800, 5700) / 100.0, pick(0, 50), pick(0, 3000));
  const std::uint16_t crc = mesura::axpert::escaped(mesura::axpert::crc16(bytes_of(s)), mesura::axpert::Escape::esc3);
  s += static_cast<char>(crc >> 8U);
  s += static_cast<char>(crc & 0xFFU);
  return s + "\r";
}

Session open_session(CountingHost& host) {
  mesura_option command{};
  command.struct_size = sizeof command;
  command.type = MESURA_OPTION_TEXT;
  command.name = mesura::abi::str("command");
  command.text = mesura::abi::str("QPIGS");
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.options = &command;
  info.option_count = 1;
  return Session(host, info);
}

double parse_all(const std::string& s) {
  double sum = 0;
  const char* end = s.data() + s.size() - 3;
  for (const char* p = s.data() + 1; p < end;) {
    double value = 0;
    p = std::from_chars(p, end, value).ptr + 1;
    sum += value;
  }
  return sum;
}

}  // namespace

int main() {
  std::vector<std::string> replies;
  for (std::size_t n = 0; n < kVariants; ++n) replies.push_back(reply(n));
  double sum = 0;
  const auto loop = [&](auto&& f) {
    return rate(kCount, [&] {
      for (std::size_t r = 0; r < kRepeats; ++r)
        for (const auto& s : replies) sum += f(s);
    });
  };
  const auto crc = [](const std::string& s) {
    return static_cast<double>(mesura::axpert::crc16(bytes_of(std::string_view{s}.substr(0, s.size() - 3))));
  };
  const auto bytewise = [](const std::string& s) {
    return static_cast<double>(mesura::axpert::crc16_bytewise(bytes_of(std::string_view{s}.substr(0, s.size() - 3))));
  };
  const double floor = loop([&](const std::string& s) { return bytewise(s) + parse_all(s); });
  const double sliced = loop([&](const std::string& s) { return crc(s) + parse_all(s); });
  const double alone = loop(crc);
  fmt::print("axpert decode: QPIGS of {} bytes, {} variants, one thread, best of {}\n", replies[0].size(), kVariants,
             kRounds);
  fmt::print("  CRC bytewise + from_chars     {:9.0f} replies/s  (floor)\n", floor);
  fmt::print("  CRC as used + from_chars      {:9.0f} replies/s\n", sliced);
  fmt::print("  CRC as used, alone            {:9.0f} replies/s\n", alone);

  std::string joined;
  for (const auto& s : replies) joined += s;
  for (const std::size_t piece : {std::size_t{110}, std::size_t{8}, std::size_t{4096}}) {
    CountingHost host;
    Session session = open_session(host);
    const auto feed = [&](std::size_t repeats) {
      for (std::size_t r = 0; r < repeats; ++r)
        for (std::string_view rest = joined; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
          session.push(rest.substr(0, piece));
    };
    feed(2);
    const std::uint64_t before = allocations, measurements = host.measurements;
    const double full = rate(kCount, [&] { feed(kRepeats); });
    fmt::print(
        "  full path, {:>5}-byte calls  {:9.0f} replies/s  {:4.1f} measurements each  {:4.2f} of the floor  {} "
        "allocations\n",
        piece, full, static_cast<double>(host.measurements - measurements) / static_cast<double>(kCount * kRounds),
        full / floor, allocations - before);
    if (host.frames != (2 + kRepeats * kRounds) * kVariants || host.faults != 0) {
      fmt::print(stderr, "bench_axpert: {} frames and {} faults\n", host.frames, host.faults);
      return 1;
    }
  }
  return sum == 0 ? 1 : 0;
}
