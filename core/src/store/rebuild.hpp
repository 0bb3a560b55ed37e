// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/store.hpp>

#include "config/value.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mesura::store {

/// Has rollups made again: notes stretches in the sink's own list of what is behind. Whoever writes the database does
/// the work: a running service by and by in its upkeep, else Sink::maintain() of a sink opened for it.
///
/// errors  StoreError
class Rebuild {
 public:
  struct Noted {
    std::size_t tables = 0;
    std::int64_t us = 0;  ///< length of all stretches together; 0: there are no rows
  };

  Rebuild() = default;
  Rebuild(const Rebuild&) = delete;
  Rebuild& operator=(const Rebuild&) = delete;
  virtual ~Rebuild() = default;

  /// Rollups of the range, widened to whole quarter hours and cut to the rows that there are; of one device (with its
  /// fleet, whose table it shares) or all (empty).
  virtual Noted note(const std::string& device, TimeRange range) = 0;
  /// Length of what is noted by anyone and not done yet, without quarter hours that are being written.
  [[nodiscard]] virtual std::int64_t left_us() = 0;
};

/// Of a sqlite or mysql sink; null for other kinds.
[[nodiscard]] std::unique_ptr<Rebuild> open_rebuild(const std::string& kind, const config::Value& options);

}  // namespace mesura::store
