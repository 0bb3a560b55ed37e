// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Random bytes as a configuration and as a plugin's schema: no crash, no hang, and what is accepted can be shown and
// read again.
#include "config/plugin_schema.hpp"
#include "fake_catalog.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace mesura::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // No files: what the bytes name must not depend on this machine.
  ReadOptions options;
  options.file = "fuzz.yaml";
  options.directory = "/nonexistent";
  options.environment = fake::environment();
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  const LoadResult result = load_configuration_text(text, fake::catalog(), options);
  for (const auto& d : result.diagnostics.list()) {
    if (render_text(d).empty() || render_json(d).empty()) std::abort();
  }
  if (result.configuration.has_value() == result.diagnostics.has_errors()) std::abort();
  if (result.configuration) {
    const std::string shown = show_effective(*result.configuration, fake::catalog());
    // A mask may not have the form that a secret needs; everything else must read back.
    const LoadResult again = load_configuration_text(shown, fake::catalog(), options);
    if (!again.configuration && shown.find("***") == std::string::npos) std::abort();
  }

  const PluginSchemaResult plugin = parse_plugin_schema(text, "schema.yaml");
  if (plugin.schema.has_value() == plugin.diagnostics.has_errors()) std::abort();
  if (plugin.schema) {
    Catalog catalog = fake::catalog();
    catalog.plugins.push_back(*plugin.schema);
    static_cast<void>(load_configuration_text("{}", catalog, options));
  }
  return 0;
}
