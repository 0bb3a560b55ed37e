// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the end-to-end tests share: the program, virtual meters, a configuration in a temporary directory, its database.
#pragma once

#include <support/process.hpp>
#include <support/temp_dir.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace mesura::test {

/// `mesura ARGUMENTS...` of this build.
[[nodiscard]] Command program(std::vector<std::string> arguments);
/// Runs it to its end.
struct Outcome {
  int code;
  std::string out;
  std::string err;
};
[[nodiscard]] Outcome run_mesura(std::vector<std::string> arguments, std::string input = {});

/// A virtual P1 meter on a TCP port of its own choice; it can be killed and started again on the same port.
class Meter {
 public:
  explicit Meter(std::vector<std::string> options, std::string listen = "tcp:127.0.0.1:0");
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] int port() const { return port_; }
  void kill() { process_.reset(); }
  void start_again();

 private:
  void start(const std::string& listen);

  std::vector<std::string> options_;
  std::unique_ptr<Process> process_;
  std::string host_;
  int port_ = 0;
};

/// Writes a whole file.
void write_file(const std::filesystem::path& path, const std::string& text);
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// All rows of a query, each as its columns' texts ("NULL" for none). Throws with SQLite's message.
[[nodiscard]] std::vector<std::vector<std::string>> query(const std::filesystem::path& database,
                                                          const std::string& sql);
/// Asks again, at every change of the database and at least each 50 ms, until `good`; throws after `patience`.
std::vector<std::vector<std::string>> wait_for_rows(
    const std::filesystem::path& database, const std::string& sql,
    const std::function<bool(const std::vector<std::vector<std::string>>&)>& good,
    std::chrono::milliseconds patience = Process::kPatience);

}  // namespace mesura::test
