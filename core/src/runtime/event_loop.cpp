// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_loop.hpp"

#include "runtime/unique_fd.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::runtime {
namespace {

constexpr std::uint64_t kWakeId = 0;
constexpr int kEventsPerWait = 256;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int check(int result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

}  // namespace

struct EventLoop::Impl {
  /// A watched descriptor. The id carries the slot (low half) and the slot's generation (high half).
  struct Watch {
    int fd;
    WatchId id;
    std::function<void(std::uint32_t)> callback;
  };

  UniqueFd epoll{check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")};
  UniqueFd wake_fd{check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")};

  std::vector<std::unique_ptr<Watch>> slots;
  std::vector<std::uint32_t> free_slots;
  std::uint32_t generation = 0;
  // What was unwatched while events are dispatched: a callback may be running that destroys itself.
  std::vector<std::unique_ptr<Watch>> retired;
  int depth = 0;

  std::map<std::pair<std::int64_t, TimerId>, std::function<void()>> timers;
  std::unordered_map<TimerId, std::int64_t> deadlines;
  TimerId next_timer = 1;

  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  std::atomic<bool> stopped{false};
  bool has_pwait2 = true;

  Impl() {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = kWakeId;
    check(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_fd.get(), &event), "epoll_ctl");
  }

  Watch* find(WatchId id) {
    const auto slot = static_cast<std::uint32_t>(id);
    if (slot >= slots.size() || !slots[slot] || slots[slot]->id != id) return nullptr;
    return slots[slot].get();
  }

  void wake() const {
    const std::uint64_t one = 1;
    // It fails only when the counter is full: then the loop wakes anyway.
    [[maybe_unused]] const auto n = ::write(wake_fd.get(), &one, sizeof one);
  }

  int wait(std::array<epoll_event, kEventsPerWait>& events, std::int64_t wait_ns) {
    if (has_pwait2) {
      const timespec timeout{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
      const int n = ::epoll_pwait2(epoll.get(), events.data(), kEventsPerWait, &timeout, nullptr);
      if (n >= 0 || errno != ENOSYS) return n;
      has_pwait2 = false;  // kernels before 5.11, and sandboxes that know no better
    }
    const auto ms = std::min<std::int64_t>((wait_ns + 999'999) / 1'000'000, std::numeric_limits<int>::max());
    return ::epoll_wait(epoll.get(), events.data(), kEventsPerWait, static_cast<int>(ms));
  }

  bool dispatch(const std::array<epoll_event, kEventsPerWait>& events, int count) {
    bool any = false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      if (events[i].data.u64 == kWakeId) {
        std::uint64_t counter = 0;
        [[maybe_unused]] const auto n = ::read(wake_fd.get(), &counter, sizeof counter);
        continue;
      }
      Watch* const watch = find(events[i].data.u64);
      if (watch == nullptr) continue;  // unwatched by an earlier callback of this round
      any = true;
      watch->callback(events[i].events);
    }
    return any;
  }

  bool run_posted() {
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock{mutex};
      batch.swap(posted);
    }
    for (auto& callback : batch) callback();
    return !batch.empty();
  }

  bool fire_timers(std::int64_t now_ns) {
    // Only what is due now: a callback that arms itself with no delay must not starve the descriptors.
    std::vector<TimerId> due;
    for (const auto& [key, callback] : timers) {
      if (key.first > now_ns) break;
      due.push_back(key.second);
    }
    for (const TimerId id : due)
      if (auto callback = take_timer(id)) (*callback)();
    return !due.empty();
  }

  std::optional<std::function<void()>> take_timer(TimerId id) {
    const auto found = deadlines.find(id);
    if (found == deadlines.end()) return std::nullopt;
    auto node = timers.extract({found->second, id});
    deadlines.erase(found);
    return std::move(node.mapped());
  }
};

EventLoop::EventLoop(const Clock& clock) : clock_(clock), impl_(std::make_unique<Impl>()) {}
EventLoop::~EventLoop() {
  // What callbacks own may call the loop as it goes: it is emptied while it still works.
  impl_->depth = 1;
  while (!impl_->posted.empty() || !impl_->timers.empty()) {
    const auto posted = std::exchange(impl_->posted, {});
    const auto timers = std::exchange(impl_->timers, {});
    impl_->deadlines.clear();
  }
  for (std::size_t i = 0; i < impl_->slots.size(); ++i) const auto watch = std::move(impl_->slots[i]);
}

EventLoop::WatchId EventLoop::watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback) {
  auto& impl = *impl_;
  if (impl.free_slots.empty()) {
    impl.free_slots.push_back(static_cast<std::uint32_t>(impl.slots.size()));
    impl.slots.emplace_back();
  }
  const std::uint32_t slot = impl.free_slots.back();
  if (++impl.generation == 0) ++impl.generation;
  const WatchId id = (static_cast<WatchId>(impl.generation) << 32) | slot;

  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  check(::epoll_ctl(impl.epoll.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl(ADD)");
  impl.free_slots.pop_back();
  impl.slots[slot] = std::make_unique<Impl::Watch>(Impl::Watch{fd, id, std::move(callback)});
  return id;
}

void EventLoop::modify(WatchId id, std::uint32_t events) {
  const auto* watch = impl_->find(id);
  if (watch == nullptr) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  check(::epoll_ctl(impl_->epoll.get(), EPOLL_CTL_MOD, watch->fd, &event), "epoll_ctl(MOD)");
}

void EventLoop::unwatch(WatchId id) {
  auto& impl = *impl_;
  auto* const watch = impl.find(id);
  if (watch == nullptr) return;
  ::epoll_ctl(impl.epoll.get(), EPOLL_CTL_DEL, watch->fd, nullptr);
  const auto slot = static_cast<std::uint32_t>(id);
  if (impl.depth > 0) impl.retired.push_back(std::move(impl.slots[slot]));
  impl.slots[slot].reset();
  impl.free_slots.push_back(slot);
}

EventLoop::TimerId EventLoop::after(Nanoseconds delay, std::function<void()> callback) {
  const TimerId id = impl_->next_timer++;
  const std::int64_t now = clock_.steady_ns();
  const std::int64_t wait = std::clamp<std::int64_t>(delay.count(), 0, std::numeric_limits<std::int64_t>::max() - now);
  impl_->timers.emplace(std::pair{now + wait, id}, std::move(callback));
  impl_->deadlines.emplace(id, now + wait);
  return id;
}

bool EventLoop::cancel(TimerId id) { return impl_->take_timer(id).has_value(); }

void EventLoop::post(std::function<void()> callback) {
  bool first = false;
  {
    const std::lock_guard lock{impl_->mutex};
    first = impl_->posted.empty();
    impl_->posted.push_back(std::move(callback));
  }
  if (first) impl_->wake();
}

void EventLoop::stop() {
  impl_->stopped.store(true, std::memory_order_release);
  impl_->wake();
}

void EventLoop::run() {
  constexpr Nanoseconds forever = std::chrono::hours{24};
  while (!impl_->stopped.exchange(false, std::memory_order_acq_rel)) run_once(forever);
}

bool EventLoop::run_once(Nanoseconds max_wait) {
  auto& impl = *impl_;
  std::int64_t wait = std::max<std::int64_t>(max_wait.count(), 0);
  // A clock turned by hand does not move while we wait for it.
  const bool manual = dynamic_cast<const ManualClock*>(&clock_) != nullptr;
  if (!impl.timers.empty()) {
    const std::int64_t until = std::max<std::int64_t>(impl.timers.begin()->first.first - clock_.steady_ns(), 0);
    if (!manual || until == 0) wait = std::min(wait, until);
  }

  std::array<epoll_event, kEventsPerWait> events;  // NOLINT: filled by the kernel
  const int count = impl.wait(events, wait);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");

  struct Round {
    Impl& impl;
    explicit Round(Impl& i) : impl(i) { ++impl.depth; }
    ~Round() {
      if (--impl.depth == 0) impl.retired.clear();
    }
  } const round{impl};
  bool any = impl.dispatch(events, std::max(count, 0));
  any = impl.run_posted() || any;
  any = impl.fire_timers(clock_.steady_ns()) || any;
  return any;
}

}  // namespace mesura::runtime
