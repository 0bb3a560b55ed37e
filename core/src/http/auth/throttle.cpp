// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/auth/throttle.hpp"

#include <algorithm>

namespace mesura::http {
namespace {

constexpr std::size_t kMaxEntries = 4096;  // addresses that guess at the same time
constexpr std::int64_t kForgetNs = 3'600'000'000'000;

}  // namespace

Throttle::Throttle(int free_failures, std::chrono::nanoseconds first_delay, std::chrono::nanoseconds longest_delay)
    : free_failures_(free_failures), first_delay_(first_delay), longest_delay_(longest_delay) {}

std::chrono::nanoseconds Throttle::wait(const std::string& key, std::int64_t now_ns) const {
  const auto found = entries_.find(key);
  return std::chrono::nanoseconds{found == entries_.end() ? 0
                                                          : std::max<std::int64_t>(found->second.until_ns - now_ns, 0)};
}

void Throttle::failed(const std::string& key, std::int64_t now_ns) {
  if (entries_.size() >= kMaxEntries && !entries_.contains(key)) make_room(now_ns);
  auto& entry = entries_[key];
  if (now_ns - entry.last_ns > kForgetNs) entry = {};
  entry.last_ns = now_ns;
  const int over = ++entry.failures - free_failures_;
  if (over <= 0) return;
  auto delay = first_delay_;
  for (int i = 1; i < over && delay < longest_delay_; ++i) delay *= 2;
  entry.until_ns = now_ns + std::min(delay, longest_delay_).count();
}

void Throttle::make_room(std::int64_t now_ns) {
  std::erase_if(entries_, [&](const auto& entry) { return now_ns - entry.second.last_ns > kForgetNs; });
  if (entries_.size() < kMaxEntries) return;
  // Those who have failed least lose least by being forgotten.
  entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
    return std::pair{a.second.failures, a.second.last_ns} < std::pair{b.second.failures, b.second.last_ns};
  }));
}

}  // namespace mesura::http
