// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mesura::test {

/// A MariaDB server of the test's own: on a free port of the loopback and on a socket, with nothing of the machine's
/// configuration. Account `root` has no password, on the socket and on 127.0.0.1. Its zone is UTC; MET, Japan and
/// Europe/Moscow (as it was in 2000) are known to it.
///
/// The data directory is made anew for each object (a quarter of a second). The thread that starts it must outlive it.
class MariaDb {
 public:
  /// Started and ready. `arguments`: further ones of mariadbd, e.g. "--read-only".
  explicit MariaDb(std::vector<std::string> arguments = {});

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string socket() const { return (dir_ / "s.sock").string(); }
  /// A file of its own directory.
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return dir_ / name; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

  /// After stop() or kill(); on the same port. Waits until it is ready.
  void start();
  /// The same with other arguments.
  void start(std::vector<std::string> arguments);
  /// SIGTERM, and waits for the end.
  void stop();
  /// SIGKILL, and waits for the end.
  void kill();
  /// SIGSTOP (waits until all its threads stand still) and SIGCONT: connections stay, and nobody answers.
  void freeze();
  void thaw() { process_->signal(SIGCONT); }

 private:
  void make_data();
  bool run();

  TempDir dir_;
  std::vector<std::string> arguments_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace mesura::test
