// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong between the virtual inverter and its reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_house/random.hpp"

namespace mesura::axpert::twin {

enum class FaultKind : std::size_t {
  drop_reply,
  truncate,
  corrupt,
  wrong_crc,
  extra_lf,
  leading_zeros,
  stale_first,
  nak_storm,
  disconnect,
  slow,
  busy,
  dash,
  odd_flags,
  oversize,
  ignore_setter,  ///< accepted, and nothing done
};
inline constexpr std::size_t kFaultKinds = 15;

[[nodiscard]] std::string_view fault_name(FaultKind kind);
[[nodiscard]] std::optional<FaultKind> find_fault(std::string_view name);

/// Says when each fault happens: by its rate, or a number of times on order. The chances of one kind never move
/// another's.
class FaultPlan {
 public:
  FaultPlan(const std::array<double, kFaultKinds>& rates, std::uint64_t seed);

  /// Once for each reply and kind.
  [[nodiscard]] bool happens(FaultKind kind);
  /// Whether it may happen at all, now.
  [[nodiscard]] bool possible(FaultKind kind) const { return entry(kind).ordered > 0 || entry(kind).rate > 0; }
  /// `count` times, from the next reply on; `parameter` as the command's `at` or `duration`.
  void order(FaultKind kind, std::int64_t count, std::optional<std::int64_t> parameter);
  void clear();
  /// Of the latest order, as long as it lasts.
  [[nodiscard]] std::optional<std::int64_t> parameter(FaultKind kind) const { return entry(kind).parameter; }
  [[nodiscard]] std::int64_t pending(FaultKind kind) const { return entry(kind).ordered; }
  [[nodiscard]] std::uint64_t below(FaultKind kind, std::uint64_t n) { return entry(kind).chance.below(n); }

 private:
  struct Entry {
    double rate = 0;
    std::int64_t ordered = 0;
    std::optional<std::int64_t> parameter;
    virtual_house::Random chance{0};
  };
  [[nodiscard]] Entry& entry(FaultKind kind) { return entries_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] const Entry& entry(FaultKind kind) const { return entries_[static_cast<std::size_t>(kind)]; }

  std::vector<Entry> entries_;
};

/// What has become of a reply; `spoilt`: its reader must not take it.
struct FaultedReply {
  std::string bytes;
  bool spoilt = false;
};

/// The faults that change a sealed reply: wrong_crc, truncate, corrupt, leading_zeros, stale_first, extra_lf.
[[nodiscard]] FaultedReply spoil(FaultPlan& plan, std::string reply, std::string_view reply_before);

}  // namespace mesura::axpert::twin
