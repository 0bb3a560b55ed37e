// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// JSON as the virtual CT6 keeps, reads and writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace mesura::ct6::twin {

struct Member;
class Value;
using Array = std::vector<Value>;
using Object = std::vector<Member>;  ///< in the order in which the members came

/// A value of MicroPython's json module: ints stay ints, floats have 32 bits.
class Value {
 public:
  // Not inline: Member is not known yet.
  Value();
  explicit Value(bool v);
  explicit Value(int v);
  explicit Value(std::int64_t v);
  explicit Value(float v);
  explicit Value(const char* v);
  explicit Value(std::string_view v);
  explicit Value(std::string v);
  explicit Value(Array v);
  explicit Value(Object v);
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  template <class T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&data_);
  }
  template <class T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&data_);
  }
  /// An int, float or bool as a number.
  [[nodiscard]] std::optional<double> number() const;
  /// As Python's `if value:` takes it.
  [[nodiscard]] bool truthy() const;
  /// Appends what `json.dumps` prints, with a blank behind each comma and colon.
  void dump(std::string& out) const;
  [[nodiscard]] std::string dump() const;

 private:
  std::variant<std::monostate, bool, std::int64_t, float, std::string, Array, Object> data_;
};

struct Member {
  std::string key;
  Value value;
};

[[nodiscard]] const Value* find(const Object& object, std::string_view key);
[[nodiscard]] Value* find(Object& object, std::string_view key);
/// Replaces the value of `key`, or appends it.
void put(Object& object, std::string_view key, Value value);

/// Appends a text in quotes: `"` and `\` escaped, control characters too, anything else as it is.
void append_quoted(std::string& out, std::string_view text);

/// Reads one value that fills the whole text; nothing if it is no JSON. At most 16 levels deep.
[[nodiscard]] std::optional<Value> parse_json(std::string_view text);

}  // namespace mesura::ct6::twin
