// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/place_check.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <system_error>

namespace mesura::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1024ULL * 1024;
/// A database needs some to shrink, a spool some to begin.
constexpr std::uint64_t kTooLittle = 64 * kMiB;
constexpr std::uint64_t kLittle = 1024 * kMiB;
/// Of a large disk this share is little, too; but never more than kMuch.
constexpr std::uint64_t kShare = 20;
constexpr std::uint64_t kMuch = 10 * kLittle;
constexpr std::uint64_t kTooFewFiles = 100;

std::string amount(std::uint64_t bytes) {
  if (bytes >= 10 * kLittle) return fmt::format("{} GiB", bytes / kLittle);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / static_cast<double>(kMiB));
}

/// The path itself, or the nearest directory above it that exists.
fs::path existing(fs::path path) {
  std::error_code error;
  path = fs::absolute(path, error);
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

bool writable(const fs::path& path, bool directory) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK | (directory ? X_OK : 0), AT_EACCESS) == 0;
}

std::string owner(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::generic_category().message(errno);
  return fmt::format("{}: mode {:04o}, owner {}, group {}", path.string(), status.st_mode & 07777U, status.st_uid,
                     status.st_gid);
}

Finding unwritable(const Place& place, const fs::path& what) {
  Finding finding{Severity::error, "doc-place-access", place.where, place.path.string() + " can't be written"};
  finding.expected = "a place that this user may write";
  finding.got = owner(what);
  finding.remedy = fmt::format("give it to the user that the service runs as (now asked for uid {}), or choose another",
                               ::geteuid());
  finding.commands = {fmt::format("sudo chown -R {} {}", ::geteuid(), shell_word(what.string()))};
  return finding;
}

/// True: it can be written.
bool check_access(const Place& place, Findings& out) {
  std::error_code error;
  if (fs::exists(place.path, error)) {
    const bool directory = fs::is_directory(place.path, error);
    if (directory != place.directory) {
      out.push_back({Severity::error, "doc-place-kind", place.where, place.path.string() + " is of the wrong kind",
                     place.directory ? "a directory" : "a file", directory ? "a directory" : "a file",
                     "choose another path"});
      return false;
    }
    if (!writable(place.path, directory)) {
      out.push_back(unwritable(place, place.path));
      return false;
    }
    if (place.directory) return true;
  }
  const fs::path parent = fs::absolute(place.path, error).parent_path();
  if (!place.made && !fs::exists(parent, error)) {
    out.push_back({Severity::error,
                   "doc-place-missing",
                   place.where,
                   parent.string() + " does not exist",
                   "a directory for " + place.path.filename().string(),
                   "nothing",
                   "make it",
                   {"mkdir -p " + shell_word(parent.string())}});
    return false;
  }
  const fs::path nearest = existing(parent);
  if (writable(nearest, true)) return true;
  out.push_back(unwritable(place, nearest));
  return false;
}

std::optional<Room> room_at(const fs::path& path) {
  struct statvfs facts {};
  if (::statvfs(path.c_str(), &facts) != 0) return {};
  Room room;
  room.free_bytes = facts.f_bavail * facts.f_frsize;
  room.total_bytes = facts.f_blocks * facts.f_frsize;
  room.free_files = facts.f_favail;
  room.total_files = facts.f_files;
  room.read_only = (facts.f_flag & ST_RDONLY) != 0;
  return room;
}

void add_sink(std::vector<Place>& places, const config::SinkConfig& sink) {
  const auto& path = sink.options["path"];
  if (!path || !path.is_text()) return;
  const std::string where = "sink " + sink.name;
  if (sink.kind == "sqlite") places.push_back({where, path.text(), false, false});
  if (sink.kind == "csv" || sink.kind == "recording") places.push_back({where, path.text()});
}

}  // namespace

std::vector<Place> places_of(const config::Configuration& configuration) {
  const fs::path state = configuration.state;
  std::vector<Place> places{{"state", state}};
  for (const auto& device : configuration.devices)
    if (device.capture && device.enabled) {
      places.push_back({"captures", state / "captures"});
      break;
    }
  if (!configuration.log.file.empty()) places.push_back({"log", configuration.log.file, false, false});
  for (const auto& sink : configuration.sinks) add_sink(places, sink);
  return places;
}

void check_file(const std::string& where, const fs::path& file, Findings& out) {
  if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0) {
    out.push_back({Severity::good, "doc-file", where, file.string() + " can be read"});
    return;
  }
  const int error = errno;
  Finding finding{Severity::error, "doc-file", where, file.string() + " can't be read"};
  finding.expected = "a file that this user may read";
  finding.got = std::generic_category().message(error);
  finding.remedy = error == ENOENT ? "is the path right? a relative one begins where the service is started"
                                   : "let the user that the service runs as read it";
  out.push_back(std::move(finding));
}

void judge_room(const Room& room, const std::string& where, const std::string& path, Findings& out) {
  const auto say = [&](Severity severity, const char* code, std::string message, std::string expected, std::string got,
                       std::string remedy, std::vector<std::string> commands) {
    out.push_back({severity, code, where, std::move(message), std::move(expected), std::move(got), std::move(remedy),
                   std::move(commands)});
  };
  if (room.read_only) {
    say(Severity::error, "doc-disk-read-only", "the file system of " + path + " is read-only",
        "one that can be written", "ro", "a disk with errors is mounted so: see the kernel's log",
        {"sudo dmesg | tail -50"});
    return;
  }
  const std::uint64_t little = std::max(kLittle, std::min(room.total_bytes / kShare, kMuch));
  const bool none = room.free_bytes < kTooLittle;
  if (none || room.free_bytes < little) {
    say(none ? Severity::error : Severity::warning, "doc-disk-space",
        none ? "the disk is full" : "the disk is nearly full", "at least " + amount(little) + " free",
        amount(room.free_bytes) + " of " + amount(room.total_bytes),
        "free some, or let less be kept: `retention` of sinks, `keep` of captures, spool limits",
        {fmt::format("du -xh {} | sort -h | tail -20", shell_word(path))});
  }
  const bool few = room.total_files != 0 && room.free_files < std::max(kTooFewFiles, room.total_files / 100);
  if (few)
    say(room.free_files < kTooFewFiles ? Severity::error : Severity::warning, "doc-disk-inodes",
        "the file system can hold hardly any more files", "free inodes",
        fmt::format("{} of {}", room.free_files, room.total_files), "remove small files that nobody needs",
        {fmt::format("du -x --inodes {} | sort -h | tail -20", shell_word(path))});
  if (!none && room.free_bytes >= little && !few)
    out.push_back({Severity::good, "doc-disk", where, amount(room.free_bytes) + " free at " + path});
}

void check_places(const std::vector<Place>& places, Findings& out) {
  struct Disk {
    std::string whose, path;
    Room room;
  };
  std::map<dev_t, Disk> disks;
  for (const auto& place : places) {
    (void)check_access(place, out);
    const fs::path near = existing(place.path);
    struct stat status {};
    const auto room = room_at(near);
    if (!room || ::stat(near.c_str(), &status) != 0) continue;
    auto& disk = disks[status.st_dev];
    if (disk.whose.find(place.where) == std::string::npos) disk.whose += (disk.whose.empty() ? "" : ", ") + place.where;
    if (disk.path.empty()) disk.path = near.string();
    disk.room = *room;
  }
  for (const auto& [device, disk] : disks) judge_room(disk.room, disk.whose, disk.path, out);
}

}  // namespace mesura::doctor
