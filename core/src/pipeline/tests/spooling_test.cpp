// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A queue with a spool: what is not confirmed in time is on disk.
#include "pipeline/tests/far_sink.hpp"
#include "spool/spool.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <thread>

using namespace mesura;
using namespace mesura::pipeline;
using namespace mesura::pipeline::test;
using namespace std::chrono_literals;

namespace {

struct Spooling : Fixture {
  mesura::test::TempDir dir;

  [[nodiscard]] SinkQueue::Options spooled() const {
    auto o = options();
    o.spool = dir / "far.spool";
    o.commit_interval = 20ms;
    o.spool_retry = 5ms;
    return o;
  }
  /// What another process would find in the file.
  [[nodiscard]] std::vector<std::int64_t> on_disk() {
    SeriesTable other;
    spool::Spool spool{dir / "far.spool", other, runtime::Logger{said.log, "test"}, spool::Spool::Mode::reader};
    std::vector<std::int64_t> times;
    for (const auto& e : spool.read(0, 100'000, 10'000'000)) times.push_back(e.batch->time_ns);
    return times;
  }
  bool wait_spooled(const SinkQueue& q, std::uint64_t values) {
    return wait_until([&] { return q.status().counts.spooled >= values; });
  }
};

}  // namespace

TEST_CASE_METHOD(Spooling, "a sink that confirms in time is not spooled") {
  auto o = spooled();
  o.commit_interval = 10s;
  auto q = queue(o);
  q->start();
  for (std::int64_t t = 1; t <= 100; ++t) q->push(batch(t));
  REQUIRE(q->wait_idle(kPatience));
  CHECK(q->status().counts.spooled == 0);
  CHECK(q->stop(kPatience));
  CHECK(on_disk().empty());
  CHECK(far->stored().size() == 100);
}

TEST_CASE_METHOD(Spooling, "what a sink does not confirm in time is on disk, and is written in order when it can be") {
  const auto mood = GENERATE(Far::Mood::retry, Far::Mood::stuck);
  far->set(mood);
  auto q = queue(spooled());
  q->start();
  q->push(batch(1));
  REQUIRE(far->wait_attempts(1));
  for (std::int64_t t = 2; t <= 50; ++t) q->push(batch(t));
  REQUIRE(wait_spooled(*q, 100));
  CHECK(q->status().counts.waiting == 0);
  CHECK(on_disk().size() == 50);

  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));
  auto stored = far->stored();
  REQUIRE(stored.size() == 50);
  CHECK(std::is_sorted(stored.begin(), stored.end()));
  CHECK(on_disk().empty());
  const auto counts = q->status().counts;
  CHECK(counts.pushed == 100);
  CHECK(counts.committed == 100);
  CHECK(counts.dropped == 0);
  if (mood == Far::Mood::retry) CHECK(said.count("info spool-drained") == 1);
}

TEST_CASE_METHOD(Spooling, "a stop leaves in the spool what the sink did not take, the next start writes it first") {
  const auto mood = GENERATE(Far::Mood::retry, Far::Mood::stuck);
  far->set(mood);
  {
    auto q = queue(spooled());
    q->start();
    q->push(batch(1));
    REQUIRE(far->wait_attempts(1));
    q->push(batch(2));
    CHECK(q->stop(50ms));  // nothing is lost
    CHECK(q->status().counts.dropped == 0);
  }
  CHECK(on_disk() == std::vector<std::int64_t>{1, 2});
  // The one that hung must not write any more: the next process has another sink.
  const auto old = std::exchange(far, std::make_shared<Far>());
  auto q = queue(spooled());
  q->push(batch(3));
  q->start();
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1, 2, 3});
  CHECK(q->status().counts.found == 4);
  CHECK(q->stop(kPatience));
  old->set(Far::Mood::well);
}

TEST_CASE_METHOD(Spooling, "a full memory goes to disk instead of being dropped") {
  far->set(Far::Mood::stuck);
  auto o = spooled();
  o.commit_interval = 300ms;
  o.limit = 100;
  auto q = queue(o);
  q->start();
  q->push(batch(0));
  REQUIRE(far->wait_attempts(1));  // which it makes when the spool is open
  for (std::int64_t t = 1; t <= 1000; ++t) {
    REQUIRE(q->push(batch(t)) == SinkQueue::Push::queued);
    if (t % 20 == 0) REQUIRE(wait_until([&] { return q->waiting() < 100; }));
  }
  CHECK(q->status().counts.dropped == 0);
  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));
  auto stored = far->stored();
  CHECK(stored.size() == 1001);
  CHECK(std::is_sorted(stored.begin(), stored.end()));
}

