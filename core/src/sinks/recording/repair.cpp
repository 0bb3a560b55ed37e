// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/repair.hpp"

#include "runtime/files.hpp"
#include "sinks/files.hpp"
#include "sinks/recording/matroska_scan.hpp"
#include "sinks/recording/segment.hpp"
#include "sinks/recording/sidecar.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <optional>
#include <string_view>
#include <vector>

namespace mesura::sinks::recording {
namespace {

namespace fs = std::filesystem;

fs::path with_ending(fs::path sidecar, std::string_view ending) { return sidecar.replace_extension(ending); }

std::optional<Repaired> close_plain(const fs::path& data, std::string_view sidecar) {
  struct stat file {};
  if (::stat(data.c_str(), &file) != 0) return std::nullopt;
  auto repaired = close_interrupted(sidecar, static_cast<std::uint64_t>(file.st_size));
  if (repaired && ::truncate(data.c_str(), static_cast<off_t>(repaired->bytes)) != 0) {
    fail_io(data, "shortening", errno);
  }
  return repaired;
}

std::optional<Repaired> close_matroska(const fs::path& work, const fs::path& data, std::string_view sidecar) {
  const auto certain = open_rows(sidecar);
  if (!certain) return std::nullopt;
  std::error_code error;
  const bool working = fs::exists(work, error);
  if (!working && !fs::exists(data, error)) return std::nullopt;
  const MatroskaScan whole = mend_matroska(working ? work : data, *certain);
  if (working && whole.rows > 0 && std::rename(work.c_str(), data.c_str()) != 0) fail_io(data, "renaming", errno);
  return close_interrupted_rows(sidecar, whole.rows);
}

/// The description as it stands after the repair; nothing when it can't be read.
std::optional<std::string> repair_file(const fs::path& sidecar, const runtime::Logger& log) {
  fs::path data = with_ending(sidecar, kPlainEnding);
  try {
    auto text = runtime::read_file(sidecar.string());
    if (!text) return std::nullopt;
    auto repaired = close_plain(data, *text);
    if (!repaired) {
      data = with_ending(sidecar, kMatroskaEnding);
      const fs::path work = with_ending(sidecar, kMatroskaWorkEnding);
      repaired = close_matroska(work, data, *text);
      if (repaired && repaired->rows == 0) {
        ::unlink(work.c_str());
        ::unlink(data.c_str());
        ::unlink(sidecar.c_str());
        return std::nullopt;
      }
    }
    if (!repaired) return text;
    put_file(sidecar, repaired->text, Sync::now);
    log.info("sink-repaired", "{} was left open by a program that died: {} rows are whole", data.string(),
             repaired->rows);
    return std::move(repaired->text);
  } catch (const std::exception& e) {
    // The rows are there; a person can still read them.
    log.warn("sink-repair", "{} was left open and can't be closed: {}", data.string(), e.what());
  }
  return std::nullopt;
}

}  // namespace

std::map<std::string, std::uint64_t> repair_recordings(const fs::path& directory, const runtime::Logger& log) {
  std::map<std::string, std::uint64_t> recorded;
  std::vector<fs::path> sidecars;
  for (const auto& file : fs::directory_iterator(directory)) {
    const std::string name = file.path().filename().string();
    if (name.ends_with(".json")) sidecars.push_back(file.path());
    // Made, and never described: there is nothing in it.
    if (name.ends_with(kMatroskaWorkEnding) && file.file_size() == 0) ::unlink(file.path().c_str());
  }
  for (const fs::path& sidecar : sidecars) {
    const auto text = repair_file(sidecar, log);
    const auto end = text ? run_end(*text) : std::nullopt;
    if (!end) continue;
    auto& row = recorded[end->key];
    row = std::max(row, end->row);
    // The first is the oldest: a key begins with the run's start.
    if (recorded.size() > kOldRuns) recorded.erase(recorded.begin());
  }
  return recorded;
}

}  // namespace mesura::sinks::recording
