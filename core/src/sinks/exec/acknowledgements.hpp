// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace mesura::sinks::exec {

/// What a child says on its stdout, understood: numbers of lines dealt with, and lines rejected. No I/O.
///
///     117                       the first 117 lines since its start are safe (or rejected)
///     reject 118 no such meter  line 118 never will be; counts as dealt with
class Acknowledgements {
 public:
  struct Rejection {
    std::uint64_t line;  ///< from 1
    std::string reason;  ///< fit for a message
  };

  /// `sent`: lines that the child can have seen. Answers what is wrong, after which nothing it says counts.
  std::optional<std::string> push(std::string_view bytes, std::uint64_t sent);

  /// So many lines since its start are dealt with.
  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Since the last call, in the order of their coming; each line once.
  [[nodiscard]] std::vector<Rejection> take_rejections();

 private:
  std::optional<std::string> line(std::string_view text, std::uint64_t sent);

  std::uint64_t count_ = 0;
  std::string partial_;
  std::vector<Rejection> rejections_;
  std::unordered_set<std::uint64_t> rejected_;  // of lines after count_
};

}  // namespace mesura::sinks::exec
