// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The JSON of the virtual SmartMeter: what clients send, and lines as its firmware's library prints them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::smartmeter::twin {

/// A parsed value. Missing members and elements are `nothing`, so that look-ups chain.
class Json {
 public:
  enum class Type { nothing, null, boolean, number, text, list, object };

  /// The value at the start of `text`; what follows it is ignored, as on the device.
  /// errors  nullopt for anything that is not JSON, nested deeper than 10 levels (the device's limit) or empty
  static std::optional<Json> parse(std::string_view text);

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] bool exists() const { return type_ != Type::nothing; }
  [[nodiscard]] bool is_text() const { return type_ == Type::text; }
  [[nodiscard]] bool is_number() const { return type_ == Type::number; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool boolean() const { return number_ != 0; }
  [[nodiscard]] double number() const { return number_; }
  /// A number, or a text that begins with one, without its fraction; anything else 0. Limited to what 64 bits hold.
  [[nodiscard]] std::int64_t integer() const;

  [[nodiscard]] const Json& operator[](std::string_view key) const;
  [[nodiscard]] const std::vector<Json>& items() const { return items_; }

 private:
  struct Parser;

  Type type_ = Type::nothing;
  double number_ = 0;  // of a boolean: 0 or 1
  std::string text_;
  std::vector<std::string> keys_;  // of an object, beside items_
  std::vector<Json> items_;
};

/// A number as the firmware prints it: seven digits of a float, trailing zeros left out, an exponent from 1e7 on and
/// below 1e-5, NaN as null.
void append_float(std::string& out, float value);
void append_quoted(std::string& out, std::string_view text);

/// A compact object, keys in the order of the calls.
class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value);
  JsonObject& integer(std::string_view key, std::int64_t value);
  JsonObject& number(std::string_view key, float value);
  JsonObject& boolean(std::string_view key, bool value);
  /// `json`: a value that is JSON already.
  JsonObject& raw(std::string_view key, std::string_view json);
  [[nodiscard]] std::string take() { return std::move(out_) + "}"; }

 private:
  void key(std::string_view name);
  std::string out_ = "{";
};

}  // namespace mesura::smartmeter::twin
