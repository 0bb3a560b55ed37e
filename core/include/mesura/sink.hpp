// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A sink: where measurements go.
#pragma once

#include <mesura/measurement.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mesura {

/// A record that the far end will never take, whatever is tried.
struct Rejected {
  std::size_t batch;  ///< index into the span given to write()
  std::size_t item;   ///< index into that batch's items
  std::string reason;
};

/// The answer to one write(): per record committed (the default), rejected, or retry.
struct WriteResult {
  enum class Outcome {
    committed,  ///< everything but `rejected` is durable at the far end (COMMIT, PUBACK, fsync)
    retry       ///< nothing is promised but `done`; the rest comes again after a back-off
  };
  Outcome outcome = Outcome::committed;
  std::string
      reason;  ///< for retry: stable code, then what, where, expected, got: "sink-busy: mesura.db is locked by ..."
  std::vector<Rejected> rejected;  ///< of what is committed; with retry only records of `done` count
  std::vector<std::size_t> done;   ///< for retry: the batches that are durable all the same, ascending indexes

  [[nodiscard]] static WriteResult retry(std::string reason) {
    WriteResult result;
    result.outcome = Outcome::retry;
    result.reason = std::move(reason);
    return result;
  }
};

/// What open() throws; the sink is opened again after a back-off.
class SinkError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A place that takes batches. Each sink runs on a worker thread of its own; its calls never overlap.
///
/// Writing is idempotent: series + time is the key, a repeat changes nothing, partial rows of one instant merge, a
/// newer value for the same key replaces the older. Late and out-of-order data land at their own time.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Makes the far end ready. Throws SinkError; may be called again after a failure or after write() answered retry.
  virtual void open() = 0;
  /// Durable when it answers committed. Must not throw for a far end's failure: that is retry.
  virtual WriteResult write(std::span<const BatchPtr> batches) = 0;
  /// Called about once a minute and after writes have gone quiet: retention, rotation by time.
  virtual void maintain(std::int64_t /*now_ns*/) {}
  /// Finishes files and connections; no write follows.
  virtual void close() {}
  /// What a person calls it: "sqlite /var/lib/mesura/mesura.db". No secrets.
  [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace mesura
