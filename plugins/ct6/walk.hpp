// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"
#include "layout.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace mesura::ct6 {

/// Reads any JSON object as an answer, with simdjson.
///
/// cost    one pass; each value is read where it stands
class Walk {
 public:
  enum class Result : std::uint8_t {
    object,  ///< the answer is filled in, what could not be taken is among the problems
    scalar,  ///< JSON, but no object
    null,
    not_utf8,
    broken  ///< not JSON, as far as it was read
  };

  /// capacity: bytes of the longest message.
  explicit Walk(std::size_t capacity);
  ~Walk();
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  /// kPadding bytes must follow `message`. Views in `answer` point into it.
  /// keep_order: the order of keys is wanted.
  Result read(std::string_view message, Answer& answer, Problems& problems, bool keep_order = false);

  /// Of the last read object.
  struct Found {
    bool question = false;   ///< it has AYT
    std::string_view error;  ///< the token behind ERROR, or empty
    std::size_t length = 0;  ///< bytes of the object; more may follow in the message
    bool regular = false;    ///< its order was kept and is worth it: nothing odd, all ports alike
    bool blanks = false;     ///< blanks behind colons and commas
    KeyOrder order;
  };
  [[nodiscard]] const Found& found() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesura::ct6
