// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command/arguments.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::command {

/// The arguments of a command as they come in: values by field, and what is wrong with them.
class Collection {
 public:
  explicit Collection(const config::CommandSpec& command) : command_(command), given_(command.arguments.size()) {}

  [[nodiscard]] const std::vector<config::Field>& fields() const { return command_.arguments; }
  /// The field of that name ('-' is '_'), or none.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] bool given(std::size_t index) const { return given_[index].has_value() || spoilt_.contains(index); }
  /// Twice is an error.
  void set(std::size_t index, config::Value value);
  /// `bare`: it may be a number or a boolean.
  void scalar(std::size_t index, std::string_view text, bool bare);
  /// One more element of a list, or of a map.
  void element(std::size_t index, std::string_view text);
  void member(std::size_t index, std::string_view key, std::string_view text);

  /// What is wrong with a field that was given.
  void spoil(std::size_t index, std::string code, std::string_view predicate, std::string expected = {},
             std::string got = {}, std::string hint = {});
  void report(std::string code, std::string message, std::string expected = {}, std::string got = {},
              std::string hint = {});
  /// The names that a person may have meant.
  [[nodiscard]] std::vector<std::string> names() const;

  /// Defaults filled in, missing ones told.
  [[nodiscard]] Arguments finish();

 private:
  [[nodiscard]] std::optional<config::Value> read(std::size_t index, const config::Schema& schema,
                                                  std::string_view text, bool bare);

  const config::CommandSpec& command_;
  std::vector<std::optional<config::Value>> given_;
  std::set<std::size_t> spoilt_;
  config::Diagnostics diagnostics_;
};

}  // namespace mesura::command
