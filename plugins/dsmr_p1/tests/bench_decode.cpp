// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// P1 decode, full path, one thread: 256 variants of a DSMR 5 telegram of 890 bytes through the session as the host
// calls it (C table, framing, CRC, values, UTC stamps, measurements handed over and copied out), beside the CRC alone
// in the same run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "crc16.hpp"
#include "support/decode_bench.hpp"

using namespace mesura::bench;

namespace {

constexpr std::size_t kVariants = 256;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'719'829'800;  // 2024-07-01T10:30:00Z, 12:30:00S on the meter

/// The n-th second of a house: everything moves that moves in a real one.
std::string telegram(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n) * 7919U + 1U);
  const auto pick = [&](int from, int to) { return std::uniform_int_distribution<int>(from, to)(random); };
  const int second = static_cast<int>(n % 60), minute = 30 + static_cast<int>(n / 60);
  const int p1 = pick(20, 2200), p2 = pick(20, 1500), p3 = pick(20, 900), total = p1 + p2 + p3;
  std::string t = fmt::format(
      "/TST5\\2BENCH\r\n\r\n"
      "1-3:0.2.8(50)\r\n0-0:1.0.0(24070112{:02d}{:02d}S)\r\n0-0:96.1.1(4530303033303030303030303030303031)\r\n"
      "1-0:1.8.1({:06d}.{:03d}*kWh)\r\n1-0:1.8.2({:06d}.{:03d}*kWh)\r\n1-0:2.8.1({:06d}.{:03d}*kWh)\r\n1-0:2.8.2("
      "001298.076*kWh)\r\n"
      "0-0:96.14.0(0002)\r\n1-0:1.7.0({:02d}.{:03d}*kW)\r\n1-0:2.7.0(00.000*kW)\r\n"
      "0-0:96.7.21(00007)\r\n0-0:96.7.9(00004)\r\n"
      "1-0:99.97.0(2)(0-0:96.7.19)(231105031512W)(0000000912*s)(230730163005S)(0000004021*s)\r\n"
      "1-0:32.32.0(00003)\r\n1-0:52.32.0(00002)\r\n1-0:72.32.0(00002)\r\n1-0:32.36.0(00000)\r\n1-0:52.36.0(00001)\r\n1-"
      "0:72.36.0(00000)\r\n"
      "0-0:96.13.0()\r\n1-0:32.7.0({:05.1f}*V)\r\n1-0:52.7.0({:05.1f}*V)\r\n1-0:72.7.0({:05.1f}*V)\r\n"
      "1-0:31.7.0({:03d}*A)\r\n1-0:51.7.0({:03d}*A)\r\n1-0:71.7.0({:03d}*A)\r\n"
      "1-0:21.7.0({:02d}.{:03d}*kW)\r\n1-0:41.7.0({:02d}.{:03d}*kW)\r\n1-0:61.7.0({:02d}.{:03d}*kW)\r\n"
      "1-0:22.7.0(00.000*kW)\r\n1-0:42.7.0(00.000*kW)\r\n1-0:62.7.0(00.000*kW)\r\n"
      "0-1:24.1.0(003)\r\n0-1:96.1.0(4730303339303031)\r\n0-1:24.2.1(24070112{:02d}00S)(03456.{:03d}*m3)\r\n!",
      minute, second, 2345, n, 2876, n * 3 % 1000, 512, n * 7 % 1000, total / 1000, total % 1000,
      pick(2280, 2390) / 10.0, pick(2280, 2390) / 10.0, pick(2280, 2390) / 10.0, p1 / 230, p2 / 230, p3 / 230,
      p1 / 1000, p1 % 1000, p2 / 1000, p2 % 1000, p3 / 1000, p3 % 1000, minute / 5 * 5, 700 + minute / 5);
  const auto crc = mesura::dsmr_p1::crc16({reinterpret_cast<const std::uint8_t*>(t.data()), t.size()});
  return t + fmt::format("{:04X}\r\n", crc);
}

Session open_session(CountingHost& host) {
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.live = 1;
  info.now_ns = kStart * kSecond;
  return Session(host, info);
}

}  // namespace

int main() {
  std::vector<std::string> telegrams;
  for (std::size_t n = 0; n < kVariants; ++n) telegrams.push_back(telegram(n));
  const std::size_t size = telegrams[0].size();
  constexpr std::size_t kRepeats = 4;
  constexpr std::size_t kCount = kRepeats * kVariants;

  std::uint64_t sum = 0;
  const auto crc_rate = [&](auto&& crc) {
    return rate(kCount, [&] {
      for (std::size_t r = 0; r < kRepeats; ++r)
        for (const auto& t : telegrams) sum += crc({reinterpret_cast<const std::uint8_t*>(t.data()), t.size() - 6});
    });
  };
  const double floor = crc_rate([](std::span<const std::uint8_t> b) { return mesura::dsmr_p1::crc16_sliced(b); });
  const double used = crc_rate([](std::span<const std::uint8_t> b) { return mesura::dsmr_p1::crc16(b); });

  const auto decode_rate = [&](std::size_t piece, std::uint64_t& per_million) {
    CountingHost host;
    Session session = open_session(host);
    const auto feed = [&](std::size_t repeats) {
      for (std::size_t r = 0; r < repeats; ++r)
        for (std::size_t n = 0; n < kVariants; ++n) {
          const std::int64_t received_ns = (kStart + static_cast<std::int64_t>(n)) * kSecond + kSecond / 5;
          for (std::string_view rest = telegrams[n]; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
            session.push(rest.substr(0, piece), received_ns);
        }
    };
    feed(2);
    const std::uint64_t before = allocations, measurements = host.measurements;
    const double full = rate(kCount, [&] { feed(kRepeats); });
    per_million = (allocations - before) * 1'000'000 / (kCount * kRounds);
    if (host.frames != (2 + kRepeats * kRounds) * kVariants || host.faults != 0) {
      fmt::print(stderr, "bench_dsmr_p1: {} frames and {} faults, expected {} and 0\n", host.frames, host.faults,
                 (2 + kRepeats * kRounds) * kVariants);
      std::exit(1);
    }
    fmt::print(
        "  full path, {:>5}-byte calls  {:9.0f} telegrams/s  {:5.1f} measurements each  {:4.2f} of slice-by-8  {} "
        "allocations per million\n",
        std::min(piece, size), full,
        static_cast<double>(host.measurements - measurements) / static_cast<double>(kCount * kRounds), full / floor,
        per_million);
    return full;
  };

  fmt::print("dsmr_p1 decode: {}-byte telegram, {} variants, one thread, best of {}\n", size, kVariants, kRounds);
  fmt::print("  CRC alone, slice-by-8         {:9.0f} telegrams/s  (floor)\n", floor);
  fmt::print("  CRC alone, as used            {:9.0f} telegrams/s\n", used);
  std::uint64_t allocated = 0;
  decode_rate(size, allocated);
  decode_rate(64, allocated);
  return sum == 0 ? 1 : 0;
}
