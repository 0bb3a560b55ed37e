// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/process_facts.hpp"

#include "runtime/files.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mesura::http::api {

namespace {

/// The number behind "Name:" in /proc/self/status.
std::uint64_t number_of(std::string_view status, std::string_view name) {
  const auto at = status.find(name);
  if (at == std::string_view::npos) return 0;
  status.remove_prefix(at + name.size());
  status.remove_prefix(std::min(status.find_first_of("0123456789"), status.size()));
  std::uint64_t value = 0;
  std::from_chars(status.data(), status.data() + status.size(), value);
  return value;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessFacts process_facts() {
  ProcessFacts facts;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) facts.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.most_files = limit.rlim_cur;
  try {
    if (const auto status = runtime::read_file("/proc/self/status")) {
      facts.resident_bytes = number_of(*status, "VmRSS:") * 1024;
      facts.threads = number_of(*status, "Threads:");
    }
  } catch (const std::runtime_error&) {
    // Without /proc these are not known.
  }
  std::error_code error;
  for (std::filesystem::directory_iterator it{"/proc/self/fd", error}, end; !error && it != end; it.increment(error))
    ++facts.open_files;
  return facts;
}

}  // namespace mesura::http::api
