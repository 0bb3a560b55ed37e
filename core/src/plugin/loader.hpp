// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/plugin_schema.hpp"
#include "plugin/refusal.hpp"
#include "plugin/search.hpp"

#include <mesura/plugin_abi.h>

#include <deque>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::plugin {

struct LoadedPlugin {
  std::string name;
  std::string version;
  std::filesystem::path file;                 ///< empty: linked into the program
  const mesura_plugin* descriptor = nullptr;  ///< checked; lives until the process ends
  config::PluginSchema schema;
  std::optional<config::PluginSchema> virtual_schema;  ///< of the virtual device, if the plugin has one
  std::vector<std::string> warnings;                   ///< what is odd about it, though it works
};

/// A file, or a directory that somebody named, of which nothing could be made.
struct RefusedPlugin {
  std::filesystem::path path;  ///< empty: linked into the program
  std::string code;
  std::string reason;
  std::string remedy;
};

/// The plugins of one process: those that can be used, and those that can't with the reason.
///
/// Loading runs the libraries' static initialisers, in a child process first (see try_in_child). Plugins are never
/// unloaded, and one that was refused stays in memory as well.
/// thread  one caller at a time; the pointers that find() gives stay valid as long as the set, moved or not
class PluginSet {
 public:
  /// Everything on the search path that begins with `configured` (see search_path).
  static PluginSet load(std::span<const std::filesystem::path> configured);
  /// The *.so files of these directories only, by directory and then by name. Of two plugins of one name the first is
  /// taken; a file that is reached twice is one.
  static PluginSet scan(std::span<const SearchDirectory> directories);

  /// Adds a plugin that is linked into the program. `descriptor` must outlive the set. Null: refused, and why is the
  /// last of refused().
  const LoadedPlugin* add(const mesura_plugin& descriptor);

  [[nodiscard]] const LoadedPlugin* find(std::string_view name) const;
  [[nodiscard]] const std::deque<LoadedPlugin>& loaded() const { return loaded_; }
  [[nodiscard]] const std::vector<RefusedPlugin>& refused() const { return refused_; }

 private:
  void scan_directory(const SearchDirectory& directory);
  void load_file(const std::filesystem::path& file);
  const LoadedPlugin* take(const mesura_plugin& descriptor, const std::filesystem::path& file);
  void refuse(const std::filesystem::path& path, Refusal refusal);

  std::deque<LoadedPlugin> loaded_;  // find() hands out pointers: elements never move
  std::vector<RefusedPlugin> refused_;
  std::set<std::filesystem::path> seen_;  // canonical paths of directories and files
};

}  // namespace mesura::plugin
