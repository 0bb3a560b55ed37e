// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/store.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace mesura::store {

/// Stores over one database for several threads, each lent to one at a time.
class StorePool {
 public:
  /// A store on loan; comes back when it goes.
  class Lease {
   public:
    Lease(StorePool& pool, std::unique_ptr<Store> store) : pool_(&pool), store_(std::move(store)) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (store_) pool_->give_back(std::move(store_));
    }
    Store& operator*() { return *store_; }
    Store* operator->() { return store_.get(); }
    /// The store has thrown `unavailable`: don't keep it.
    void discard() { store_.reset(), pool_->forget(); }

   private:
    StorePool* pool_;
    std::unique_ptr<Store> store_;
  };

  using Open = std::function<std::unique_ptr<Archive>()>;
  /// `open` may throw StoreError; at most `max` stores are open at a time.
  StorePool(Open open, std::size_t max) : open_(std::move(open)), max_(max) {}

  /// Waits until one is free, at most so long. Throws StoreError (unavailable).
  [[nodiscard]] Lease lease(std::chrono::milliseconds patience = std::chrono::seconds{5});

 private:
  void give_back(std::unique_ptr<Store> store);
  void forget();

  Open open_;
  std::size_t max_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<std::unique_ptr<Store>> idle_;
  std::size_t open_count_ = 0;
};

}  // namespace mesura::store
