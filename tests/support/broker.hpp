// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace mesura::test {

/// mosquitto on a free port of the loopback, with nothing of the machine's configuration.
class Broker {
 public:
  /// `config`: further lines. With `port` it is that one.
  explicit Broker(const std::string& config = "", std::uint16_t port = 0);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// A file of its own directory.
  [[nodiscard]] std::string file(const std::string& name) const { return (dir_ / name).string(); }
  void stop();
  /// Again on the same port, with the same configuration and directory.
  void start();
  /// SIGSTOP makes it a broker that takes connections and messages, and answers nothing.
  void signal(int number);
  void wait_for_line(const std::string& part) { process_->wait_for_line(part); }

 private:
  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace mesura::test
