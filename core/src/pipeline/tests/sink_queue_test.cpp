// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/tests/far_sink.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace mesura;
using namespace mesura::pipeline;
using namespace mesura::pipeline::test;
using namespace std::chrono_literals;

TEST_CASE_METHOD(Fixture, "the first batch after idle is written at once, the next ones together") {
  auto o = options();
  o.commit_interval = 1h;
  auto q = queue(o);
  q->start();
  CHECK(q->push(batch(1)) == SinkQueue::Push::queued);
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1});

  // Within the interval nothing is written until enough has gathered, or until the end.
  q->push(batch(2));
  q->push(batch(3));
  REQUIRE(q->stop(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1, 2, 3});
  CHECK(far->sizes() == std::vector<std::size_t>{1, 2});
  CHECK(far->is_closed());
}

TEST_CASE_METHOD(Fixture, "enough batches are written before the interval is over") {
  auto o = options();
  o.commit_interval = 1h;
  o.flush_batches = 3;
  auto q = queue(o);
  q->start();
  q->push(batch(1));
  REQUIRE(q->wait_idle(kPatience));
  for (std::int64_t t = 2; t <= 4; ++t) q->push(batch(t));
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1, 2, 3, 4});
}

TEST_CASE_METHOD(Fixture, "what a sink does not take comes again, in order and once") {
  const auto mood = GENERATE(Far::Mood::retry, Far::Mood::throwing);
  far->set(mood);
  auto q = queue();
  q->start();
  q->push(batch(1));
  REQUIRE(far->wait_attempts(3));
  auto status = q->status();
  CHECK(status.state == SinkQueue::State::failing);
  CHECK(status.last_error ==
        (mood == Far::Mood::retry ? "far-busy: the far end is busy" : "far-broken: the far end threw"));
  CHECK(status.counts.retries >= 2);
  q->push(batch(2));
  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1, 2});
  status = q->status();
  CHECK(status.state == SinkQueue::State::ready);
  CHECK(status.counts.committed == 4);
  CHECK(said.count("warn sink-failing") == 1);
  CHECK(said.count("info sink-recovered") == 1);
}

TEST_CASE_METHOD(Fixture, "a far end that cannot be opened is opened again") {
  far->refuse_open(3);
  auto q = queue();
  q->start();
  q->push(batch(1));
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->opens() == 4);
  CHECK(far->stored() == std::vector<std::int64_t>{1});
  CHECK(q->status().counts.retries == 3);
  CHECK(said.count("info sink-recovered") == 1);
}

TEST_CASE_METHOD(Fixture, "a full queue does what its policy says") {
  far->set(Far::Mood::stuck);
  auto o = options();
  o.limit = 6;
  std::atomic<int> space{0};
  const SinkQueue::Callbacks callbacks{[&] { ++space; }, {}};

  SECTION("drop_oldest keeps what is being written and the newest") {
    o.policy = FullPolicy::drop_oldest;
    auto q = queue(o, callbacks);
    q->start();
    q->push(batch(1));
    REQUIRE(far->wait_attempts(1));
    for (std::int64_t t = 2; t <= 5; ++t) CHECK(q->push(batch(t)) == SinkQueue::Push::queued);
    CHECK(q->status().counts.dropped == 4);
    CHECK(q->status().counts.waiting == 6);
    far->set(Far::Mood::well);
    REQUIRE(q->stop(kPatience));
    CHECK(far->stored() == std::vector<std::int64_t>{1, 4, 5});
    const auto counts = q->status().counts;
    CHECK(counts.pushed == 10);
    CHECK(counts.committed == 6);
    CHECK(counts.dropped == 4);
    CHECK(said.count("error queue-full") >= 1);
  }
  SECTION("drop_newest keeps what waits") {
    o.policy = FullPolicy::drop_newest;
    auto q = queue(o, callbacks);
    q->start();
    q->push(batch(1));
    REQUIRE(far->wait_attempts(1));
    CHECK(q->push(batch(2)) == SinkQueue::Push::queued);
    CHECK(q->push(batch(3)) == SinkQueue::Push::queued);
    CHECK(q->push(batch(4)) == SinkQueue::Push::dropped);
    far->set(Far::Mood::well);
    REQUIRE(q->stop(kPatience));
    CHECK(far->stored() == std::vector<std::int64_t>{1, 2, 3});
    CHECK(q->status().counts.dropped == 2);
    CHECK(said.count("error queue-full") >= 1);
  }
  SECTION("block refuses and tells when there is room") {
    o.policy = FullPolicy::block;
    auto q = queue(o, callbacks);
    q->start();
    q->push(batch(1));
    REQUIRE(far->wait_attempts(1));
    q->push(batch(2));
    q->push(batch(3));
    CHECK(q->push(batch(4)) == SinkQueue::Push::full);
    CHECK(space == 0);
    far->set(Far::Mood::well);
    REQUIRE(q->wait_idle(kPatience));
    CHECK(q->push(batch(4)) == SinkQueue::Push::queued);
    REQUIRE(q->stop(kPatience));
    CHECK(space == 1);
    CHECK(far->stored() == std::vector<std::int64_t>{1, 2, 3, 4});
    CHECK(q->status().counts.dropped == 0);
    CHECK(said.count("error queue-full") == 0);
  }
}

