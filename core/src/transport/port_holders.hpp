// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Who has a serial or HID port open, or has asked others to leave it alone.
#pragma once

#include <string>
#include <vector>

namespace mesura::transport {

struct PortHolder {
  int pid = 0;
  std::string program;   ///< as the kernel calls it, at most 15 bytes; empty: it may not be looked into
  int descriptors = 0;   ///< by which it has the port open, as far as we may look
  bool far_end = false;  ///< of a pseudo-terminal: it has the master, so it is what is plugged in there
  std::string lock;      ///< how it holds others off: "flock", "/run/lock/LCK..ttyUSB0", or empty

  /// "pid 1234 (minicom)"
  [[nodiscard]] std::string text() const;
};

/// All processes, this one included, that have `device` open or locked, by pid. `device` is a resolved path
/// (/dev/ttyUSB0). Of other users' processes only locks are seen, unless we are root. `root` is for tests: what stands
/// before /proc and /run.
[[nodiscard]] std::vector<PortHolder> port_holders(const std::string& device, const std::string& root = "");

/// The process that is called so (as the kernel has it), or 0.
[[nodiscard]] int find_process(const std::string& program, const std::string& root = "");

}  // namespace mesura::transport
