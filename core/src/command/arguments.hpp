// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The arguments of a command, from a command line or from JSON, checked against the command's description before
// anything is sent.
#pragma once

#include "config/diagnostic.hpp"
#include "config/plugin_schema.hpp"
#include "config/value.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::command {

/// Bytes of all files of a command together.
inline constexpr std::size_t kMostContent = 16U * 1024U * 1024U;

struct Arguments {
  config::Value values;             ///< a map by the names of the fields; what is left out has its default or is absent
  config::Diagnostics diagnostics;  ///< all that is wrong with them; codes begin with "cmd-"

  [[nodiscard]] bool ok() const { return !diagnostics.has_errors(); }
};

/// From the words of a command line:
///
///     53.0                      in the order of the fields, optional booleans left out; a last list takes what is left
///     voltage=53.0, --voltage 53.0, --voltage=53.0, --flag
///     ct1_name=Solar            into a last map, where no field has that name
///     @settings.yaml            into a map or list: a YAML file
///     ./firmware                of a file or folder: its path; "-" reads standard input
///     @password.txt             of a secret: the first line of that file, which no process list shows
///
/// '-' and '_' in names are the same; what follows "--" is no option. Variables are not replaced.
[[nodiscard]] Arguments read_words(const config::CommandSpec& command, const std::vector<std::string>& words);

/// From a JSON object by the names of the fields: texts, numbers and booleans, durations and sizes as texts with their
/// unit, files as text or {"base64": "..."}, folders as an object of such. Nothing is read from anywhere else.
[[nodiscard]] Arguments read_json(const config::CommandSpec& command, std::string_view json);

/// The same object again, as read_json takes it; `masked` puts "***" in place of secrets and sizes in place of files.
void append_json(std::string& out, const config::CommandSpec& command, const config::Value& values, bool masked);

/// "set_float_voltage VOLTAGE", "put_file CONTENT [FOLDER]"
[[nodiscard]] std::string usage(const config::CommandSpec& command);

}  // namespace mesura::command
