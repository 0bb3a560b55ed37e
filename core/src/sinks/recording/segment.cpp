// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/segment.hpp"

#include "runtime/time_text.hpp"
#include "sinks/files.hpp"

#include <mesura/sink.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mesura::sinks::recording {
namespace {

/// "2026_06_14__12_00_00"
std::string stamp(std::int64_t time_ns) {
  std::string text = runtime::format_time(time_ns, runtime::Precision::seconds).substr(0, 19);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '-' || c == ':'; }, '_');
  return text.replace(text.find('T'), 1, "__");
}

std::filesystem::path named(const std::filesystem::path& directory, const std::string& name, std::string_view ending) {
  return directory / (name + std::string{ending});
}

/// True when a recording has the name, in whatever form: all share the sidecar's.
bool taken(const std::filesystem::path& directory, const std::string& name) {
  for (const std::string_view ending :
       {std::string_view{".json"}, kPlainEnding, kMatroskaEnding, kMatroskaWorkEnding}) {
    struct stat file {};
    if (::lstat(named(directory, name, ending).c_str(), &file) == 0) return true;
  }
  return false;
}

}  // namespace

NewFile make_file(const std::filesystem::path& directory, const Stem& stem, std::int64_t start_ns,
                  std::string_view ending, std::string_view work_ending) {
  const std::string base = stem.whole ? stem.text : stem.text + "_" + stamp(start_ns);
  for (int n = 1;; ++n) {
    const std::string name = n == 1 ? base : fmt::format("{}_{}", base, n);
    if (taken(directory, name)) {
      if (!stem.whole) continue;
      throw SinkError(fmt::format("sink-exists: there is a recording {} already", named(directory, name, {}).string()));
    }
    FileNames names{named(directory, name, work_ending), named(directory, name, ending),
                    named(directory, name, ".json")};
    runtime::UniqueFd fd{::open(names.work.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (fd) return {std::move(names), std::move(fd)};
    if (errno != EEXIST) fail_io(names.work, "making", errno);
  }
}

void write_at(int fd, const std::filesystem::path& path, std::span<const std::uint8_t> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(path, "writing", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
}

void shorten(int fd, const std::filesystem::path& path, std::uint64_t bytes) {
  struct stat file {};
  if (::fstat(fd, &file) == 0 && static_cast<std::uint64_t>(file.st_size) > bytes &&
      ::ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    fail_io(path, "shortening", errno);
  }
}

}  // namespace mesura::sinks::recording
