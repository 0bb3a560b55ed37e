// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One scalar of the configuration: text in, typed value or what is wrong with it out. Knows nothing of YAML or files.
#pragma once

#include "config/schema.hpp"
#include "config/value.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mesura::config {

/// What is wrong with a scalar; whoever knows where it stood makes a Diagnostic of it.
struct Problem {
  std::string code;
  std::string message;  ///< a predicate: "has no unit"
  std::string expected;
  std::string hint;  ///< never quotes the text of a secret
};

struct Scalar {
  Value value;  ///< absent when there is a problem
  std::optional<Problem> problem;
};

/// Reads `text` as the schema's type. `bare`: it stood unquoted in the file; booleans and numbers must.
/// Not for list, map, object, one_of, any.
/// thread  any
[[nodiscard]] Scalar read_scalar(const Schema& schema, std::string_view text, bool bare);

/// What Schema::format asks for ("hex32": 32 hexadecimal digits), or empty if there is no such format.
[[nodiscard]] std::string describe_format(std::string_view format);
/// The regular expression of a format, for JSON Schema; empty if there is no such format.
[[nodiscard]] std::string format_pattern(std::string_view format);

}  // namespace mesura::config
