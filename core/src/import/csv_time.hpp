// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::importing {

/// How times stand in a file.
///   auto              RFC 3339 with Z or an offset; a date and a time without (the clock of a zone); seconds,
///                     milliseconds, microseconds or nanoseconds since 1970, told apart by their size
///   s ms us ns        since 1970
///   %d.%m.%Y %H:%M    any order of %Y %y %m %d %H %M %S (with decimals) %z; other characters as they are
class CsvTime {
 public:
  struct Value {
    std::int64_t ns = 0;  ///< UTC, or a wall clock reading as if it were
    bool wall = false;
  };

  explicit CsvTime(std::string format = "auto") : format_(std::move(format)) {}
  /// Whether `format` is one of those above.
  [[nodiscard]] static bool is_format(std::string_view format);
  [[nodiscard]] std::optional<Value> parse(std::string_view text) const;

 private:
  std::string format_;
};

}  // namespace mesura::importing
