// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mesura::ct6 {

/// A JSON object or array that grows from front to back.
class JsonText {
 public:
  static JsonText object() { return JsonText{'{', '}'}; }
  static JsonText array() { return JsonText{'[', ']'}; }

  JsonText& text(std::string_view key, std::string_view value);
  JsonText& number(std::string_view key, double value);
  JsonText& quantity(std::string_view key, double value, std::string_view unit);
  JsonText& flag(std::string_view key, bool value);
  JsonText& null(std::string_view key);
  /// `value` is JSON already.
  JsonText& raw(std::string_view key, std::string_view value);
  // Of an array.
  JsonText& item(std::string_view text);
  JsonText& raw_item(std::string_view value);

  [[nodiscard]] std::string str() const { return text_ + close_; }

 private:
  JsonText(char open, char close) : text_(1, open), close_(close) {}
  void begin(std::string_view key);

  std::string text_;
  char close_;
};

/// `"as JSON"`
[[nodiscard]] std::string quoted_json(std::string_view text);
/// The shortest digits that read back as the number; null for what JSON has no number for.
[[nodiscard]] std::string json_number(double value);

}  // namespace mesura::ct6
