// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/device_files.hpp"

#include <algorithm>
#include <utility>

namespace mesura::sinks::csv {
namespace {

// Periods whose last lines are known, to recognise a repeat.
constexpr std::size_t kMaxPeriods = 4;
// Turns of silence, of about a minute, after which a file is finished. Late data come in drops, an hourly gas value for
// instance: each drop would get a file.
constexpr std::size_t kMaxNames = 64;  // periods whose names are known; further back they may sort otherwise
constexpr int kQuietTurns = 1;
constexpr int kQuietTurnsLate = 10;

}  // namespace

DeviceFiles::DeviceFiles(std::filesystem::path directory, std::string stem, DeviceFile::Limits limits,
                         std::size_t remembered)
    : directory_(std::move(directory)), stem_(std::move(stem)), limits_(limits), remembered_(remembered) {}

DeviceFile& DeviceFiles::of_period(std::int64_t period) {
  const auto [at, added] = files_.try_emplace(period, directory_, stem_, limits_, remembered_);
  if (added) {
    if (const auto name = names_.find(period); name != names_.end()) at->second.follow(name->second);
  }
  return at->second;
}

void DeviceFiles::follow(std::int64_t time_ns) {
  const auto [at, added] = names_.try_emplace(period(time_ns), time_ns);
  at->second = std::max(at->second, time_ns);
  if (names_.size() > kMaxNames) names_.erase(names_.begin());
}

bool DeviceFiles::adopt(std::int64_t time_ns, const std::filesystem::path& part) {
  DeviceFile& file = of_period(period(time_ns));
  if (file.in_progress()) return false;
  file.adopt(part);
  return true;
}

void DeviceFiles::remember(std::int64_t time_ns, const std::filesystem::path& finished) {
  of_period(period(time_ns)).remember(finished);
}

std::uint64_t DeviceFiles::recover() {
  std::uint64_t cut = 0;
  std::string newest;
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    cut += file->second.recover(newest);
    if (newest.empty()) newest = file->second.known_header();
  }
  if (header_.empty() && !newest.empty()) {
    newest.pop_back();
    for (const std::string_view raw : split_raw(newest)) header_.push_back(unquoted(raw));
  }
  return cut;
}

void DeviceFiles::mark() {
  for (auto& [period, file] : files_) file.mark();
}

DeviceFile& DeviceFiles::at(std::int64_t time_ns) {
  const std::int64_t wanted = period(time_ns);
  if (!files_.empty() && files_.rbegin()->first == wanted) return files_.rbegin()->second;
  const auto known = files_.find(wanted);
  if (known != files_.end()) return known->second;
  DeviceFile& fresh = of_period(wanted);
  fresh.mark();
  return fresh;
}

void DeviceFiles::prepare(DeviceFile& file, std::int64_t time_ns, const std::string& header) {
  if (!file.in_progress()) {
    // The newest goes on beside a late one; everything else is finished when another begins.
    const bool late = &file != &files_.rbegin()->second;
    for (auto& [period, other] : files_) {
      const bool newest = &other == &files_.rbegin()->second;
      if (&other != &file && other.in_progress() && !(late && newest)) other.finish();
    }
  }
  file.prepare(time_ns, header);
}

void DeviceFiles::sync() {
  for (auto& [period, file] : files_) file.sync();
}

void DeviceFiles::commit() {
  for (auto& [period, file] : files_) file.commit();
  for (auto file = files_.begin(); files_.size() > kMaxPeriods && file != files_.end();) {
    if (file->second.in_progress()) {
      ++file;
      continue;
    }
    if (file->second.latest_name() != INT64_MIN) follow(file->second.latest_name());
    file = files_.erase(file);
  }
}

void DeviceFiles::rollback() noexcept {
  for (auto& [period, file] : files_) file.rollback();
}

void DeviceFiles::maintain(std::int64_t now_ns) {
  for (auto& [period, file] : files_) {
    const bool newest = &file == &files_.rbegin()->second;
    if (!file.is_over(now_ns, newest ? kQuietTurns : kQuietTurnsLate)) continue;
    recover();
    if (file.in_progress()) file.finish();
  }
}

void DeviceFiles::release() {
  for (auto& [period, file] : files_) file.release();
}

void DeviceFiles::set_remembered(std::size_t bytes) {
  remembered_ = bytes;
  for (auto& [period, file] : files_) file.set_remembered(bytes);
}

std::size_t DeviceFiles::open_files() const {
  std::size_t n = 0;
  for (const auto& [period, file] : files_) n += file.is_open() ? 1U : 0U;
  return n;
}

}  // namespace mesura::sinks::csv
