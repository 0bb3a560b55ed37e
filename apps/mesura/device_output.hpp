// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How `mesura device` shows commands, plans and results.
#pragma once

#include "device_arguments.hpp"
#include "device_targets.hpp"

#include "command/command.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::app {

/// The commands of a device, one line each.
[[nodiscard]] std::string commands_text(const DeviceTarget& target);
/// The same as JSON, one line: {"device":...,"plugin":...,"control":...,"commands":[...]}
[[nodiscard]] std::string commands_json(const DeviceTarget& target);
/// Everything about one of them.
[[nodiscard]] std::string command_help(const std::string& device, const config::CommandSpec& command,
                                       command::Control control);

/// "voltage  54.0 -> 53.0 V" and the like, one line for each value of a result's JSON.
[[nodiscard]] std::string values_text(const std::string& json);
/// What a dry run would have sent.
[[nodiscard]] std::string plan_text(const command::Result& result);
/// A result for people; what is no success is not in it.
[[nodiscard]] std::string result_text(const command::Result& result);
/// Several results.
[[nodiscard]] std::string results_table(const std::vector<command::Result>& results);
/// What went wrong, in the style of all errors: "mesura device: error[cmd-refused]: inverter: ...".
[[nodiscard]] std::string error_text(const command::Result& result);

/// The exit code that results deserve.
[[nodiscard]] int exit_code(const std::vector<command::Result>& results);

/// Columns of a table, as wide as they need to be, but the last.
[[nodiscard]] std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace mesura::app
