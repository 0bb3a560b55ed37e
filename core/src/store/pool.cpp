// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/pool.hpp"

#include "store/archive.hpp"

namespace mesura::store {

StorePool::Lease StorePool::lease(std::chrono::milliseconds patience) {
  std::unique_lock lock{mutex_};
  const auto ready = [&] { return !idle_.empty() || open_count_ < max_; };
  if (!free_.wait_for(lock, patience, ready))
    throw StoreError(StoreError::Cause::unavailable,
                     "qry-busy: all connections to the database are in use\n  hint      ask again in a moment");
  if (!idle_.empty()) {
    auto store = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(store)};
  }
  ++open_count_;
  lock.unlock();
  try {
    return {*this, std::make_unique<Store>(open_())};
  } catch (...) {
    forget();
    throw;
  }
}

void StorePool::give_back(std::unique_ptr<Store> store) {
  {
    const std::scoped_lock lock{mutex_};
    idle_.push_back(std::move(store));
  }
  free_.notify_one();
}

void StorePool::forget() {
  {
    const std::scoped_lock lock{mutex_};
    --open_count_;
  }
  free_.notify_one();
}

}  // namespace mesura::store
