// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace mesura::test {

/// A directory of the test's own, removed with everything in it at the end.
class TempDir {
 public:
  TempDir() {
    auto name = (std::filesystem::temp_directory_path() / "mesura-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::system_category(), "cannot make a directory like " + name);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;  // nothing can be done about it, and the test's own result counts
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace mesura::test
