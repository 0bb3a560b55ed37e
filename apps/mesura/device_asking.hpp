// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What `mesura device` asks the person at the terminal: arguments that are missing, and whether they are sure.
#pragma once

#include "device_arguments.hpp"
#include "device_runner.hpp"

#include "command/arguments.hpp"
#include "command/command.hpp"

#include <string>
#include <vector>

namespace mesura::app {

/// The arguments of a command from its words; missing ones from the person at the terminal, if there is one. Throws
/// VerbError, with everything that is wrong already on stderr.
[[nodiscard]] config::Value ask_arguments(const config::CommandSpec& command, const std::vector<std::string>& words);

/// The command may be sent: it is not dangerous, or it was confirmed (--yes, or the device's name typed after a dry
/// run; for several devices their number). Throws VerbError otherwise.
void confirm(const DeviceTargets& targets, const std::vector<DeviceJob>& jobs, const DeviceArguments& line);

}  // namespace mesura::app
