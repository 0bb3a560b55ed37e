// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that only ask: which queries each is made of.
#pragma once

#include "command_fields.hpp"
#include "dialect.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::axpert {

struct ReadCommand {
  std::string_view name;
  std::array<std::string_view, 10> queries;  ///< as in the table of queries, of all dialects; '@': a date, '#': a unit
};

[[nodiscard]] std::span<const ReadCommand> read_commands();

/// What is to be asked; an empty list: `problem` says why not.
struct Questions {
  std::vector<std::string> queries;  ///< with '@' where the inverter's own date is still to come
  bool asks_date = false;            ///< the first is for the date only
  std::string problem;
};
/// For any read command, `query` and `energy` too. errors: a problem for what the dialect does not have.
[[nodiscard]] Questions questions(std::string_view command, const Arguments& args, Dialect dialect);

/// Whether this dialect has the query.
[[nodiscard]] bool is_known(std::string_view query, Dialect dialect);

}  // namespace mesura::axpert
