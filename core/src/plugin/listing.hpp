// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/loader.hpp"

#include <string>

namespace mesura::plugin {

/// What `mesura plugin list` and `mesura plugin info` print. Texts end with a line feed; JSON is one object and does
/// not.
///
/// text   a table of the loaded plugins by name, their warnings, then each refused file as an error with its remedy
/// JSON   {"plugins": [...], "refused": [{"file", "code", "reason", "remedy"}]}; "file" is null for what is built in
[[nodiscard]] std::string list_text(const PluginSet& set);
[[nodiscard]] std::string list_json(const PluginSet& set);

/// All that a plugin says of itself: links, options with defaults and limits, roles, own quantities, commands.
[[nodiscard]] std::string info_text(const LoadedPlugin& plugin);
[[nodiscard]] std::string info_json(const LoadedPlugin& plugin);

/// "plugins/ct6.so: error[plg-abi]: plugin 'ct6' 0.4.1 speaks ...\n  hint      install ...\n"
[[nodiscard]] std::string refusal_text(const RefusedPlugin& refused);

}  // namespace mesura::plugin
