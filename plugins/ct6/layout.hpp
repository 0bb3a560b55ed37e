// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"
#include "keys.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace mesura::ct6 {

/// Bytes that must stay readable behind a message, and zero: comparisons load whole words.
inline constexpr std::size_t kPadding = 64;

/// The order of keys of an answer, as met.
struct KeyOrder {
  std::vector<std::pair<Key, std::string_view>> unit;  ///< key and its name
  std::vector<std::pair<Key, std::string_view>> port;  ///< of every port alike
};

/// An answer whose bytes between the values are those of one seen before.
///
/// MicroPython writes keys in the order of its hash table: it differs between units and firmwares, not between the
/// answers of one. What fits a layout to the last byte between the values is JSON without any further look; what does
/// not fit is left to the parser that reads anything.
class Layout {
 public:
  /// false: keys too long, or none.
  bool learn(const KeyOrder& order, bool blanks);

  /// Reads `message` (kPadding zero bytes must follow it) into `answer`, whose content is undefined when the message
  /// has another layout. Views point into `message`.
  bool read(std::string_view message, Answer& answer) const;

  friend bool operator==(const Layout&, const Layout&) = default;

 private:
  /// Up to 32 bytes, compared as words.
  struct Literal {
    static constexpr std::size_t kWords = 4;
    std::array<std::uint64_t, kWords> words{}, masks{};
    std::uint32_t size = 0;

    bool set(std::string_view text);
    [[nodiscard]] bool matches(const char* p) const;
    friend bool operator==(const Literal&, const Literal&) = default;
  };
  /// A key with what stands before and behind it, from the end of the value before to the start of its own.
  struct Step {
    Literal literal;
    Key key;
    friend bool operator==(const Step&, const Step&) = default;
  };

  static bool make(const std::vector<std::pair<Key, std::string_view>>& order, bool blanks, std::vector<Step>& steps);
  const char* read_port(const char* p, std::uint8_t number, Answer& answer) const;
  const char* read_unit(const char* p, Key key, Answer& answer) const;

  std::vector<Step> unit_, port_;
  std::uint32_t port_seen_ = 0;
};

}  // namespace mesura::ct6
