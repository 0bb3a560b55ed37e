// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the queue share: a sink that a test steers.
#pragma once

#include "pipeline/sink_queue.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mesura::pipeline::test {

// Long enough for any machine; reached only by a test that fails.
inline constexpr auto kPatience = std::chrono::seconds{30};

/// A far end that a test steers.
class Far {
 public:
  enum class Mood { well, retry, throwing, stuck, partial };

  void set(Mood mood) {
    change([&] { mood_ = mood; });
  }
  void refuse_open(int times) {
    change([&] { open_failures_ = times; });
  }
  void reject_item(std::size_t batch, std::size_t item) {
    change([&] { rejected_ = {{batch, item, "no column"}}; });
  }

  void open() {
    const std::lock_guard lock(mutex_);
    ++opens_;
    if (open_failures_ > 0) {
      --open_failures_;
      throw SinkError("far-away: the far end does not answer");
    }
  }
  WriteResult write(std::span<const BatchPtr> batches) {
    std::unique_lock lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return mood_ != Mood::stuck; });
    if (mood_ == Mood::throwing) throw std::runtime_error("far-broken: the far end threw");
    if (mood_ == Mood::retry) return WriteResult::retry("far-busy: the far end is busy");
    if (mood_ == Mood::partial && batches.size() > 1) {
      auto result = WriteResult::retry("far-half: only half");
      for (std::size_t i = 0; i < batches.size() / 2; ++i) {
        stored_.push_back(batches[i]->time_ns);
        result.done.push_back(i);
      }
      return result;
    }
    for (const BatchPtr& b : batches) stored_.push_back(b->time_ns);
    sizes_.push_back(batches.size());
    WriteResult result;
    result.rejected = std::exchange(rejected_, {});
    return result;
  }
  void closed() {
    change([&] { closed_ = true; });
  }

  [[nodiscard]] bool wait_attempts(int n, std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return attempts_ >= n; });
  }
  [[nodiscard]] int attempts() { return read(attempts_); }
  [[nodiscard]] std::vector<std::int64_t> stored() { return read(stored_); }
  [[nodiscard]] std::vector<std::size_t> sizes() { return read(sizes_); }
  [[nodiscard]] bool is_closed() { return read(closed_); }
  [[nodiscard]] bool wait_closed() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return closed_; });
  }
  [[nodiscard]] int opens() { return read(opens_); }

 private:
  template <class F>
  void change(F f) {
    const std::lock_guard lock(mutex_);
    f();
    changed_.notify_all();
  }
  template <class T>
  T read(const T& value) {
    const std::lock_guard lock(mutex_);
    return value;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Mood mood_ = Mood::well;
  int open_failures_ = 0;
  int opens_ = 0;
  int attempts_ = 0;
  bool closed_ = false;
  std::vector<Rejected> rejected_;
  std::vector<std::int64_t> stored_;
  std::vector<std::size_t> sizes_;
};

class FarSink final : public Sink {
 public:
  explicit FarSink(std::shared_ptr<Far> far) : far_(std::move(far)) {}
  void open() override { far_->open(); }
  WriteResult write(std::span<const BatchPtr> batches) override { return far_->write(batches); }
  void close() override { far_->closed(); }
  [[nodiscard]] std::string describe() const override { return "far end"; }

 private:
  std::shared_ptr<Far> far_;
};

inline BatchPtr batch(std::int64_t time, std::size_t items = 2) {
  auto b = std::make_shared<Batch>();
  b->time_ns = time;
  b->items.resize(items);
  for (Measurement& m : b->items) m.time_ns = time;
  return b;
}

/// Waits for what has no event of its own: the state of another thread that only status() shows.
inline bool wait_until(const std::function<bool()>& reached, std::chrono::milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

/// What a log said: "warn sink-failing".
struct Said {
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  std::mutex mutex;
  std::vector<std::string> lines;

  Said() {
    log->add_output([this](const runtime::LogRecord& r) {
      const std::lock_guard lock(mutex);
      lines.push_back(std::string{to_string(r.level)} + " " + std::string{r.code});
    });
  }
  std::size_t count(const std::string& line) {
    const std::lock_guard lock(mutex);
    return static_cast<std::size_t>(std::count(lines.begin(), lines.end(), line));
  }
};

struct Fixture {
  std::shared_ptr<Far> far = std::make_shared<Far>();
  runtime::SystemClock clock;
  SeriesTable table;
  Said said;

  Fixture() {
    SeriesInfo info;  // of all the values in batch()
    info.device = "grid";
    info.channel = "total";
    info.quantity = "active_power";
    info.unit = "W";
    (void)table.add(std::move(info));
  }

  static SinkQueue::Options options() {
    SinkQueue::Options o;
    o.name = "far";
    o.backoff = {std::chrono::milliseconds{1}, std::chrono::milliseconds{5}, 2.0, 0.2};
    return o;
  }
  std::unique_ptr<SinkQueue> queue(SinkQueue::Options o = options(), SinkQueue::Callbacks callbacks = {}) {
    return std::make_unique<SinkQueue>(std::make_unique<FarSink>(far), std::move(o), table,
                                       runtime::Logger{said.log, "sink.far"}, clock, std::move(callbacks));
  }
};

}  // namespace mesura::pipeline::test
