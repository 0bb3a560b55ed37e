// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mesura::config {

/// A place in a file, 1-based; columns count characters, not bytes. line 0: the file as a whole.
struct Mark {
  int line = 0;
  int column = 0;
};

enum class Severity { error, warning };

/// One finding: what, where, expected, got, hint. Members may be empty except code and message.
struct Diagnostic {
  Severity severity = Severity::error;
  std::string code;  ///< stable, kebab-case: "cfg-unknown-key"
  std::string file;
  Mark mark;
  std::string message;
  std::string expected;
  std::string got;
  std::string hint;
};

/// All findings of one pass; by file and place after sort().
class Diagnostics {
 public:
  void add(Diagnostic d) { list_.push_back(std::move(d)); }
  void sort();
  [[nodiscard]] bool has_errors() const;
  [[nodiscard]] const std::vector<Diagnostic>& list() const { return list_; }

 private:
  std::vector<Diagnostic> list_;
};

/// "home.yaml:14:5: error[cfg-unknown-key]: unknown key ...\n  expected  ...\n  got       ...\n  hint      ...\n"
[[nodiscard]] std::string render_text(const Diagnostic& d);
/// One JSON object with the same fields.
[[nodiscard]] std::string render_json(const Diagnostic& d);

}  // namespace mesura::config
