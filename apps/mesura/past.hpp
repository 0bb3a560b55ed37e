// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the verbs share that ask for the past: a sink's database, the words for times, output.
#pragma once

#include "setup.hpp"
#include "verbs.hpp"

#include "model/zones.hpp"

#include <mesura/store.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::app {

/// A verb that can't go on; the text is for people, after "mesura VERB: error[".
struct VerbError {
  int code;
  std::string text;  ///< "cli-sink]: ..."
};

/// "-1h", "today", "2026-06-14T12:00:00Z" ... Throws VerbError.
[[nodiscard]] store::TimeRange parse_range(const std::string& from, const std::string& to, std::int64_t now_ns,
                                           const model::Zone& zone);

/// A configuration with the database that one of its sinks writes.
struct Past {
  Loaded loaded;
  std::string sink;
  std::unique_ptr<store::Store> store;
  model::Zone zone;
  std::int64_t now_ns = 0;

  /// `sink`: of this name; empty: the first that can be read back. Throws VerbError, store::StoreError.
  static Past open(const Common& common, const std::string& sink);
  /// Throws VerbError with the nearest name where a name (not a pattern) is none; what remains is for the store to say.
  void check_series(const std::vector<std::string>& globs);
  /// As parse_range().
  [[nodiscard]] store::TimeRange range(const std::string& from, const std::string& to) const;
};

/// Runs a verb; says what it throws, and answers with its exit code.
int tell_errors(const char* verb, const std::function<int()>& work);

/// To stdout. False when nothing more can be written.
class Out {
 public:
  bool write(std::string_view text);
  /// `code`, unless the output could not be written: then 1, with a message. A closed pipe is its reader's wish.
  [[nodiscard]] int exit_code(int code) const;

 private:
  int error_ = 0;
};

}  // namespace mesura::app
