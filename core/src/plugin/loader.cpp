// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plugin/loader.hpp"

#include "plugin/descriptor_check.hpp"
#include "plugin/elf_check.hpp"
#include "plugin/library.hpp"
#include "plugin/trial.hpp"

#include <mesura/plugin.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

namespace mesura::plugin {
namespace {

namespace fs = std::filesystem;

/// The path without links, or the path itself where that can't be said.
fs::path real_path(const fs::path& path) {
  std::error_code error;
  auto real = fs::canonical(path, error);
  return error ? path : real;
}

std::string place(const fs::path& file) {
  return file.empty() ? "the program itself" : fmt::format("'{}'", file.string());
}

/// Reads the schema of a plugin or of its virtual device into `schema`.
std::optional<Refusal> read_schema(const mesura_plugin& descriptor, const std::string& plugin,
                                   std::string_view schema_name, std::optional<config::PluginSchema>& schema) {
  auto result = config::parse_plugin_schema(abi::view(descriptor.schema), "schema");
  if (!result.schema) {
    const auto& found = result.diagnostics.list();
    const auto errors =
        std::count_if(found.begin(), found.end(), [](const auto& d) { return d.severity == config::Severity::error; });
    const auto first =
        std::find_if(found.begin(), found.end(), [](const auto& d) { return d.severity == config::Severity::error; });
    auto reason = fmt::format("plugin '{}': {} is wrong", plugin, schema_name);
    if (first != found.end()) {
      if (first->mark.line > 0) reason += fmt::format(" at line {}, column {}", first->mark.line, first->mark.column);
      reason += ": " + first->message;
      if (!first->expected.empty()) reason += "; expected " + first->expected;
      if (!first->got.empty()) reason += "; got " + first->got;
    }
    if (errors > 1) reason += fmt::format(" (the first of {} errors)", errors);
    return Refusal{"plg-schema", std::move(reason),
                   "install the plugin's release for this Mesura, or tell its author (docs/plugin-schema.md)"};
  }
  if (result.schema->name != plugin)
    return Refusal{"plg-schema-name",
                   fmt::format("plugin '{}': {} is that of a plugin '{}'", plugin, schema_name, result.schema->name),
                   "tell the plugin's author: MESURA_PLUGIN and the schema must give the same name"};
  schema = std::move(result.schema);
  return std::nullopt;
}

}  // namespace

PluginSet PluginSet::load(std::span<const fs::path> configured) { return scan(search_path(configured)); }

PluginSet PluginSet::scan(std::span<const SearchDirectory> directories) {
  PluginSet set;
  for (const auto& directory : directories) set.scan_directory(directory);
  return set;
}

void PluginSet::scan_directory(const SearchDirectory& directory) {
  std::error_code error;
  if (!directory.required && !fs::exists(directory.path, error)) return;
  if (!seen_.insert(real_path(directory.path)).second) return;

  std::vector<fs::path> files;
  fs::directory_iterator entry{directory.path, error};
  for (; !error && entry != fs::directory_iterator{}; entry.increment(error))
    if (entry->path().extension() == ".so") files.push_back(entry->path());
  if (error) {
    refuse(directory.path, {"plg-directory",
                            fmt::format("plugin directory of {} cannot be read: {}", directory.origin, error.message()),
                            fmt::format("create the directory, or take it out of {}", directory.origin)});
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files)
    if (seen_.insert(real_path(file)).second) load_file(file);
}

void PluginSet::load_file(const fs::path& file) {
  if (auto refusal = check_elf(file)) return refuse(file, std::move(*refusal));
  if (auto refusal = try_in_child(file)) return refuse(file, std::move(*refusal));
  auto opened = open_library(file);
  if (auto* refusal = std::get_if<Refusal>(&opened)) return refuse(file, std::move(*refusal));
  take(*std::get<const mesura_plugin*>(opened), file);
}

const LoadedPlugin* PluginSet::add(const mesura_plugin& descriptor) { return take(descriptor, {}); }

const LoadedPlugin* PluginSet::take(const mesura_plugin& descriptor, const fs::path& file) {
  const auto refused = [&](Refusal refusal) -> const LoadedPlugin* {
    refuse(file, std::move(refusal));
    return nullptr;
  };
  if (auto refusal = check_descriptor(descriptor)) return refused(std::move(*refusal));

  LoadedPlugin plugin;
  plugin.name = abi::view(descriptor.name);
  plugin.version = abi::view(descriptor.version);
  plugin.file = file;
  plugin.descriptor = &descriptor;
  if (const auto* other = find(plugin.name))
    return refused({"plg-duplicate",
                    fmt::format("plugin '{}' {} is already loaded from {}, version {}", plugin.name, plugin.version,
                                place(other->file), other->version),
                    "keep one of the two"});
  std::optional<config::PluginSchema> schema;
  if (auto refusal = read_schema(descriptor, plugin.name, "its schema", schema)) return refused(std::move(*refusal));
  plugin.schema = std::move(*schema);
  if (const auto* twin = descriptor.virtual_device)
    if (auto refusal = read_schema(*twin, plugin.name, "the schema of its virtual device", plugin.virtual_schema))
      return refused(std::move(*refusal));
  if (!file.empty() && file.stem() != plugin.name)
    plugin.warnings.push_back(fmt::format("the file of plugin '{}' is called '{}'; expected '{}.so'", plugin.name,
                                          file.filename().string(), plugin.name));
  return &loaded_.emplace_back(std::move(plugin));
}

const LoadedPlugin* PluginSet::find(std::string_view name) const {
  const auto it = std::find_if(loaded_.begin(), loaded_.end(), [&](const auto& p) { return p.name == name; });
  return it != loaded_.end() ? &*it : nullptr;
}

void PluginSet::refuse(const fs::path& path, Refusal r) {
  refused_.push_back({path, std::move(r.code), std::move(r.reason), std::move(r.remedy)});
}

}  // namespace mesura::plugin
