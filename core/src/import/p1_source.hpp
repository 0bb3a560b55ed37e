// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Where the reference P1 monitor's quarters lie: a directory tree, or the running board.
#pragma once

#include "import/quarter_file.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::importing {

class Problems;

class QuarterSource {
 public:
  virtual ~QuarterSource() = default;

  /// The next quarter there is, days in the order of time and quarters of a day as well; nullopt: that was all. Throws
  /// ImportError.
  virtual std::optional<QuarterName> next() = 0;
  /// The text of one that next() gave; nullopt, with the reason counted: it can't be read.
  virtual std::optional<std::string> read(const QuarterName& name) = 0;
  /// Days read and to read, as far as is known.
  [[nodiscard]] virtual std::uint64_t days_done() const = 0;
  [[nodiscard]] virtual std::uint64_t days() const = 0;
  [[nodiscard]] virtual std::string name() const = 0;
};

/// `place`: a directory that holds YYYY/MM/DD/HHMM{S|W}.json or `meter` with these in it, or http://HOST[:PORT] of the
/// board. Throws ImportError: p1-place, p1-http.
[[nodiscard]] std::unique_ptr<QuarterSource> quarter_source(std::string_view place, Problems& problems);

}  // namespace mesura::importing
