// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fake_port.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace mesura::transport::test {
namespace {

constexpr std::string_view kName = "ttyMESURA";
std::string target;  // NOLINT: what the functions below answer by
int lines = 0;       // NOLINT

}  // namespace

void lead_fake_port_to(const std::string& device) {
  target = device;
  lines = 0;
}

int fake_lines() { return lines; }

}  // namespace mesura::transport::test

namespace fake = mesura::transport::test;

// The linker exports these, since libserialport refers to them, and they come before the C library's.
extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if (std::string_view{path} == fake::kFakePort) path = fake::target.c_str();
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int open64(const char* path, int flags, ...) {  // what open becomes with 64-bit offsets, as Poco asks for
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return ::open(path, flags, mode);
}

int __open_2(const char* path, int flags) {  // NOLINT: what open becomes in a hardened library
  return ::open(path, flags);
}

char* realpath(const char* __restrict path, char* __restrict resolved) noexcept {
  const std::string text{path};
  if (resolved == nullptr || text != fake::kFakePort) {
    errno = ENOENT;
    return nullptr;
  }
  return std::strncpy(resolved, path, PATH_MAX);
}

ssize_t readlink(const char* __restrict path, char* __restrict buffer, size_t size) noexcept {
  if (std::strstr(path, fake::kName.data()) == nullptr) return ::syscall(SYS_readlinkat, AT_FDCWD, path, buffer, size);
  constexpr std::string_view device = "../../devices/virtual/tty/ttyMESURA";
  const std::size_t n = device.copy(buffer, size);
  return static_cast<ssize_t>(n);
}

int __lxstat(int, const char* path, struct stat* status) noexcept {  // NOLINT: the name that libserialport uses
  if (std::strstr(path, fake::kName.data()) == nullptr)
    return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW));
  std::memset(status, 0, sizeof *status);
  status->st_mode = S_IFLNK | 0777;
  return 0;
}

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  switch (request) {
    case TIOCMGET: *static_cast<int*>(argument) = fake::lines; return 0;
    case TIOCMBIS: fake::lines |= *static_cast<const int*>(argument); return 0;
    case TIOCMBIC: fake::lines &= ~*static_cast<const int*>(argument); return 0;
    default: return static_cast<int>(::syscall(SYS_ioctl, fd, request, argument));
  }
}
}
