// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/files.hpp"

#include <mesura/sink.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace mesura::sinks {
namespace {

// File systems take 255 bytes; ours have endings like "-20260614-120000-99.csv.gz.part" behind the stem.
constexpr std::size_t kMaxStem = 180;

}  // namespace

std::string file_stem(std::string_view device) {
  std::string out;
  for (const char c : device) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       c == '-' || (c == '.' && !out.empty()) || byte >= 0x80;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  if (out.empty()) return "%";
  if (out.size() <= kMaxStem) return out;
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a: two long names with the same beginning stay apart
  for (const char c : device) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  return fmt::format("{}%{:016x}", out.substr(0, kMaxStem - 17), hash);
}

void fail_io(const std::filesystem::path& path, std::string_view doing, int error) {
  const char* code = "sink-io";
  if (error == ENOSPC || error == EDQUOT) code = "sink-full";
  if (error == EROFS || error == EACCES || error == EPERM) code = "sink-read-only";
  throw SinkError(fmt::format("{}: {} {}: {}", code, doing, path.string(), std::generic_category().message(error)));
}

void sync_directory(const std::filesystem::path& directory) {
  const runtime::UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) fail_io(directory, "syncing", errno);
}

runtime::UniqueFd take_directory(const std::filesystem::path& path, std::string_view what) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) fail_io(path, "making directory", errno);
  runtime::UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) fail_io(path, "opening directory", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail_io(path, "locking directory", errno);
    throw SinkError(
        fmt::format("sink-busy: another program writes {} in {}\n  hint      give each one its own directory", what,
                    path.string()));
  }
  return fd;
}

bool leads_to(const std::filesystem::path& path, const runtime::UniqueFd& directory) {
  struct stat by_name {};
  struct stat by_fd {};
  return directory && ::stat(path.c_str(), &by_name) == 0 && ::fstat(directory.get(), &by_fd) == 0 &&
         by_name.st_ino == by_fd.st_ino && by_name.st_dev == by_fd.st_dev;
}

void put_file(const std::filesystem::path& path, std::string_view content, Sync sync) {
  const std::filesystem::path fresh = path.string() + ".new";
  {
    const runtime::UniqueFd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!fd) fail_io(fresh, "making", errno);
    while (!content.empty()) {
      const ssize_t n = ::write(fd.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail_io(fresh, "writing", errno);
      content.remove_prefix(static_cast<std::size_t>(n));
    }
    if (sync == Sync::now && ::fdatasync(fd.get()) != 0) fail_io(fresh, "syncing", errno);
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) fail_io(path, "replacing", errno);
  if (sync == Sync::now) sync_directory(path.parent_path());
}

}  // namespace mesura::sinks
