// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The schema of a plugin, as the host reads it.
#pragma once

#include "config/plugin_schema.hpp"
#include "support/catch.hpp"

namespace mesura::test {

/// Parses `text`; where the host won't have it, the test case ends with what it says.
inline config::PluginSchema accepted_schema(const char* text) {
  const auto result = config::parse_plugin_schema(text, "schema.yaml");
  for (const auto& d : result.diagnostics.list())
    UNSCOPED_INFO(d.message << ", expected " << d.expected << ", got " << d.got);
  REQUIRE(result.schema.has_value());
  return *result.schema;
}

}  // namespace mesura::test
