// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/files.hpp"

#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace mesura::runtime {
namespace {

constexpr std::size_t kMost = 64U << 20U;

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw std::runtime_error(path + " can't be " + what + ": " + std::strerror(errno));
}

}  // namespace

std::optional<std::string> read_file(const std::string& path) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    fail(path, "read");
  }
  std::string text;
  char block[65536];
  for (;;) {
    const auto n = ::read(fd.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "read");
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
    if (text.size() > kMost) throw std::runtime_error(path + " is larger than 64 MiB");
  }
}

void replace_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new";
  {
    const UniqueFd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
    if (!fd) fail(fresh, "written");
    while (!content.empty()) {
      const auto n = ::write(fd.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail(fresh, "written");
      content.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(fd.get()) != 0) fail(fresh, "written");
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) fail(path, "replaced");
  const std::string directory = path.find('/') == std::string::npos ? "." : path.substr(0, path.rfind('/') + 1);
  const UniqueFd parent{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (parent) ::fsync(parent.get());
}

}  // namespace mesura::runtime
