// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A queue whose spool is in trouble: locked by another program, changed behind its back, or full.
#include "database/sqlite.hpp"
#include "pipeline/tests/far_sink.hpp"
#include "spool/spool.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <atomic>
#include <thread>

using namespace mesura;
using namespace mesura::pipeline;
using namespace mesura::pipeline::test;
using namespace std::chrono_literals;

namespace {

struct Trouble : Fixture {
  mesura::test::TempDir dir;

  [[nodiscard]] SinkQueue::Options spooled() const {
    auto o = options();
    o.spool = dir / "far.spool";
    o.commit_interval = 20ms;
    o.spool_retry = 5ms;
    return o;
  }
  [[nodiscard]] std::unique_ptr<database::Database> other_program() const {
    return std::make_unique<database::Database>(dir / "far.spool", database::Database::Open::existing);
  }
  bool wait_spooled(const SinkQueue& q, std::uint64_t values) {
    return wait_until([&] { return q.status().counts.spooled >= values; });
  }
};

/// A sink of functions.
struct AnySink final : Sink {
  std::function<WriteResult(std::span<const BatchPtr>)> on_write;
  std::function<void()> on_maintain = [] {};
  void open() override {}
  WriteResult write(std::span<const BatchPtr> batches) override { return on_write(batches); }
  void maintain(std::int64_t /*now_ns*/) override { on_maintain(); }
  [[nodiscard]] std::string describe() const override { return "far end"; }
};

bool balanced(const SinkQueue::Counts& c) {
  return c.found + c.pushed == c.committed + c.rejected + c.dropped + c.waiting + c.spooled;
}

}  // namespace

TEST_CASE_METHOD(Trouble, "what could not be erased from a locked spool is erased when it can be") {
  far->set(Far::Mood::retry);
  auto q = queue(spooled());
  q->start();
  for (std::int64_t t = 1; t <= 5; ++t) q->push(batch(t));
  REQUIRE(wait_spooled(*q, 10));
  const auto other = other_program();
  other->execute("BEGIN IMMEDIATE");
  far->set(Far::Mood::well);
  REQUIRE(wait_until([&] { return !q->status().spool_error.empty(); }));
  CHECK(far->stored().size() == 5);
  other->execute("ROLLBACK");
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored().size() == 5);
  CHECK(balanced(q->status().counts));
}

TEST_CASE_METHOD(Trouble, "a spool that is full and was locked is used again") {
  far->set(Far::Mood::retry);
  auto o = spooled();
  o.limit = 20;
  o.policy = FullPolicy::drop_newest;
  o.spool_limit = 20 * spool::Spool::cost(*batch(1));
  SinkQueue::Callbacks callbacks;
  std::atomic<int> attempts{0};
  callbacks.on_rejected = [&](const BatchPtr&, std::size_t, const std::string&) {
    far->set(Far::Mood::retry);
    attempts = far->attempts();
  };
  auto q = queue(o, callbacks);
  q->start();
  for (std::int64_t t = 1; t <= 60; ++t) {
    q->push(batch(t));
    if (t % 5 == 0) std::this_thread::yield();
  }
  REQUIRE(wait_until([&] {
    q->push(batch(100));
    const auto s = q->status();
    return s.counts.dropped > 0 && s.spool_bytes + spool::Spool::cost(*batch(1)) > o.spool_limit;
  }));
  const auto other = other_program();
  other->execute("BEGIN IMMEDIATE");
  far->reject_item(0, 0);
  far->set(Far::Mood::well);
  // Neither can the letter be kept nor the rest be erased; then the far end is away again.
  REQUIRE(wait_until([&] { return attempts > 0; }));
  REQUIRE(far->wait_attempts(attempts + 1));
  CHECK_FALSE(q->status().spool_error.empty());
  REQUIRE(q->waiting() > 0);
  other->execute("ROLLBACK");
  REQUIRE(wait_until([&] { return q->status().spool_error.empty(); }));
  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));
  CHECK(balanced(q->status().counts));
}

TEST_CASE_METHOD(Trouble, "a spool that another program has emptied holds nothing") {
  far->set(Far::Mood::retry);
  auto q = queue(spooled());
  q->start();
  for (std::int64_t t = 1; t <= 5; ++t) q->push(batch(t));
  REQUIRE(wait_spooled(*q, 10));
  other_program()->execute("DELETE FROM batches");
  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));  // what the worker had read before is written
  q->push(batch(6));
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored().back() == 6);
}

