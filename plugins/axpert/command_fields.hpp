// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::axpert {

/// A number, or a word.
struct Value {
  bool is_text = false;
  double number = 0;
  std::string text;

  static Value of(double n) { return {false, n, {}}; }
  static Value of(std::string_view word) { return {true, 0, std::string{word}}; }
};

/// The unit of the vocabulary for a quantity, or of an attribute: empty for none.
[[nodiscard]] std::string_view unit_of(std::string_view quantity);

/// `text` as a JSON string.
void append_quoted(std::string& out, std::string_view text);
/// As JSON; a null pointer as null.
void append_value(std::string& out, const Value* value);

/// What replies have said, by "channel/quantity" or by the name of an attribute, in the order of the wire.
class Facts {
 public:
  void set(std::string key, Value value);
  void take(const Facts& others);
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// NaN where there is none, or a word.
  [[nodiscard]] double number(std::string_view key) const;
  /// Empty where there is none, or a number.
  [[nodiscard]] std::string_view text(std::string_view key) const;
  [[nodiscard]] bool empty() const { return facts_.empty(); }
  [[nodiscard]] const std::vector<std::pair<std::string, Value>>& all() const { return facts_; }
  /// `{"battery/voltage":{"value":52.8,"unit":"V"},"total/operating_mode":"battery"}`
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::pair<std::string, Value>> facts_;
};

/// The arguments of a command, kept until it is at work.
class Arguments {
 public:
  /// Those of `names` that were given.
  Arguments(const Options& options, std::span<const std::string_view> names);
  Arguments() = default;

  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }
  [[nodiscard]] std::string_view text(std::string_view name) const;
  [[nodiscard]] double number(std::string_view name, double fallback = 0) const;
  [[nodiscard]] int integer(std::string_view name, int fallback = 0) const;

 private:
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace mesura::axpert
