// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Arguments of commands at random: mostly right by their schema, partly nearly right, partly anything.
#pragma once

#include "config/plugin_schema.hpp"
#include "config/value.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::test {

/// The same seed gives the same texts, on every machine.
class RandomArguments {
 public:
  explicit RandomArguments(std::uint64_t seed) : random_(seed) {}

  /// One of `n`.
  [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
  [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }

  /// A JSON object for the command's fields.
  [[nodiscard]] std::string json(const config::CommandSpec& command);
  /// The same as words of a command line, in order or by name.
  [[nodiscard]] std::vector<std::string> words(const config::CommandSpec& command);
  /// Bytes of any kind, at most `most`: JSON's own signs and broken UTF-8 among them.
  [[nodiscard]] std::string garbage(std::size_t most);

 private:
  [[nodiscard]] std::string value(const config::Schema& schema);
  [[nodiscard]] std::string scalar(const config::Schema& schema);
  [[nodiscard]] std::string word(const config::Schema& schema);
  [[nodiscard]] std::string any_value();
  [[nodiscard]] double near(const config::Schema& schema);

  std::mt19937_64 random_;
};

/// What is wrong with a value by the schema's ranges, members and lengths; empty: nothing. Shares no code with the
/// reader of arguments.
[[nodiscard]] std::string outside(const config::Schema& schema, const config::Value& value);

}  // namespace mesura::test
