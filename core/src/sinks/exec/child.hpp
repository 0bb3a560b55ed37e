// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::exec {

struct Command {
  std::vector<std::string> argv;                                 ///< argv[0] is looked up in our $PATH if it has no '/'
  std::filesystem::path directory;                               ///< to start in; empty: ours
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to ours; may hold secrets
};

/// A program with pipes on its stdin, stdout and stderr.
///
/// It leads a process group of its own: Ctrl-C at a terminal does not reach it, and what it starts goes with it. It is
/// killed when the thread that started it ends, however that comes about: no orphan holds files that the next one
/// needs. Nothing of ours but the three pipes is open in it; its signals are as a shell would leave them.
/// thread  the one that made it, which must live as long
class Child {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// Throws SinkError (sink-exec-start) when the program cannot be started; a program that ends at once has been.
  explicit Child(const Command& command);
  /// Kills the whole group.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] int input() const { return in_.get(); }       ///< its stdin, for us to write; does not block
  [[nodiscard]] int output() const { return out_.get(); }     ///< its stdout; does not block
  [[nodiscard]] int process() const { return pidfd_.get(); }  ///< readable when it has ended
  [[nodiscard]] runtime::UniqueFd take_output() { return std::move(out_); }
  [[nodiscard]] runtime::UniqueFd take_errors() { return std::move(err_); }

  void close_input() { in_.reset(); }
  /// False when `deadline` came first.
  bool wait(SteadyTime deadline) const;
  /// To the whole group, while its leader has not been reaped: no stranger can have its number.
  void signal(int number) const;

  struct End {
    std::string text;  ///< "status 3", "signal 9 (Killed)"
    int status = -1;   ///< -1 after a signal
  };
  /// Nothing while it runs.
  [[nodiscard]] std::optional<End> end() const;

 private:
  pid_t pid_ = -1;
  runtime::UniqueFd pidfd_;
  runtime::UniqueFd in_;
  runtime::UniqueFd out_;
  runtime::UniqueFd err_;
};

}  // namespace mesura::sinks::exec
