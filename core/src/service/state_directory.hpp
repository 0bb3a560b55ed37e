// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"

#include <filesystem>
#include <stdexcept>

namespace mesura::service {

/// The state directory can't be used; the message says why and what to do.
class StateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The directory of one running service (spools, control socket), locked for its life.
///
/// The lock is the kernel's (flock): it dies with the process, so a crash leaves nothing to clean up.
class StateDirectory {
 public:
  /// Makes the directory (0750) if need be. Throws StateError, naming the process that holds it.
  explicit StateDirectory(std::filesystem::path path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  runtime::UniqueFd lock_;
};

/// Where a running service of `state` listens: "<state>/control.sock".
[[nodiscard]] std::filesystem::path control_socket(const std::filesystem::path& state);

}  // namespace mesura::service
