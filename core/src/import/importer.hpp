// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading the databases and files of other collectors: each one an Importer that hands out batches.
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::importing {

/// The source as a whole can't be read: stable code, what, where, expected, got, hint. Never holds a password.
class ImportError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// [from, to), UTC, ns.
struct Range {
  std::int64_t from_ns = INT64_MIN;
  std::int64_t to_ns = INT64_MAX;
  [[nodiscard]] bool contains(std::int64_t time_ns) const { return from_ns <= time_ns && time_ns < to_ns; }
};

/// How far it is.
struct Position {
  std::string stage;        ///< what is being read: a file, a table
  std::uint64_t done = 0;   ///< of `total`, in `unit`
  std::uint64_t total = 0;  ///< 0: unknown; may be an estimate
  std::string_view unit;    ///< "rows", "B", "files"
};

/// One old system's data. Memory is bounded whatever the size of the source; nothing is ever written to it.
///
/// thread  one
class Importer {
 public:
  virtual ~Importer() = default;

  /// Appends the next batches (some hundreds) to `out`, in the source's order; false: that was all, `out` may have got
  /// the last ones. May append none and still return true. Throws ImportError.
  virtual bool next(std::vector<BatchPtr>& out) = 0;
  [[nodiscard]] virtual Position position() const = 0;
  /// Rows, lines or files read so far, whatever became of them.
  [[nodiscard]] virtual std::uint64_t records() const = 0;
};

}  // namespace mesura::importing
