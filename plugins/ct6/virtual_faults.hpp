// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be made to go wrong between the virtual CT6 and whoever listens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "virtual_random.hpp"

namespace mesura::ct6::twin {

enum class FaultKind { lost, duplicate, truncate, nan, null_payload, hash_mismatch, http_drop };
inline constexpr std::size_t kFaultKinds = 7;

[[nodiscard]] std::optional<FaultKind> find_fault(std::string_view name);
[[nodiscard]] std::string_view name_of(FaultKind kind);

/// Each fault happens by chance, and on order for a number of times.
class Faults {
 public:
  explicit Faults(std::uint64_t seed) : random_(seed ^ 0xFA) {}

  void set_rate(FaultKind kind, double chance) { rates_[index(kind)] = chance; }
  [[nodiscard]] double rate(FaultKind kind) const { return rates_[index(kind)]; }
  void order(FaultKind kind, std::uint64_t count) { ordered_[index(kind)] += count; }
  /// Whether the fault happens now.
  bool happens(FaultKind kind);
  /// 1 .. n-1 bytes of `n` (at least 2) that survive.
  std::size_t cut(std::size_t n) { return 1 + random_.below(n - 1); }
  [[nodiscard]] int port(int ports) { return 1 + static_cast<int>(random_.below(static_cast<std::uint64_t>(ports))); }
  [[nodiscard]] std::uint64_t happened(FaultKind kind) const { return happened_[index(kind)]; }

 private:
  static std::size_t index(FaultKind kind) { return static_cast<std::size_t>(kind); }

  Random random_;
  std::array<double, kFaultKinds> rates_{};
  std::array<std::uint64_t, kFaultKinds> ordered_{};
  std::array<std::uint64_t, kFaultKinds> happened_{};
};

}  // namespace mesura::ct6::twin
