// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/snippet.hpp"

#include "config/address.hpp"
#include "config/yaml_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace mesura::doctor {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string flow_map(const Pairs& pairs) {
  std::string out = "{";
  for (const auto& [key, value] : pairs)
    out += fmt::format("{}{}: {}", out.size() > 1 ? ", " : "", key, config::flow_scalar(value, true));
  return out + "}";
}

}  // namespace

std::string device_snippet(std::string_view name, std::string_view address, const config::Catalog& catalog,
                           const Pairs& options) {
  const auto result = config::from_address(address, catalog, options);
  if (!result.device) return {};
  const std::string& plugin_name = result.device->plugin;
  const auto plugin = std::find_if(catalog.plugins.begin(), catalog.plugins.end(),
                                   [&](const auto& p) { return p.name == plugin_name; });
  const std::string& kind = result.device->links.front().kind;
  const config::Schema links = config::link_schema(catalog, *plugin, plugin->links.front());
  const auto field =
      std::find_if(links.fields.begin(), links.fields.end(), [&](const auto& f) { return f.name == kind; });
  std::string_view rest = address.substr(address.find(':') + 1);
  if (rest.starts_with("//")) rest.remove_prefix(2);
  std::string out = fmt::format("devices:\n  {}:\n    plugin: {}\n    transport: {{{}: {}}}\n", name, plugin_name, kind,
                                flow_map(config::place_options(rest, field->schema.fields)));
  if (!options.empty()) out += "    options: " + flow_map(options) + "\n";
  return out;
}

std::string as_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 && byte < 0x80)
      out += static_cast<char>(std::tolower(byte));
    else if (!out.empty() && out.back() != '_')
      out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  if (!out.empty() && std::isdigit(static_cast<unsigned char>(out.front())) != 0) out.insert(0, "device_");
  return out;
}

}  // namespace mesura::doctor
