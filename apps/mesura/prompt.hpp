// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>

namespace mesura::app {

/// A terminal shows nothing of what is typed.
class Silence {
 public:
  explicit Silence(int fd);
  ~Silence();
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int fd_;
  bool changed_ = false;
  termios before_{};
};

/// Questions to the person at the terminal: read from standard input, asked on standard error.
class Prompt {
 public:
  /// Both are a terminal.
  [[nodiscard]] static bool possible();

  /// One line; nullopt: the input has ended, or ^C.
  [[nodiscard]] static std::optional<std::string> ask(std::string_view question);
  /// The same, without showing what is typed.
  [[nodiscard]] static std::optional<std::string> ask_secret(std::string_view question);
};

}  // namespace mesura::app
