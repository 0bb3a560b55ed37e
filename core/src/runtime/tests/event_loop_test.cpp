// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/event_loop.hpp"

#include "runtime/unique_fd.hpp"
#include "support/catch.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using mesura::runtime::EventLoop;
using mesura::runtime::ManualClock;
using mesura::runtime::SystemClock;
using mesura::runtime::UniqueFd;

namespace {

std::pair<UniqueFd, UniqueFd> socket_pair() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0);
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

void put(const UniqueFd& fd) { REQUIRE(::write(fd.get(), "x", 1) == 1); }

std::string take(const UniqueFd& fd) {
  std::array<char, 64> buffer{};
  const auto n = ::read(fd.get(), buffer.data(), buffer.size());
  return {buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

}  // namespace

TEST_CASE("timers fire in the order of their deadlines, equal ones in the order of arming") {
  ManualClock clock;
  EventLoop loop{clock};
  std::string order;
  loop.after(20ms, [&] { order += 'c'; });
  loop.after(10ms, [&] { order += 'a'; });
  loop.after(10ms, [&] { order += 'b'; });

  CHECK_FALSE(loop.run_once(0ns));
  clock.advance(9'999'999);
  CHECK_FALSE(loop.run_once(0ns));
  clock.advance(1);
  CHECK(loop.run_once(0ns));
  CHECK(order == "ab");
  clock.advance(10'000'000);
  CHECK(loop.run_once(0ns));
  CHECK(order == "abc");
}

TEST_CASE("a cancelled timer never fires, also when cancelled by another one due at the same time") {
  ManualClock clock;
  EventLoop loop{clock};
  int fired = 0;
  EventLoop::TimerId second = 0;
  loop.after(1ms, [&] { CHECK(loop.cancel(second)); });
  second = loop.after(1ms, [&] { ++fired; });
  const auto third = loop.after(1ms, [&] { ++fired; });
  CHECK(loop.cancel(third));
  CHECK_FALSE(loop.cancel(third));
  clock.advance(5'000'000);
  loop.run_once(0ns);
  CHECK(fired == 0);
  CHECK_FALSE(loop.cancel(0));
}

TEST_CASE("a timer that arms itself without delay does not starve descriptors") {
  ManualClock clock;
  EventLoop loop{clock};
  auto [ours, theirs] = socket_pair();
  int rounds = 0;
  bool read = false;
  std::function<void()> again = [&] {
    ++rounds;
    loop.after(0ns, again);
  };
  loop.after(0ns, again);
  loop.watch(ours.get(), EPOLLIN, [&](std::uint32_t) { read = !take(ours).empty(); });
  put(theirs);
  loop.run_once(0ns);
  CHECK(read);
  CHECK(rounds == 1);
}

TEST_CASE("the real clock's timers wake the loop, not before their time") {
  const SystemClock clock;
  EventLoop loop{clock};
  const auto start = clock.steady_ns();
  std::int64_t fired = 0;
  loop.after(2ms, [&] {
    fired = clock.steady_ns();
    loop.stop();
  });
  loop.run();
  CHECK(fired - start >= 2'000'000);
}

TEST_CASE("posts run on the loop's thread in the order of posting, and wake it") {
  const SystemClock clock;
  EventLoop loop{clock};
  std::vector<int> seen;
  std::thread::id where;
  std::thread poster{[&] {
    for (int i = 0; i < 1000; ++i) loop.post([&seen, i] { seen.push_back(i); });
    loop.post([&] {
      where = std::this_thread::get_id();
      loop.stop();
    });
  }};
  loop.run();
  poster.join();
  REQUIRE(seen.size() == 1000);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(where == std::this_thread::get_id());
}

TEST_CASE("a post from a post runs in the next round") {
  ManualClock clock;
  EventLoop loop{clock};
  std::string order;
  loop.post([&] {
    order += '1';
    loop.post([&] { order += '2'; });
  });
  CHECK(loop.run_once(0ns));
  CHECK(order == "1");
  CHECK(loop.run_once(0ns));
  CHECK(order == "12");
}

TEST_CASE("stop before run makes it return at once, and it can be run again") {
  const SystemClock clock;
  EventLoop loop{clock};
  loop.stop();
  loop.run();
  bool ran = false;
  loop.post([&] {
    ran = true;
    loop.stop();
  });
  loop.run();
  CHECK(ran);
}

TEST_CASE("an event of a closed descriptor is not taken for its successor") {
  ManualClock clock;
  EventLoop loop{clock};
  auto [a, a_peer] = socket_pair();
  auto [b, b_peer] = socket_pair();
  put(a_peer);
  put(b_peer);

  // Whichever is dispatched first replaces the other by a new descriptor of the same number, which has nothing to read.
  int old_calls = 0;
  int new_calls = 0;
  UniqueFd fresh;
  UniqueFd fresh_peer;
  EventLoop::WatchId watch_a = 0;
  EventLoop::WatchId watch_b = 0;
  const auto replace = [&](EventLoop::WatchId& id, UniqueFd& fd) {
    ++old_calls;
    loop.unwatch(id);
    const int number = fd.get();
    fd.reset();
    std::tie(fresh, fresh_peer) = socket_pair();
    REQUIRE(fresh.get() == number);
    loop.watch(fresh.get(), EPOLLIN, [&](std::uint32_t) { ++new_calls; });
  };
  watch_a = loop.watch(a.get(), EPOLLIN, [&](std::uint32_t) { replace(watch_b, b); });
  watch_b = loop.watch(b.get(), EPOLLIN, [&](std::uint32_t) { replace(watch_a, a); });

  CHECK(loop.run_once(0ns));
  CHECK(old_calls == 1);
  CHECK(new_calls == 0);
}

TEST_CASE("a callback may unwatch itself and still use what it captured") {
  ManualClock clock;
  EventLoop loop{clock};
  auto [ours, theirs] = socket_pair();
  put(theirs);
  std::string seen;
  EventLoop::WatchId id = 0;
  id = loop.watch(ours.get(), EPOLLIN, [&, owned = std::string(100, 'k')](std::uint32_t) {
    loop.unwatch(id);
    for (int i = 0; i < 100; ++i) loop.unwatch(loop.watch(ours.get(), EPOLLIN, [](std::uint32_t) {}));
    seen = owned;
  });
  CHECK(loop.run_once(0ns));
  CHECK(seen == std::string(100, 'k'));
  CHECK_FALSE(loop.run_once(0ns));
  loop.unwatch(id);  // unknown by now: ignored
}

TEST_CASE("modify changes the awaited events, and a hang-up is always reported") {
  ManualClock clock;
  EventLoop loop{clock};
  auto [ours, theirs] = socket_pair();
  std::vector<std::uint32_t> events;
  const auto id = loop.watch(ours.get(), 0, [&](std::uint32_t e) { events.push_back(e); });
  put(theirs);
  CHECK_FALSE(loop.run_once(0ns));
  loop.modify(id, EPOLLIN);
  CHECK(loop.run_once(0ns));
  loop.modify(id, 0);
  theirs.reset();
  CHECK(loop.run_once(0ns));
  REQUIRE(events.size() == 2);
  CHECK(events[0] == EPOLLIN);
  CHECK((events[1] & EPOLLHUP) != 0);
}

TEST_CASE("watching what cannot be watched throws and leaves the loop whole") {
  ManualClock clock;
  EventLoop loop{clock};
  CHECK_THROWS_AS(loop.watch(-1, EPOLLIN, [](std::uint32_t) {}), std::system_error);
  auto [ours, theirs] = socket_pair();
  bool called = false;
  loop.watch(ours.get(), EPOLLIN, [&](std::uint32_t) { called = true; });
  put(theirs);
  loop.run_once(0ns);
  CHECK(called);
}