TEST_CASE_METHOD(Spooling, "a full spool does what the policy says, and says so") {
  far->set(Far::Mood::retry);
  auto o = spooled();
  o.spool_limit = 20 * spool::Spool::cost(*batch(1));
  o.limit = 20;
  o.summary_interval = 10ms;
  SECTION("drop_oldest keeps the newest") {
    auto q = queue(o);
    q->start();
    for (std::int64_t t = 1; t <= 100; ++t) {
      q->push(batch(t));
      REQUIRE(wait_until([&] { return q->waiting() == 0; }));
    }
    CHECK(q->status().counts.dropped > 0);
    CHECK(q->status().spool_bytes <= o.spool_limit);
    far->set(Far::Mood::well);
    REQUIRE(q->wait_idle(kPatience));
    const auto stored = far->stored();
    REQUIRE_FALSE(stored.empty());
    CHECK(stored.back() == 100);
    CHECK(stored.front() > 1);
    const auto counts = q->status().counts;
    CHECK(counts.pushed == counts.committed + counts.dropped);
    CHECK(q->stop(kPatience));
    CHECK(said.count("error queue-full") >= 1);
  }
  SECTION("drop_newest keeps the oldest") {
    o.policy = FullPolicy::drop_newest;
    auto q = queue(o);
    q->start();
    for (std::int64_t t = 1; t <= 100; ++t) q->push(batch(t));
    REQUIRE(wait_until([&] { return q->status().counts.dropped > 0; }));
    far->set(Far::Mood::well);
    REQUIRE(q->wait_idle(kPatience));
    const auto stored = far->stored();
    REQUIRE_FALSE(stored.empty());
    CHECK(stored.front() == 1);
    const auto counts = q->status().counts;
    CHECK(counts.pushed == counts.committed + counts.dropped);
  }
  SECTION("block refuses until there is room") {
    o.policy = FullPolicy::block;
    std::atomic<int> space{0};
    auto q = queue(o, {[&] { ++space; }, {}});
    q->start();
    std::int64_t t = 1;
    // Both fill up: the disk, then the memory.
    while (wait_until([&] { return q->push(batch(t)) == SinkQueue::Push::queued; }, 300ms)) ++t;
    far->set(Far::Mood::well);
    REQUIRE(wait_until([&] { return space > 0; }));
    REQUIRE(q->wait_idle(kPatience));
    CHECK(far->stored().size() == static_cast<std::size_t>(t - 1));
    CHECK(q->status().counts.dropped == 0);
  }
}

TEST_CASE_METHOD(Spooling, "rejected records become dead letters and can be put back") {
  auto o = spooled();
  auto q = queue(o);
  far->reject_item(0, 1);
  q->push(batch(7));
  q->start();
  REQUIRE(q->wait_idle(kPatience));
  CHECK(q->status().dead == 1);
  CHECK(q->status().counts.rejected == 1);
  CHECK(q->requeue({}) == 1);
  REQUIRE(q->wait_idle(kPatience));
  CHECK(q->status().dead == 0);
  CHECK(far->stored() == std::vector<std::int64_t>{7, 7});
  CHECK(q->stop(kPatience));
}

TEST_CASE_METHOD(Spooling, "what a failed write has made durable is not written again") {
  far->set(Far::Mood::partial);  // the first half of each write, then retry
  auto o = spooled();
  o.commit_interval = GENERATE(10ms, 10000ms);  // by way of the spool, and without
  auto q = queue(o);
  for (std::int64_t t = 1; t <= 8; ++t) q->push(batch(t));
  q->start();
  REQUIRE(q->wait_idle(kPatience));
  auto stored = far->stored();
  CHECK(stored == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(q->status().counts.committed == 16);
}

TEST_CASE_METHOD(Spooling, "a spool that cannot be opened costs its own promise only") {
  std::filesystem::create_directory(dir / "far.spool");
  auto q = queue(spooled());
  q->start();
  q->push(batch(1));
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1});
  CHECK_FALSE(q->status().spool_error.empty());
  CHECK(said.count("error spool-failing") == 1);
}

TEST_CASE_METHOD(Spooling, "a full disk is told of, nothing in memory is lost, and the spool goes on afterwards") {
  far->set(Far::Mood::retry);
  auto o = spooled();
  auto q = queue(o);
  q->start();
  q->push(batch(1));
  REQUIRE(wait_spooled(*q, 2));
  {
    // No file grows any more.
    struct Full {
      rlimit before{};
      Full() {
        ::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before);
        rlimit none = before;
        none.rlim_cur = 1;
        ::setrlimit(RLIMIT_FSIZE, &none);
      }
      ~Full() { ::setrlimit(RLIMIT_FSIZE, &before); }
    } const full;
    for (std::int64_t t = 2; t <= 20; ++t) q->push(batch(t));
    REQUIRE(wait_until([&] { return !q->status().spool_error.empty(); }));
  }
  CHECK(q->status().counts.dropped == 0);
  far->set(Far::Mood::well);
  REQUIRE(wait_until([&] { return far->stored().size() >= 20; }));
  CHECK(q->stop(kPatience));
  CHECK(q->status().counts.dropped == 0);
}

TEST_CASE_METHOD(Spooling, "many producers, a sink that comes and goes: nothing lost, nothing twice, all in order") {
  auto o = spooled();
  o.commit_interval = 2ms;
  o.flush_batches = 50;
  o.limit = 1'000'000;
  auto q = queue(o);
  q->start();
  constexpr int kThreads = 3;
  constexpr std::int64_t kEach = 3000;
  std::atomic<bool> done{false};
  std::thread weather{[&] {
    // Between fair and foul, as fast as it can be seen.
    for (int i = 0; !done; ++i) {
      far->set(i % 2 == 0 ? Far::Mood::retry : Far::Mood::well);
      (void)far->wait_attempts(far->attempts() + 2, 20ms);
    }
    far->set(Far::Mood::well);
  }};
  std::vector<std::thread> producers;
  for (int p = 0; p < kThreads; ++p) {
    producers.emplace_back([&, p] {
      for (std::int64_t i = 0; i < kEach; ++i) {
        q->push(batch(p * kEach + i));
        if (i % 100 == 0) std::this_thread::yield();
      }
    });
  }
  for (auto& p : producers) p.join();
  done = true;
  weather.join();
  REQUIRE(q->wait_idle(kPatience));
  REQUIRE(q->stop(kPatience));
  auto stored = far->stored();
  // Each producer's own order is kept.
  std::vector<std::int64_t> last(kThreads, -1);
  bool ordered = true;
  for (const std::int64_t t : stored) {
    auto& before = last[static_cast<std::size_t>(t / kEach)];
    ordered = ordered && t > before;
    before = t;
  }
  CHECK(ordered);
  CHECK(stored.size() == kThreads * kEach);
  const auto counts = q->status().counts;
  CHECK(counts.pushed == counts.committed);
}
