// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.hpp"

namespace mesura::model {

/// A set of series: `device`, `device/channel` or `device/channel/quantity`, each part with '*' (any characters) and
/// '?' (one character). A glob with fewer parts takes all that is below: "grid" is "grid/*/*", "*" is every series.
class Glob {
 public:
  /// Null and the reason in `problem` for: no parts, more than three, an empty part, "**", blanks, control characters.
  static std::optional<Glob> parse(std::string_view text, Problem* problem = nullptr);

  [[nodiscard]] bool matches(const SeriesInfo& s) const { return matches(s.device, s.channel, s.quantity); }
  [[nodiscard]] bool matches(std::string_view device, std::string_view channel, std::string_view quantity) const;
  /// Whether series of this device may match.
  [[nodiscard]] bool matches_device(std::string_view device) const;
  /// As parsed.
  [[nodiscard]] std::string text() const;

 private:
  explicit Glob(std::vector<std::string> parts) : parts_(std::move(parts)) {}

  std::vector<std::string> parts_;  ///< one to three
};

/// '*' any characters (none included), '?' one character, everything else itself. Linear in the product of the lengths
/// at worst, never exponential.
[[nodiscard]] bool wildcard_matches(std::string_view pattern, std::string_view text);

}  // namespace mesura::model
