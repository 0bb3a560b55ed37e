// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace mesura::ct6 {

/// Finds the end of a JSON object, byte by byte, and the place where it ceases to be one.
///
/// It knows the order of brackets, keys, colons, values and commas, so that a truncated object shows where the next one
/// begins. Scalars are any words: `nan` is not JSON, but the device says it.
class ObjectScanner {
 public:
  enum class Result : std::uint8_t {
    more,      ///< so far so good
    complete,  ///< this byte closes the object
    broken,    ///< this byte can't stand here
    too_deep   ///< more than kMaxDepth brackets are open
  };
  static constexpr unsigned kMaxDepth = 64;

  /// The next byte must be the object's opening bracket.
  void begin() { *this = {}; }
  Result push(char c);

 private:
  enum class State : std::uint8_t { begin, first_key, key, colon, value, first_item, scalar, after_value };

  Result push_in_string(char c);
  Result open(bool object);
  Result close(bool object);
  Result push_value(char c);
  Result push_after_value(char c);
  [[nodiscard]] bool in_object() const { return (objects_ & 1U) != 0; }

  State state_ = State::begin;
  bool string_ = false;  ///< inside a string
  bool string_is_key_ = false;
  bool escape_ = false;  ///< behind a backslash
  unsigned depth_ = 0;
  std::uint64_t objects_ = 0;  ///< open brackets, the innermost in bit 0: 1 for an object
};

}  // namespace mesura::ct6
