// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"
#include "store/export.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::store {

/// The file of an export: whole lines are added to it, so that one that was cut short anywhere can be continued.
///
/// errors  StoreError: `question` for a file that is not what should be continued, `unavailable` when the disk fails
class ExportFile {
 public:
  enum class Mode : std::uint8_t {
    fresh,    ///< must not exist
    replace,  ///< may exist
    resume    ///< goes on where it ends; may be missing
  };
  ExportFile(std::filesystem::path path, const Export& what, Mode mode);

  /// Where to go on; nullopt: from the beginning.
  [[nodiscard]] const std::optional<ExportPlace>& place() const { return place_; }
  void write(std::string_view lines);
  /// Everything is on the disk.
  void finish();

 private:
  void find_place(const Export& what);

  std::filesystem::path path_;
  runtime::UniqueFd fd_;
  std::optional<ExportPlace> place_;
};

}  // namespace mesura::store
