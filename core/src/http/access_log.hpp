// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/exchange.hpp"
#include "runtime/log.hpp"

#include <cstdint>

namespace mesura::http {

/// One line for each request: method, path (never the query: people put secrets there), status, bytes, duration, peer,
/// principal. Reads at debug; what changes something, and refusals of clients and failures of ours, at info, at most 50
/// of the latter in 10 s and then a count: a scanner must not fill the disk.
/// thread  one caller at a time
class AccessLog {
 public:
  explicit AccessLog(runtime::Logger log) : log_(std::move(log)) {}
  /// `whole`: all of the answer has been sent.
  void write(const Exchange& exchange, int status, std::int64_t now_ns, bool whole);

 private:
  runtime::Logger log_;
  std::int64_t window_ns_ = 0;
  unsigned written_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace mesura::http
