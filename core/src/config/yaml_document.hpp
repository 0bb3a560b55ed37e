// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// yaml-cpp with what it leaves out: encoding, unterminated quotes, second documents, columns in characters.
#pragma once

#include "config/diagnostic.hpp"

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

/// One parsed YAML document and the places in its text.
class YamlDocument {
 public:
  /// Larger files are refused: nobody writes them, and yaml-cpp needs about 100 times their size.
  static constexpr std::size_t kLargestText = 16U << 20U;

  /// Nothing, and one error in `out`, if the text is no YAML. Messages quote nothing of the text: it may hold secrets.
  [[nodiscard]] static std::optional<YamlDocument> parse(std::string_view text, const std::string& file,
                                                         Diagnostics& out);

  [[nodiscard]] const YAML::Node& root() const { return root_; }
  [[nodiscard]] Mark mark(const YAML::Mark& mark) const { return mark_at(static_cast<std::size_t>(mark.pos)); }

 private:
  static constexpr std::size_t kStride = 256;

  explicit YamlDocument(std::string text);
  [[nodiscard]] std::size_t characters_before(std::size_t offset) const;
  [[nodiscard]] Mark mark_at(std::size_t offset) const;
  [[nodiscard]] std::optional<std::size_t> open_quote() const;

  std::string text_;
  std::vector<std::size_t> lines_;       ///< offset of each line's first byte
  std::vector<std::size_t> characters_;  ///< before each kStride-th byte: a file may be one long line
  YAML::Node root_;
};

/// The node as one line of YAML that reads back as the same; nothing if it has more than `budget` nodes (each alias
/// counts anew) or is nested deeper than 32. What was spent is taken off `budget`.
[[nodiscard]] std::optional<std::string> flow_text(const YAML::Node& node, std::size_t& budget);
/// A scalar as it may stand anywhere in one line of YAML: bare if `bare` and harmless, else in double quotes.
[[nodiscard]] std::string flow_scalar(std::string_view text, bool bare);

}  // namespace mesura::config
