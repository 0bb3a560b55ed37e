// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How Spool changes its file: errors told in our words, what is committed counted. For its own sources.
#pragma once

#include "spool/spool.hpp"

#include <fmt/format.h>

#include <mutex>

namespace mesura::spool {

template <class F>
auto Spool::guarded(const char* doing, F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const database::Error& e) {
    const std::string hint = [&]() -> std::string {
      switch (e.primary()) {
        case SQLITE_FULL: return "\n  hint      make room on its disk";
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return "\n  hint      another program has it open for writing";
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM: return "\n  hint      the state directory must be writable";
        default: return {};
      }
    }();
    const char* code = e.primary() == SQLITE_FULL                                      ? "spool-full"
                       : e.primary() == SQLITE_CORRUPT || e.primary() == SQLITE_NOTADB ? "spool-damaged"
                       : e.primary() == SQLITE_BUSY || e.primary() == SQLITE_LOCKED    ? "spool-busy"
                                                                                       : "spool-io";
    throw SpoolError(fmt::format("{}: {} {}: {}{}", code, doing, path_.string(), e.what(), hint));
  }
}

// `f` changes the file, and the contents that it is given to what they are then.
template <class F>
void Spool::transaction(F&& f) {
  Contents next = contents_;
  begin_.run();
  try {
    f(next);
    if (next.batches == 0) next.oldest_ns = 0;
    put_contents(next);
    commit_.run();
    series_->committed();
  } catch (...) {
    rollback();
    throw;
  }
  const std::lock_guard lock(contents_mutex_);
  contents_ = next;
}

}  // namespace mesura::spool
