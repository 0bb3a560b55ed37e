// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/snapshot.hpp"

#include <utility>

namespace mesura::http::api {

struct Snapshots::State {
  using Time = std::chrono::steady_clock::time_point;

  runtime::EventLoop& loop;
  Options options;
  std::function<Snapshot()> make;  // the loop's thread only; empty at the end
  std::mutex mutex;
  std::condition_variable changed;
  SnapshotPtr newest;
  Time made{};
  std::uint64_t count = 0;
  bool asked = false;  // a refresh is on its way
  bool ended = false;

  State(runtime::EventLoop& l, Options o, std::function<Snapshot()> m) : loop(l), options(o), make(std::move(m)) {}

  void refresh() {
    if (!make) return;
    auto snapshot = std::make_shared<const Snapshot>(make());
    {
      const std::scoped_lock lock{mutex};
      newest = std::move(snapshot);
      made = std::chrono::steady_clock::now();
      ++count;
      asked = false;
    }
    changed.notify_all();
  }

  [[nodiscard]] bool old() const { return std::chrono::steady_clock::now() - made > options.max_age; }

  /// With the lock.
  void ask(const std::shared_ptr<State>& self) {
    if (asked || ended) return;
    asked = true;
    loop.post([weak = std::weak_ptr<State>{self}] {
      if (const auto state = weak.lock()) state->refresh();
    });
  }
};

Snapshots::Snapshots(runtime::EventLoop& loop, std::function<Snapshot()> make, Options options)
    : state_(std::make_shared<State>(loop, options, std::move(make))) {}

Snapshots::~Snapshots() { end(); }

void Snapshots::end() {
  state_->make = nullptr;
  {
    const std::scoped_lock lock{state_->mutex};
    state_->ended = true;
  }
  state_->changed.notify_all();
}

void Snapshots::publish() { state_->refresh(); }

SnapshotPtr Snapshots::current() const {
  const std::scoped_lock lock{state_->mutex};
  if (state_->old()) state_->ask(state_);
  return state_->newest;
}

SnapshotPtr Snapshots::fresh() const {
  std::unique_lock lock{state_->mutex};
  if (state_->ended) return nullptr;
  if (state_->newest && !state_->old()) return state_->newest;
  state_->ask(state_);
  const auto before = state_->count;
  const bool came = state_->changed.wait_for(lock, state_->options.patience,
                                             [&] { return state_->count != before || state_->ended; });
  return came && !state_->ended ? state_->newest : nullptr;
}

}  // namespace mesura::http::api