TEST_CASE_METHOD(Fixture, "a batch larger than the limit passes an empty queue") {
  auto o = options();
  o.limit = 3;
  o.policy = FullPolicy::block;
  auto q = queue(o);
  CHECK(q->push(batch(1, 10)) == SinkQueue::Push::queued);
  CHECK(q->push(batch(2, 1)) == SinkQueue::Push::full);
  q->start();
  REQUIRE(q->stop(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1});
}

TEST_CASE_METHOD(Fixture, "rejected records are handed on with their reason and counted") {
  std::vector<std::string> letters;
  const SinkQueue::Callbacks callbacks{
      {}, [&](const BatchPtr& b, std::size_t item, const std::string& reason) {
        letters.push_back(std::to_string(b->time_ns) + "/" + std::to_string(item) + " " + reason);
      }};
  far->reject_item(1, 0);
  auto q = queue(options(), callbacks);
  q->push(batch(7));
  q->push(batch(8));
  q->start();
  REQUIRE(q->stop(kPatience));
  CHECK(letters == std::vector<std::string>{"8/0 no column"});
  CHECK(q->status().counts.committed == 3);
  CHECK(q->status().counts.rejected == 1);
  CHECK(said.count("error sink-rejected") == 1);
}

TEST_CASE_METHOD(Fixture, "stop says when measurements were lost") {
  far->set(Far::Mood::retry);
  auto q = queue();
  q->start();
  q->push(batch(1));
  REQUIRE(far->wait_attempts(1));
  CHECK_FALSE(q->stop(20ms));
  CHECK(q->status().state == SinkQueue::State::stopped);
  CHECK(q->status().counts.dropped == 2);
  CHECK(said.count("error sink-lost") == 1);
  CHECK(q->push(batch(2)) == SinkQueue::Push::dropped);
}

TEST_CASE_METHOD(Fixture, "a sink that hangs does not hold up the end") {
  far->set(Far::Mood::stuck);
  auto q = queue();
  q->start();
  q->push(batch(1));
  REQUIRE(far->wait_attempts(1));
  CHECK_FALSE(q->stop(1ms));
  CHECK(said.count("error sink-hangs") == 1);
  q.reset();
  // The thread that was left behind ends when its sink does; it must not find anything gone.
  far->set(Far::Mood::well);
  CHECK(far->wait_closed());
}

TEST_CASE_METHOD(Fixture, "many producers, nothing lost, nothing twice") {
  auto o = options();
  o.commit_interval = 0ns;
  o.limit = 1'000'000;
  auto q = queue(o);
  q->start();
  constexpr int kThreads = 4;
  constexpr std::int64_t kEach = 2000;
  std::vector<std::thread> producers;
  for (int p = 0; p < kThreads; ++p) {
    producers.emplace_back([&, p] {
      for (std::int64_t i = 0; i < kEach; ++i) q->push(batch(p * kEach + i));
    });
  }
  for (auto& p : producers) p.join();
  REQUIRE(q->stop(kPatience));
  auto stored = far->stored();
  std::sort(stored.begin(), stored.end());
  std::vector<std::int64_t> expected(kThreads * kEach);
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<std::int64_t>(i);
  CHECK((stored == expected));
}
