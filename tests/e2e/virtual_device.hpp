// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <support/process.hpp>

#include <memory>
#include <string>
#include <vector>

namespace mesura::test {

/// `mesura simulate PLUGIN ...` with a control on its stdin.
class VirtualDevice {
 public:
  /// Returns when `links` of its links are served.
  VirtualDevice(std::string plugin, std::vector<std::string> options, int links = 1);

  /// "127.0.0.1:2001": where the n-th link that it named is; of a pty its path.
  [[nodiscard]] const std::string& address(std::size_t n = 0) const { return addresses_.at(n); }
  /// "host: 127.0.0.1, port: 2001", as YAML takes it.
  [[nodiscard]] std::string host_and_port(std::size_t n = 0) const;
  /// The answer to a control line: one line of JSON.
  std::string control(const std::string& line);
  Process& process() { return *process_; }
  void kill() { process_.reset(); }
  /// Again, with the same options and one more (to keep a free port: `--listen tcp:ADDRESS`).
  void start_again(std::vector<std::string> more = {});

 private:
  void start(const std::vector<std::string>& more);

  std::string plugin_;
  std::vector<std::string> options_;
  int links_;
  std::unique_ptr<Process> process_;
  std::vector<std::string> addresses_;
};

/// (time, value) of one series from the log that a simulator wrote: what was really sent.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> sent_values(const std::string& log_file,
                                                                           const std::string& device,
                                                                           const std::string& channel,
                                                                           const std::string& quantity);

}  // namespace mesura::test
