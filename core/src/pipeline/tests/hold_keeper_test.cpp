// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What waits for the clock is still there after a kill.
#include "pipeline/time_rules.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <memory>

using namespace mesura;
using namespace mesura::pipeline;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Board {
  test::TempDir dir;
  SeriesTable series;
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  runtime::ManualClock clock{1'000'000 * kSecond};  // 1970: no battery
  bool synchronised = false;

  Board() {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = "ct1";
    info.quantity = "active_power";
    info.unit = "W";
    (void)series.add(info);
  }
  [[nodiscard]] std::unique_ptr<SyncHold> start(const std::string& boot) {
    HoldKeeper::Options options;
    options.path = dir / "clock.held";
    options.boot = boot;
    options.write_interval = 1ms;
    auto keeper = std::make_unique<HoldKeeper>(std::move(options), series, runtime::Logger{log, "core"});
    return std::make_unique<SyncHold>(
        clock, [this] { return synchronised; }, SyncHold::Limits{}, std::move(keeper));
  }
  [[nodiscard]] bool released_on_disk() const {
    try {
      SeriesTable other;
      const spool::Spool file{dir / "clock.held", other, runtime::Logger{log, "t"}, spool::Spool::Mode::reader};
      return !file.meta("wall_offset_ns").empty();
    } catch (const std::exception&) {
      return false;  // just being made
    }
  }
  [[nodiscard]] std::shared_ptr<Batch> reading(double value) const {
    auto b = std::make_shared<Batch>();
    b->device = "cupboard";
    b->time_ns = b->received_ns = clock.wall_ns();
    Measurement m{};
    m.time_ns = b->time_ns;
    m.number = value;
    b->items.push_back(m);
    return b;
  }
};

}  // namespace

TEST_CASE_METHOD(Board, "what was held is held again after a restart and moved when the clock is set") {
  std::vector<BatchPtr> out;
  auto hold = start("boot 1");
  hold->add(reading(1), out);
  clock.advance(5 * kSecond);
  hold->add(reading(2), out);
  REQUIRE(out.empty());
  hold.reset();  // written; a kill would have lost the last second

  clock.advance(20 * kSecond);
  hold = start("boot 1");
  CHECK(hold->held() == 2);
  hold->add(reading(3), out);
  hold->tick(out);
  CHECK(out.empty());

  // 40 s after the first reading the network time comes.
  clock.advance(15 * kSecond);
  const std::int64_t now = 1'781'438'400 * kSecond;
  clock.set_wall(now);
  synchronised = true;
  hold->tick(out);
  REQUIRE(out.size() == 3);
  CHECK(out[0]->time_ns == now - 40 * kSecond);
  CHECK(out[0]->items[0].time_ns == now - 40 * kSecond);
  CHECK(out[0]->items[0].number == 1);
  CHECK(out[0]->items[0].quality == MESURA_GOOD);
  CHECK(out[1]->time_ns == now - 35 * kSecond);
  CHECK(out[2]->time_ns == now - 15 * kSecond);
  hold.reset();
  CHECK(start("boot 1")->held() == 0);
}

TEST_CASE_METHOD(Board, "what was released and not yet confirmed comes again with the same times") {
  std::vector<BatchPtr> out;
  const std::int64_t now = 1'781'438'400 * kSecond;
  {
    auto hold = start("boot 1");
    hold->add(reading(1), out);
    clock.advance(10 * kSecond);
    clock.set_wall(now);
    synchronised = true;
    hold->tick(out);
    REQUIRE(out.size() == 1);
    // A kill: the file still has it. The destructor would empty it, so look at a copy.
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < deadline && !released_on_disk()) std::this_thread::sleep_for(1ms);
    for (const char* suffix : {"", "-wal"})
      std::filesystem::copy_file((dir / "clock.held").string() + suffix, (dir / "copy").string() + suffix);
  }
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::remove((dir / "clock.held").string() + suffix);
    std::filesystem::rename((dir / "copy").string() + suffix, (dir / "clock.held").string() + suffix);
  }
  clock.advance(3 * kSecond);
  clock.set_wall(clock.wall_ns() + 1234);  // slewed a little meanwhile
  auto hold = start("boot 1");
  REQUIRE(hold->held() == 1);
  hold->tick(out);
  REQUIRE(out.size() == 2);
  CHECK(out[1]->time_ns == out[0]->time_ns);
  CHECK(out[1]->items[0].time_ns == out[0]->items[0].time_ns);
}

