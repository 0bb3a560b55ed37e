// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::smartmeter {

struct JsonMember {
  enum class Type { null, boolean, number, text, list, object };

  std::string_view key;
  Type type = Type::null;
  double number = 0;      ///< number; boolean: 0 or 1
  std::string_view text;  ///< text: unescaped; list, object: as written, with its brackets
};

/// The members of one JSON object, for the short replies of the device. What is nested stays text.
///
/// The views live until the next parse, as long as the parsed text does. cost  linear, no allocation once the longest
/// text was seen
class JsonObject {
 public:
  /// False, and no members, if `text` is not one JSON object with nothing but white space around it.
  bool parse(std::string_view text);

  /// Null if there is no such member.
  [[nodiscard]] const JsonMember* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Empty if it is no text.
  [[nodiscard]] std::string_view text(std::string_view key) const;
  /// Numbers, and texts that are numbers: the firmware writes some of both.
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] const std::vector<JsonMember>& members() const { return members_; }

 private:
  std::vector<JsonMember> members_;
  std::string unescaped_;
};

/// "12.5" and nothing else; also JSON's exponents.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// The numbers of "[1, 2.5]", "1,2.5" or "7", at most as many as fit; what is no number ends it.
std::size_t parse_numbers(std::string_view text, std::span<double> out);

}  // namespace mesura::smartmeter
