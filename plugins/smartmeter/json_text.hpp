// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// JSON as it is written: requests to the device and results of commands.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::smartmeter {

/// "text" with its quotes; control characters become \u00XX.
inline std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Ten digits at most; what is no finite number is null.
inline std::string number_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.10g}", value) : std::string{"null"};
}

/// An object, member by member.
class JsonWriter {
 public:
  JsonWriter& raw(std::string_view key, std::string_view json) {
    text_ += text_.size() > 1 ? "," : "";
    text_ += json_string(key);
    text_ += ':';
    text_ += json;
    return *this;
  }
  JsonWriter& text(std::string_view key, std::string_view value) { return raw(key, json_string(value)); }
  JsonWriter& number(std::string_view key, double value) { return raw(key, number_text(value)); }
  JsonWriter& integer(std::string_view key, std::int64_t value) { return raw(key, fmt::format("{}", value)); }
  JsonWriter& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  /// {"value":..,"unit":".."}
  JsonWriter& measured(std::string_view key, double value, std::string_view unit) {
    return raw(key, fmt::format(R"({{"value":{},"unit":{}}})", number_text(value), json_string(unit)));
  }
  [[nodiscard]] std::string take() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

}  // namespace mesura::smartmeter
