// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "sinks/retention.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace mesura::sinks::mysql {

/// How measurements become rows, over one connection. Every method throws database::mariadb::Error; connection and
/// writer are then thrown away.
class Writer {
 public:
  Writer() = default;
  virtual ~Writer() = default;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Writes everything in one transaction; returns what can never be written.
  virtual std::vector<Rejected> write(std::span<const BatchPtr> batches) = 0;
  /// What is to be done when writes have gone quiet.
  virtual void settle() {}
  /// Brings rollups up to date, in small transactions until `limit` is over; true when more is waiting. INT64_MAX as
  /// the time: nothing more comes.
  virtual bool roll_up(std::int64_t /*now_us*/, std::chrono::milliseconds /*limit*/) { return false; }
  /// Deletes what has reached its age, in small transactions, for about a second at most; returns how many rows.
  virtual std::uint64_t expire(const Retention& keep, std::int64_t now_us) = 0;
};

}  // namespace mesura::sinks::mysql
