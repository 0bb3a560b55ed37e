// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Values that stand elsewhere: `!secret name`, `${ENV}`, `file:/path`.
#pragma once

#include "config/diagnostic.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

/// The value of an environment variable; nothing if it is unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// A text found elsewhere, or why not; nothing in either names a secret's text.
struct Resolved {
  std::string text;
  std::string code;     ///< empty: found
  std::string message;  ///< a predicate: "names the secret 'x', which ..."
  std::string expected;
  std::string hint;
};

class Secrets {
 public:
  /// `directory`: of the configuration file; empty: the working directory.
  Secrets(std::filesystem::path directory, Environment environment);

  /// A name in secrets.yaml beside the configuration file, else in the directory above. Errors of that file go to `out`
  /// once.
  [[nodiscard]] Resolved secret(const std::string& name, Diagnostics& out);
  /// `text` with ${NAME} and ${NAME:-default} replaced; "$${" stands for "${".
  [[nodiscard]] Resolved expand(std::string_view text) const;
  /// The content of a regular file of at most 64 KiB, one newline at its end taken off. Relative to the directory.
  [[nodiscard]] Resolved file(const std::string& path) const;

 private:
  void load(Diagnostics& out);

  std::filesystem::path directory_;
  Environment environment_;
  bool loaded_ = false;
  std::string source_;  ///< the secrets.yaml that was found, or empty
  bool broken_ = false;
  std::vector<std::string> names_;
  std::map<std::string, std::string> texts_;
};

/// Reads a whole regular file; the message is a reason such as "No such file or directory".
struct FileText {
  std::string text;
  std::string error;
};
[[nodiscard]] FileText read_text_file(const std::filesystem::path& path, std::size_t largest);

}  // namespace mesura::config