TEST_CASE_METHOD(Trouble, "a stop while the spool is being opened is no sink that hangs") {
  {
    auto q = queue(spooled());
    q->start();
    q->push(batch(1));
    REQUIRE(q->wait_idle(kPatience));
  }
  const auto other = other_program();
  other->execute("BEGIN IMMEDIATE");  // opening waits for it, a second
  auto q = queue(spooled());
  q->start();
  (void)q->stop(0s);
  CHECK_FALSE(q->left_behind());
  CHECK(said.count("error sink-hangs") == 0);
}

TEST_CASE_METHOD(Trouble, "a batch larger than the limit passes when all that is being written is on disk") {
  far->set(Far::Mood::stuck);
  auto o = spooled();
  o.limit = 10;
  auto q = queue(o);
  q->start();
  q->push(batch(1));
  REQUIRE(far->wait_attempts(1));
  REQUIRE(wait_spooled(*q, 2));
  CHECK(q->push(batch(2, 50)) == SinkQueue::Push::queued);
  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));
  CHECK(far->stored() == std::vector<std::int64_t>{1, 2});
}

TEST_CASE_METHOD(Trouble, "of a failed write only the records of what is done are rejected") {
  auto sink = std::make_unique<AnySink>();
  std::atomic<int> writes{0};
  sink->on_write = [&](std::span<const BatchPtr>) {
    if (++writes > 1) return WriteResult{};
    auto result = WriteResult::retry("far-half: only half");
    result.done = {0};
    result.rejected = {{0, 1, "no column"}, {1, 0, "no column"}};
    return result;
  };
  SinkQueue q{std::move(sink), spooled(), table, runtime::Logger{said.log, "sink.far"}, clock, {}};
  q.push(batch(1));
  q.push(batch(2));
  q.start();
  REQUIRE(q.wait_idle(kPatience));
  const auto s = q.status();
  CHECK(s.counts.rejected == 1);
  CHECK(s.counts.committed == 3);
  CHECK(s.dead == 1);
}

TEST_CASE_METHOD(Trouble, "a long backlog does not keep a sink from its maintenance") {
  auto sink = std::make_unique<AnySink>();
  std::atomic<int> writes{0};
  std::atomic<int> maintained{0};
  int before_last = 0;
  sink->on_write = [&](std::span<const BatchPtr>) {
    if (++writes == 50) before_last = maintained;
    return WriteResult{};
  };
  sink->on_maintain = [&] { ++maintained; };
  auto o = options();
  o.flush_batches = 1;
  o.maintain_interval = 0s;
  SinkQueue q{std::move(sink), o, table, runtime::Logger{said.log, "sink.far"}, clock, {}};
  for (std::int64_t t = 1; t <= 50; ++t) q.push(batch(t));
  q.start();
  REQUIRE(q.wait_idle(kPatience));
  REQUIRE(q.stop(kPatience));
  CHECK(before_last > 0);
}

TEST_CASE_METHOD(Trouble, "dead letters that are put back while others are spooled are counted once") {
  auto o = spooled();
  o.commit_interval = 1ms;
  auto q = queue(o);
  q->start();
  for (std::int64_t t = 1; t <= 30; ++t) {
    far->reject_item(0, 0);
    q->push(batch(t));
    REQUIRE(q->wait_idle(kPatience));
  }
  far->set(Far::Mood::retry);
  std::atomic<bool> done{false};
  std::thread producer{[&] {
    for (std::int64_t t = 1000; !done && t < 200'000; ++t) {
      q->push(batch(t));
      if (t % 16 == 0) std::this_thread::yield();
    }
  }};
  std::size_t back = 0;
  for (std::int64_t id = 1; id <= 30; ++id) back += q->requeue(std::vector<std::int64_t>{id});
  done = true;
  producer.join();
  CHECK(back == 30);
  CHECK(q->status().counts.found == 30);
  far->set(Far::Mood::well);
  REQUIRE(q->wait_idle(kPatience));
  CHECK(balanced(q->status().counts));
}

TEST_CASE_METHOD(Trouble, "a write of the backlog that does not come back is told of", "[soak]") {
  {
    far->set(Far::Mood::retry);
    auto q = queue(spooled());
    q->start();
    q->push(batch(1));
    REQUIRE(wait_spooled(*q, 2));
  }
  far->set(Far::Mood::stuck);
  auto q = queue(spooled());
  q->start();
  REQUIRE(far->wait_attempts(1));
  CHECK(wait_until([&] { return q->status().state == SinkQueue::State::failing; }));
  far->set(Far::Mood::well);
  CHECK(q->wait_idle(kPatience));
}
