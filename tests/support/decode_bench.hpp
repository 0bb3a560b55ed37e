// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the decoding benchmarks of the plugins have in common: the host's side of the C table at its cheapest, a session
// on it, and the clock. Linking mesura_decode_bench replaces operator new, to count.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mesura/plugin.hpp>
#include <string_view>

namespace mesura::bench {

extern std::uint64_t allocations;  ///< so far

/// Copies measurements out, as every host must, and counts.
struct CountingHost {
  std::array<mesura_measurement, 256> copied{};
  std::uint64_t measurements = 0, frames = 0, faults = 0;
  std::uint32_t series = 0;

  static mesura_host_api table();
};

/// The one plugin that the program is linked with, its link 0 open.
class Session {
 public:
  /// Ends the program if the plugin won't have `info`.
  Session(CountingHost& host, const mesura_session_info& info);
  ~Session() { plugin_.session->destroy(session_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void push(std::string_view bytes, std::int64_t received_ns = 0, const char* peer = "") {
    mesura_meta meta{};
    meta.struct_size = sizeof meta;
    meta.received_ns = received_ns;
    meta.offset = offset_;
    meta.peer = mesura::abi::str(peer);
    offset_ += bytes.size();
    plugin_.session->on_bytes(session_, 0, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, &meta,
                              &error_);
  }

 private:
  mesura_host_api api_;
  const mesura_plugin& plugin_;
  mesura_error error_{};
  void* session_ = nullptr;
  std::uint64_t offset_ = 0;
};

inline constexpr int kRounds = 300;

/// Calls a second, the best of kRounds: `work` does `count` of them. Rounds should be short: on a busy machine the best
/// of them is the one that nobody disturbed.
template <class Work>
double rate(std::size_t count, Work&& work) {
  using Clock = std::chrono::steady_clock;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    work();
    const std::chrono::duration<double> took = Clock::now() - begin;
    best = std::max(best, static_cast<double>(count) / took.count());
  }
  return best;
}

}  // namespace mesura::bench
