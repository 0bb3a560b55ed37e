// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_faults.hpp"

#include <algorithm>
#include <utility>

namespace mesura::axpert::twin {
namespace {

constexpr std::array<std::string_view, kFaultKinds> kNames{
    "drop_reply", "truncate", "corrupt", "wrong_crc", "extra_lf",  "leading_zeros", "stale_first",  "nak_storm",
    "disconnect", "slow",     "busy",    "dash",      "odd_flags", "oversize",      "ignore_setter"};

/// A number that was ordered, within what the reply allows, else a random one.
std::size_t place(FaultPlan& plan, FaultKind kind, std::size_t low, std::size_t high) {
  if (const auto at = plan.parameter(kind))
    return std::clamp(static_cast<std::size_t>(std::max<std::int64_t>(*at, 0)), low, high);
  return low + static_cast<std::size_t>(plan.below(kind, high - low + 1));
}

char flipped(char c, unsigned bit) { return static_cast<char>(static_cast<unsigned char>(c) ^ (1U << bit)); }

}  // namespace

std::string_view fault_name(FaultKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

std::optional<FaultKind> find_fault(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<FaultKind>(found - kNames.begin());
}

FaultPlan::FaultPlan(const std::array<double, kFaultKinds>& rates, std::uint64_t seed) : entries_(kFaultKinds) {
  for (std::size_t i = 0; i < kFaultKinds; ++i) {
    entries_[i].rate = rates[i];
    entries_[i].chance = virtual_house::Random{virtual_house::scramble(seed ^ (std::uint64_t{0xA0} + i))};
  }
}

bool FaultPlan::happens(FaultKind kind) {
  Entry& e = entry(kind);
  if (e.ordered > 0) {
    --e.ordered;
    return true;
  }
  e.parameter.reset();
  return e.rate > 0 && e.chance.happens(e.rate);
}

void FaultPlan::order(FaultKind kind, std::int64_t count, std::optional<std::int64_t> parameter) {
  entry(kind).ordered = count;
  entry(kind).parameter = parameter;
}

void FaultPlan::clear() {
  for (Entry& e : entries_) {
    e.ordered = 0;
    e.parameter.reset();
  }
}

FaultedReply spoil(FaultPlan& plan, std::string reply, std::string_view reply_before) {
  FaultedReply result{std::move(reply), false};
  std::string& bytes = result.bytes;
  const bool has_crc = bytes.size() > 4;
  if (plan.happens(FaultKind::wrong_crc) && has_crc) {
    // Not into one of the bytes that a checksum never has.
    char& low = bytes[bytes.size() - 2];
    const char other = flipped(low, 7);
    low = other == '\r' || other == '\n' || other == '(' ? flipped(low, 6) : other;
    result.spoilt = true;
  }
  if (plan.happens(FaultKind::truncate) && bytes.size() > 1) {
    bytes.resize(place(plan, FaultKind::truncate, 0, bytes.size() - 1));
    result.spoilt = true;
  }
  if (plan.happens(FaultKind::corrupt) && !bytes.empty()) {
    char& c = bytes[place(plan, FaultKind::corrupt, 0, bytes.size() - 1)];
    c = flipped(c, static_cast<unsigned>(plan.below(FaultKind::corrupt, 8)));
    result.spoilt = true;
  }
  if (plan.happens(FaultKind::leading_zeros)) bytes.insert(0, place(plan, FaultKind::leading_zeros, 1, 8), '\0');
  if (plan.happens(FaultKind::stale_first)) bytes.insert(0, reply_before);
  if (plan.happens(FaultKind::extra_lf)) bytes += '\n';
  return result;
}

}  // namespace mesura::axpert::twin
