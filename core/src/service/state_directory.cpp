// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/state_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

namespace mesura::service {

StateDirectory::StateDirectory(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(path_, error);
  if (error)
    throw StateError(fmt::format(
        "state directory {}: can't be made: {}\n  hint      set `state:` to a directory that this user may write",
        path_.string(), error.message()));
  if (made) std::filesystem::permissions(path_, std::filesystem::perms{0750}, error);

  const auto file = path_ / "mesura.lock";
  lock_ = runtime::UniqueFd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
  if (lock_.get() < 0)
    throw StateError(
        fmt::format("state directory {}: can't open mesura.lock: {}\n  hint      set `state:` to a directory that this "
                    "user may write",
                    path_.string(), std::strerror(errno)));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const auto n = ::pread(lock_.get(), holder, sizeof holder - 1, 0);
    std::string pid{holder, n > 0 ? static_cast<std::size_t>(n) : 0};
    while (!pid.empty() && pid.back() == '\n') pid.pop_back();
    throw StateError(fmt::format(
        "state directory {}: another mesura runs there (process {})\n  hint      stop it, or give this one a "
        "`state:` of its own",
        path_.string(), pid.empty() ? "unknown" : pid));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(lock_.get(), 0) != 0 || ::pwrite(lock_.get(), pid.data(), pid.size(), 0) < 0)
    throw StateError(
        fmt::format("state directory {}: can't write mesura.lock: {}", path_.string(), std::strerror(errno)));
}

std::filesystem::path control_socket(const std::filesystem::path& state) { return state / "control.sock"; }

}  // namespace mesura::service
