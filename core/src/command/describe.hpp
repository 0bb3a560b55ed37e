// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands and their results as JSON, the same over the control socket, HTTP and MQTT, and in the command line's
// --format json.
#pragma once

#include "command/command.hpp"
#include "config/plugin_schema.hpp"

#include <string>

namespace mesura::command {

/// {"name":"set_float_voltage","help":"...","danger":"write","allowed":true,"confirm":false,"warning":"...",
///  "changes":"...","read_back":"...","example":"54.0","timeout_s":15,"spacing_s":5,
///  "arguments":{JSON Schema of the arguments object; "x-order" has the names in their order}}
/// `allowed`: the device's `control` permits it.
void append_command(std::string& out, const config::CommandSpec& command, Control control);

/// {"device":"inverter","command":"set_float_voltage","status":"done","message":"...","hint":"...","result":...,
///  "content":{"base64":"..."},"plan":[{"link":"data","to":"","hex":"50 42","text":"PB"}],"wrote":true,
///  "time":"...","duration_ms":412}; members that would be empty are left out.
void append_result(std::string& out, const Result& result);

}  // namespace mesura::command
