// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/sql/archive.hpp"

namespace mesura::store::sql {

/// [from, to) in ns as whole microseconds: a row is within either or neither.
[[nodiscard]] constexpr std::int64_t ceil_us(std::int64_t ns) { return ns / 1000 + (ns % 1000 > 0 ? 1 : 0); }
[[nodiscard]] constexpr std::int64_t floor_us(std::int64_t ns) { return ns / 1000 - (ns % 1000 < 0 ? 1 : 0); }

/// A read transaction around what an archive does; one within another is part of it.
class SqlArchive::Call {
 public:
  explicit Call(SqlArchive& archive) : archive_(archive) {
    if (archive_.depth_ == 0) {
      const std::uint64_t generation = archive_.session_->begin();
      try {
        if (archive_.loaded_ != generation) {
          archive_.loaded_.reset();
          archive_.catalog_.load(*archive_.session_);
          archive_.calendar_ = sinks::rollup::Calendar{archive_.catalog_.zone()};
          archive_.loaded_ = generation;
        }
      } catch (...) {
        archive_.session_->end();
        throw;
      }
    }
    ++archive_.depth_;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (--archive_.depth_ == 0) archive_.session_->end();
  }

 private:
  SqlArchive& archive_;
};

}  // namespace mesura::store::sql
