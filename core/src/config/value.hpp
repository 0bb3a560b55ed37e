// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/diagnostic.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mesura::config {

/// A typed, validated piece of configuration: what the reader makes of YAML by a Schema, with defaults filled in.
///
/// Access by the wrong type throws std::logic_error: the schema was asked for something else, which is our mistake.
class Value {
 public:
  using Nanoseconds = std::chrono::nanoseconds;
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;  ///< in file order

  Value() = default;
  explicit Value(bool v) : data_(v) {}
  explicit Value(std::int64_t v) : data_(v) {}
  explicit Value(double v) : data_(v) {}
  explicit Value(std::string v) : data_(std::move(v)) {}
  explicit Value(List v) : data_(std::move(v)) {}
  explicit Value(Map v) : data_(std::move(v)) {}

  [[nodiscard]] bool present() const { return !std::holds_alternative<std::monostate>(data_); }
  explicit operator bool() const { return present(); }

  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t integer() const;  ///< integers, sizes (bytes), durations (ns)
  [[nodiscard]] double number() const;         ///< numbers and integers
  [[nodiscard]] Nanoseconds duration() const { return Nanoseconds{integer()}; }
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] const List& list() const;
  [[nodiscard]] const Map& map() const;
  [[nodiscard]] bool is_text() const { return std::holds_alternative<std::string>(data_); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(data_); }
  [[nodiscard]] bool is_map() const { return std::holds_alternative<Map>(data_); }

  /// A map's member, or an absent value.
  [[nodiscard]] const Value& operator[](std::string_view key) const;
  /// The key and value of a one_of: {serial: {...}} is ("serial", {...}).
  [[nodiscard]] const std::pair<std::string, Value>& chosen() const;

  Mark mark;            ///< of the value, or of its key where the file gives none
  Mark key_mark;        ///< of its key in a map, else as `mark`
  bool secret = false;  ///< masked wherever it is shown
  bool defaulted = false;

  bool operator==(const Value& other) const { return data_ == other.data_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

}  // namespace mesura::config
