// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "poller.hpp"

#include "unit.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace mesura::ct6 {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000, kSecond = 1'000'000'000;
constexpr std::size_t kMaxSlots = 128;
constexpr std::int64_t kFinestTick = 7 * kMillisecond;
constexpr std::uint64_t kSilentMisses = 5;  // one or two are radio
constexpr std::int64_t kSilentAfter = 5 * kSecond;
constexpr std::uint64_t kSlowMisses = 60;
constexpr std::int64_t kSlowAfter = 60 * kSecond, kSlowPeriod = 60 * kSecond;
constexpr unsigned kSlowTurns = 10;
constexpr std::int64_t kLookAfter = 60 * kSecond;
// The unit takes a sample each 200 ms and answers within 150 ms: asked sooner after an answer to anybody (a discovery,
// another collector) it has nothing to say.
constexpr std::int64_t kNothingNew = 350 * kMillisecond;

}  // namespace

Poller::Poller(std::chrono::nanoseconds interval, PollerSink& sink) : sink_(sink), interval_ns_(interval.count()) {
  slots_ = std::clamp<std::size_t>(std::bit_floor(static_cast<std::size_t>(interval_ns_ / kFinestTick)), 1, kMaxSlots);
  slow_turns_ = static_cast<unsigned>(std::clamp<std::int64_t>(kSlowPeriod / interval_ns_, 1, kSlowTurns));
  wheel_.resize(slots_);
}

std::size_t Poller::slot_of(std::size_t number) const {
  std::size_t slot = 0;
  for (std::size_t bit = 1; bit < slots_; bit <<= 1U) {
    slot = slot << 1U | ((number & bit) != 0 ? 1U : 0U);
  }
  return slot;
}

std::int64_t Poller::time_of(std::int64_t tick) const {
  return start_ns_ + tick * interval_ns_ / static_cast<std::int64_t>(slots_);
}

Target* Poller::add(std::string_view address, std::string_view called, bool fixed, std::string to, std::string check) {
  if (size() >= kMaxTargets) return nullptr;
  auto target = std::make_unique<Target>();
  target->address = address;
  target->called = called;
  target->fixed = fixed;
  target->to = std::move(to);
  target->check = std::move(check);
  if (free_numbers_.empty()) {
    target->number = next_number_++;
  } else {
    target->number = free_numbers_.back();
    free_numbers_.pop_back();
  }
  Target* const added = target.get();
  by_address_.emplace(address, added);
  if (!added->to.empty()) by_request_.emplace(added->to, added);
  if (!added->check.empty()) by_request_.emplace(added->check, added);
  wheel_[slot_of(added->number)].push_back(std::move(target));
  return added;
}

Target* Poller::find(std::string_view address) {
  const auto found = by_address_.find(address);
  return found != by_address_.end() ? found->second : nullptr;
}

Target* Poller::find_request(std::string_view request) {
  const auto found = by_request_.find(request);
  return found != by_request_.end() ? found->second : nullptr;
}

void Poller::remove(const Target& target) {
  const auto forget = [](TextMap<Target*>& map, const std::string& key) {
    if (const auto found = map.find(key); found != map.end()) map.erase(found);
  };
  if (target.unit != nullptr && target.unit->at == &target) target.unit->at = nullptr;
  forget(by_address_, target.address);
  forget(by_request_, target.to);
  forget(by_request_, target.check);
  free_numbers_.push_back(target.number);
  auto& slot = wheel_[slot_of(target.number)];
  slot.erase(std::find_if(slot.begin(), slot.end(), [&](const auto& t) { return t.get() == &target; }));
}

void Poller::start(std::int64_t now_ns) {
  start_ns_ = now_ns;
  tick_ = 0;
  for (auto& slot : wheel_)
    for (auto& target : slot) {
      if (target->waiting) failed(*target, now_ns);  // whatever was asked went with the link
      target->skip = 0;
    }
}

std::chrono::nanoseconds Poller::next(std::int64_t now_ns) const {
  if (size() == 0) return std::chrono::nanoseconds{-1};
  std::int64_t tick = tick_;
  while (wheel_[static_cast<std::size_t>(tick) % slots_].empty()) ++tick;
  return std::chrono::nanoseconds{std::max<std::int64_t>(time_of(tick) - now_ns, 0)};
}

std::chrono::nanoseconds Poller::turn(std::int64_t now_ns) {
  const auto slots = static_cast<std::int64_t>(slots_);
  // A clock that was set back, or forth: begin anew instead of waiting for hours or catching up.
  if (now_ns < time_of(tick_ - slots) || now_ns > time_of(tick_ + 2 * slots)) {
    start_ns_ = now_ns;
    tick_ = 0;
  }
  for (; time_of(tick_) <= now_ns; ++tick_) {
    const auto& slot = wheel_[static_cast<std::size_t>(tick_ % slots)];
    for (const auto& target : slot) ask(*target, now_ns);
  }
  if (tick_ >= slots) {
    const std::int64_t turns = tick_ / slots;
    start_ns_ += turns * interval_ns_;
    tick_ -= turns * slots;
  }
  for (const std::string& address : std::exchange(gone_, {}))
    if (const Target* target = find(address)) remove(*target);
  return next(now_ns);
}

void Poller::ask(Target& target, std::int64_t now_ns) {
  if (target.skip > 0) {
    --target.skip;
    return;
  }
  // The answer to somebody else's question, shortly before ours, was as good as one to ours.
  if (target.waiting && target.answered_ns < target.asked_ns - kNothingNew) {
    sink_.missed(target);
    count_miss(target, now_ns);
  }
  if (target.silent && now_ns - target.checked_ns >= kLookAfter) {
    target.checked_ns = now_ns;
    sink_.look_after(target, now_ns);
  }
  if (!sink_.ask(target)) return;
  target.waiting = true;
  target.asked_ns = now_ns;
}

void Poller::count_miss(Target& target, std::int64_t now_ns) {
  if (target.missed++ == 0) target.silent_since_ns = target.asked_ns;
  const std::int64_t quiet_ns = now_ns - target.silent_since_ns;
  if (target.missed >= kSilentMisses && target.moved && !target.fixed) gone_.push_back(target.address);
  if (!target.silent && target.missed >= kSilentMisses && quiet_ns >= kSilentAfter) {
    target.silent = true;
    target.checked_ns = now_ns - kLookAfter;
    sink_.fell_silent(target, now_ns);
  }
  if (target.missed >= kSlowMisses && quiet_ns >= kSlowAfter) target.skip = slow_turns_ - 1;
}

bool Poller::answered(Target& target, std::int64_t now_ns) {
  target.waiting = false;
  target.answered_ns = now_ns;
  target.missed = 0;
  target.skip = 0;
  target.checked_ns = 0;
  target.blocked_told = target.inactive_told = false;
  return std::exchange(target.silent, false);
}

void Poller::failed(Target& target, std::int64_t now_ns) {
  target.waiting = false;
  sink_.missed(target);
  count_miss(target, now_ns);
}

}  // namespace mesura::ct6
