// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// YAML read by a Schema: typed values with defaults, and everything that is wrong with the file in one pass.
#pragma once

#include "config/diagnostic.hpp"
#include "config/schema.hpp"
#include "config/secrets.hpp"
#include "config/value.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::config {

struct ReadOptions {
  std::string file;                 ///< as messages name it
  std::filesystem::path directory;  ///< where secrets are looked for; empty: the working directory
  Environment environment;          ///< empty: the process's
};

struct Reading {
  Value value;              ///< absent if the text is no YAML; what could be read, if it has errors
  Diagnostics diagnostics;  ///< in file order

  [[nodiscard]] bool ok() const { return !diagnostics.has_errors(); }
};

/// Reads YAML text. Every value of the result has its mark; what the file leaves out has its default (`defaulted`) and
/// its parent's mark, or is absent. Unknown and missing keys, wrong types, units, ranges, duplicates are errors.
///
/// limits  16 MiB of text; 200 errors and 500 000 values (aliases counted each time), then reading stops with an error
/// errors  only in `diagnostics`; throws std::logic_error if the schema itself is wrong (a default of another type)
/// thread  any
[[nodiscard]] Reading read_text(std::string_view yaml, const Schema& schema, const ReadOptions& options = {});

/// The same for a file; an unreadable one is a diagnostic. `options.file` and `.directory` are taken from `path` if
/// empty.
[[nodiscard]] Reading read_file(const std::string& path, const Schema& schema, ReadOptions options = {});

/// An object from "key=value" arguments of a command line; a value that begins with '[' or '{' is YAML. No marks.
[[nodiscard]] Reading read_pairs(const std::vector<std::pair<std::string, std::string>>& pairs, const Schema& schema,
                                 const ReadOptions& options = {});

/// The value that a schema gives when nothing is written: read_text("{}").
[[nodiscard]] Value default_value(const Schema& schema);

}  // namespace mesura::config
