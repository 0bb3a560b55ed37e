// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The flash file system of the virtual CT6.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::ct6::twin {

inline constexpr std::size_t kFlashBytes = 868'352;
inline constexpr std::size_t kFlashBlock = 4096;

/// Files and folders by absolute path; a name without a leading slash is below the root, a trailing slash is dropped.
/// Changing calls return whether the device could do it.
class Files {
 public:
  /// A unit as delivered: `/main.py`, and the app of `version` in `/app1`.
  explicit Files(std::string_view version);

  /// Every path below the root, folders with a slash at their end.
  [[nodiscard]] std::vector<std::string> list() const;
  [[nodiscard]] const std::string* read(std::string_view path) const;
  [[nodiscard]] bool has_folder(std::string_view path) const;
  /// The folder must exist, and the flash must have room.
  bool write(std::string_view path, std::string content);
  bool remove(std::string_view path);
  bool make_folder(std::string_view path);
  /// The folder must be empty.
  bool remove_folder(std::string_view path);
  void remove_tree(std::string_view path);
  /// In whole blocks.
  [[nodiscard]] std::size_t used() const;

  /// The version of the app in `folder`: the text of a file `version` (`version.txt`), else the first decimal number
  /// within 32 bytes behind the word FIRMWARE_VERSION, else behind VERSION, in any of its files (in bytecode, too,
  /// where constants stand as text). Nothing if no file tells.
  [[nodiscard]] std::optional<std::string> app_version(std::string_view folder) const;
  /// Whether any file is below `folder`.
  [[nodiscard]] bool has_app(std::string_view folder) const;

 private:
  std::map<std::string, std::string, std::less<>> files_;
  std::set<std::string, std::less<>> folders_;
};

/// "/app1" or "/app2".
[[nodiscard]] std::string slot_folder(int slot);

}  // namespace mesura::ct6::twin
