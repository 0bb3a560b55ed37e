// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace mesura::http {

/// A number of places for long answers. The last eighth is kept for clients that hold few, so that nobody takes all.
/// thread  any
class Slots : public std::enable_shared_from_this<Slots> {
 public:
  explicit Slots(std::size_t capacity) : capacity_(capacity) {}

  /// A place, free again when the pointer goes; null when there is none.
  [[nodiscard]] std::shared_ptr<void> take(const std::string& key) {
    const std::lock_guard lock{mutex_};
    const auto own = by_key_.find(key);
    const std::size_t few = std::max<std::size_t>(capacity_ / 32, 1);
    const bool rich = own != by_key_.end() && own->second >= few;
    if (used_ >= capacity_ || (rich && used_ >= capacity_ - capacity_ / 8)) return nullptr;
    ++used_;
    ++by_key_[key];
    return {static_cast<void*>(this), [self = shared_from_this(), key](void*) { self->release(key); }};
  }
  [[nodiscard]] std::size_t used() const {
    const std::lock_guard lock{mutex_};
    return used_;
  }

 private:
  void release(const std::string& key) {
    const std::lock_guard lock{mutex_};
    --used_;
    if (const auto own = by_key_.find(key); --own->second == 0) by_key_.erase(own);
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> by_key_;
  std::size_t used_ = 0;
};

}  // namespace mesura::http