TEST_CASE_METHOD(Board, "what was held before the machine's last start goes on as clock_unsynced") {
  std::vector<BatchPtr> out;
  auto hold = start("boot 1");
  const std::int64_t then = clock.wall_ns();
  hold->add(reading(1), out);
  hold.reset();
  hold = start("boot 2");
  clock.set_wall(1'781'438'400 * kSecond);
  synchronised = GENERATE(true, false);
  hold->tick(out);
  REQUIRE(out.size() == 1);
  CHECK(out[0]->time_ns == then);
  CHECK(out[0]->items[0].quality == MESURA_CLOCK_UNSYNCED);
}

TEST_CASE_METHOD(Board, "the offset of an earlier boot moves nothing") {
  std::vector<BatchPtr> out;
  auto hold = start("boot 1");
  hold->add(reading(1), out);
  clock.set_wall(1'781'438'400 * kSecond);
  synchronised = true;
  hold->tick(out);
  REQUIRE(out.size() == 1);
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (std::chrono::steady_clock::now() < deadline && !released_on_disk()) std::this_thread::sleep_for(1ms);
  hold.reset();

  // A day later the board boots, and its program is killed before the network time comes.
  synchronised = false;
  clock.set_wall(1'781'438'400 * kSecond);
  clock.advance(86'400 * kSecond);
  clock.set_wall(2'000'000 * kSecond);
  hold = start("boot 2");
  hold->add(reading(2), out);
  hold.reset();
  hold = start("boot 2");
  REQUIRE(hold->held() == 1);
  clock.advance(10 * kSecond);
  const std::int64_t now = 1'781'700'000 * kSecond;
  clock.set_wall(now);
  synchronised = true;
  hold->tick(out);
  REQUIRE(out.size() == 2);
  CHECK(out[1]->time_ns == now - 10 * kSecond);
}

TEST_CASE_METHOD(Board, "what an earlier boot held stays clock_unsynced after a second kill") {
  std::vector<BatchPtr> out;
  auto hold = start("boot 1");
  const std::int64_t then = clock.wall_ns();
  hold->add(reading(1), out);
  hold.reset();
  // Held by boot 2 as well, and killed before the first tick.
  clock.advance(100 * kSecond);
  {
    HoldKeeper::Options options;
    options.path = dir / "clock.held";
    options.boot = "boot 2";
    HoldKeeper keeper{std::move(options), series, runtime::Logger{log, "core"}};
    REQUIRE(keeper.left_behind().found.size() == 1);
    (void)keeper.keep(*reading(2), clock.wall_ns() - clock.steady_ns());
  }
  hold = start("boot 2");
  REQUIRE(hold->held() == 2);
  clock.set_wall(1'781'438'400 * kSecond);
  synchronised = true;
  hold->tick(out);
  REQUIRE(out.size() == 2);
  CHECK(out[0]->time_ns == then);
  CHECK(out[0]->items[0].quality == MESURA_CLOCK_UNSYNCED);
  CHECK(out[1]->time_ns == clock.wall_ns());
  CHECK(out[1]->items[0].quality == MESURA_GOOD);
}

TEST_CASE_METHOD(Board, "a synchronised clock makes no file") {
  std::vector<BatchPtr> out;
  synchronised = true;
  auto hold = start("boot 1");
  hold->add(reading(1), out);
  hold->release_all(out);
  hold.reset();
  CHECK(out.size() == 1);
  CHECK_FALSE(std::filesystem::exists(dir / "clock.held"));
}
