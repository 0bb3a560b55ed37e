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

  LoadedPlugin plugin{
      std::string{abi::view(descriptor.name)}, std::string{abi::view(descriptor.version)}, file, &descriptor, {}};
  if (const auto* other = find(plugin.name))
    return refused({"plg-duplicate",
                    fmt::format("plugin '{}' {} is already loaded from {}, version {}", plugin.name, plugin.version,
                                place(other->file), other->version),
                    "keep one of the two"});
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
