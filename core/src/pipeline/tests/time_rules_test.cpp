// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/time_rules.hpp"

#include <support/catch.hpp>

#include <cstdint>
#include <memory>
#include <vector>

using namespace std::chrono_literals;
using namespace mesura;
using pipeline::ClockGuard;
using pipeline::SyncHold;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBase = 1'700'000'000 * kSecond;

/// A telegram stamped `stamp` seconds after kBase, received 200 ms after second `received`.
Batch telegram(std::int64_t stamp, std::int64_t received, double value) {
  Batch b;
  b.device = "grid";
  b.time_ns = kBase + stamp * kSecond;
  b.received_ns = kBase + received * kSecond + 200'000'000;
  Measurement own{};
  own.time_ns = b.time_ns;
  own.number = value;
  Measurement gas{};  // an M-Bus reading with a stamp of its own
  gas.series = 1;
  gas.time_ns = kBase - 300 * kSecond;
  gas.number = 3456.789;
  b.items = {own, gas};
  return b;
}

std::shared_ptr<Batch> at_receive_time(std::int64_t time_ns) {
  auto b = std::make_shared<Batch>();
  b->device = "ct6";
  b->time_ns = b->received_ns = time_ns;
  Measurement m{};
  m.time_ns = time_ns;
  b->items = {m};
  return b;
}

}  // namespace

TEST_CASE("stamps that grow are kept") {
  ClockGuard guard;
  for (int i = 0; i < 3; ++i) {
    auto b = telegram(i, i, 100);
    guard.apply(b);
    CHECK(b.time_ns == kBase + i * kSecond);
    CHECK(b.items[0].quality == MESURA_GOOD);
  }
}

TEST_CASE("the same telegram again keeps its stamp, so that it is the same row") {
  ClockGuard guard;
  auto first = telegram(5, 5, 100);
  auto again = telegram(5, 6, 100);
  guard.apply(first);
  guard.apply(again);
  CHECK(again.time_ns == kBase + 5 * kSecond);
  CHECK(again.items[0].quality == MESURA_GOOD);
}

TEST_CASE("another telegram with an old stamp is stored when it came, marked, and its readings keep their stamps") {
  ClockGuard guard;
  auto first = telegram(5, 5, 100);
  guard.apply(first);
  const std::int64_t stamp = GENERATE(5, 4, -3600);
  auto second = telegram(stamp, 6, 101);
  guard.apply(second);
  CHECK(second.time_ns == second.received_ns);
  CHECK(second.items[0].time_ns == kBase + 6 * kSecond + 200'000'000);
  CHECK(second.items[0].quality == MESURA_CLOCK_SUSPECT);
  CHECK(second.items[1].time_ns == kBase - 300 * kSecond);
  CHECK(second.items[1].quality == MESURA_GOOD);
}

TEST_CASE("a clock that was set back overwrites nothing until it has caught up") {
  ClockGuard guard;
  auto before = telegram(3600, 3600, 1);
  guard.apply(before);
  for (int i = 0; i < 10; ++i) {
    auto b = telegram(100 + i, 3601 + i, 2 + i);
    guard.apply(b);
    CHECK(b.time_ns == b.received_ns);
  }
  auto caught_up = telegram(3601, 7000, 50);
  guard.apply(caught_up);
  CHECK(caught_up.time_ns == kBase + 3601 * kSecond);
}

TEST_CASE("one stamp from the future does not make those after it suspect") {
  ClockGuard guard;
  auto glitch = telegram(3600, 1, 1);
  guard.apply(glitch);
  for (int i = 2; i < 5; ++i) {
    auto b = telegram(i, i, i);
    guard.apply(b);
    CHECK(b.time_ns == kBase + i * kSecond);
  }
}

TEST_CASE("devices do not share a clock") {
  ClockGuard guard;
  auto one = telegram(100, 100, 1);
  guard.apply(one);
  auto other = telegram(5, 5, 1);
  other.device = "solar";
  guard.apply(other);
  CHECK(other.time_ns == kBase + 5 * kSecond);
}

TEST_CASE("with a synchronised clock nothing is held") {
  runtime::ManualClock clock{kBase};
  SyncHold hold{clock, [] { return true; }, {}};
  std::vector<BatchPtr> out;
  hold.add(at_receive_time(kBase), out);
  REQUIRE(out.size() == 1);
  CHECK(out[0]->items[0].quality == MESURA_GOOD);
  CHECK(hold.held() == 0);
}

TEST_CASE("what came before the clock was set moves by the step that the clock made") {
  runtime::ManualClock clock{kBase};
  bool synchronised = false;
  SyncHold hold{clock, [&] { return synchronised; }, {}};
  std::vector<BatchPtr> out;
  hold.add(at_receive_time(clock.wall_ns()), out);
  clock.advance(2 * kSecond);
  hold.add(at_receive_time(clock.wall_ns()), out);
  clock.advance(kSecond);
  CHECK(out.empty());
  CHECK(hold.held() == 2);

  clock.set_wall(clock.wall_ns() + 86'400 * kSecond);  // the network time arrives: a day later than we thought
  synchronised = true;
  hold.tick(out);
  REQUIRE(out.size() == 2);
  CHECK(out[0]->items[0].time_ns == kBase + 86'400 * kSecond);
  CHECK(out[1]->items[0].time_ns == kBase + 86'402 * kSecond);
  CHECK(out[0]->received_ns == kBase + 86'400 * kSecond);
  CHECK(out[0]->items[0].quality == MESURA_GOOD);
}

TEST_CASE("what can't wait any longer goes on as clock_unsynced") {
  runtime::ManualClock clock{kBase};
  SECTION("by time") {
    SyncHold hold{clock, [] { return false; }, {10s, 1000}};
    std::vector<BatchPtr> out;
    hold.add(at_receive_time(clock.wall_ns()), out);
    clock.advance(9 * kSecond);
    hold.tick(out);
    CHECK(out.empty());
    clock.advance(kSecond);
    hold.tick(out);
    REQUIRE(out.size() == 1);
    CHECK(out[0]->items[0].time_ns == kBase);
    CHECK(out[0]->items[0].quality == MESURA_CLOCK_UNSYNCED);
  }
  SECTION("by number, the oldest first") {
    SyncHold hold{clock, [] { return false; }, {10min, 2}};
    std::vector<BatchPtr> out;
    for (int i = 0; i < 3; ++i) hold.add(at_receive_time(kBase + i), out);
    REQUIRE(out.size() == 1);
    CHECK(out[0]->items[0].time_ns == kBase);
    CHECK(hold.held() == 2);
  }
  SECTION("at the end") {
    SyncHold hold{clock, [] { return false; }, {}};
    std::vector<BatchPtr> out;
    hold.add(at_receive_time(kBase), out);
    hold.release_all(out);
    REQUIRE(out.size() == 1);
    CHECK(out[0]->items[0].quality == MESURA_CLOCK_UNSYNCED);
  }
}
