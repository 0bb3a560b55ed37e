// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"

#include <string>
#include <string_view>

namespace mesura::config {

/// JSON Schema (draft-07) of a schema, for editors (yaml-language-server): descriptions, defaults, patterns, ranges,
/// exclusive keys, a plugin's options by `plugin`. It accepts whatever the reader accepts; what only the reader can
/// know (zones, ports in addresses, limits of durations) it lets pass. Values may be `${ENV}`. Indented, in the order
/// of the schema: equal schemas give equal text.
[[nodiscard]] std::string json_schema(const Schema& schema, std::string_view title, std::string_view id);

/// The same for a value that comes as JSON (the arguments of a command): no variables, one line, no head.
[[nodiscard]] std::string value_schema_json(const Schema& schema);

}  // namespace mesura::config
