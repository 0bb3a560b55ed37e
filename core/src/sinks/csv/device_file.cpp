// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/csv/device_file.hpp"

#include <mesura/sink.hpp>

#include "runtime/time_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mesura::sinks::csv {
namespace {

// Written to the file when so much has gathered, and at each commit.
constexpr std::size_t kFlushBytes = 256 * 1024;
// How far back a file of an earlier run is read, at first; more when no whole line is in it.
constexpr std::uint64_t kTailBytes = 1024 * 1024;

std::string read_range(int fd, std::uint64_t from, std::uint64_t to, const std::filesystem::path& path) {
  std::string text(to - from, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::pread(fd, text.data() + done, text.size() - done, static_cast<off_t>(from + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(path, "reading", errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  text.resize(done);
  return text;
}

std::uint64_t file_size(int fd, const std::filesystem::path& path) {
  struct stat s {};
  if (::fstat(fd, &s) != 0) fail_io(path, "looking at", errno);
  return static_cast<std::uint64_t>(s.st_size);
}

// The first line with its line end, or nothing.
std::string read_header(int fd, std::uint64_t size, const std::filesystem::path& path) {
  for (std::uint64_t n = 64 * 1024;; n *= 4) {
    std::string text = read_range(fd, 0, std::min(n, size), path);
    if (const auto end = text.find('\n'); end != std::string::npos) return text.substr(0, end + 1);
    if (n >= size) return {};
  }
}

// A line of ours, without its end: a time first, and as many cells as the header has.
std::optional<std::int64_t> line_time(std::string_view line, std::size_t cells) {
  const auto time = runtime::parse_time(line.substr(0, line.find(',')));
  if (!time || split_raw(line).size() != cells) return std::nullopt;
  return time;
}

std::string_view without_end(const std::string& header) {
  return std::string_view{header}.substr(0, header.size() - 1);
}

// Lines are compared cell by cell from the left: they help only if the present columns begin with theirs.
bool begins_with(const std::string& present, const std::string& header) {
  return present.empty() || present == header || present.starts_with(std::string{without_end(header)} + ",");
}

// Reads the last whole lines into `recent`; returns where the last of them ends (or the header). A line may hold line
// ends in quotes, so not every line end ends one: only what reads as a whole line of ours counts.
std::uint64_t read_tail(int fd, std::uint64_t size, const std::string& header, RecentLines& recent,
                        const std::filesystem::path& path) {
  const std::size_t cells = split_raw(without_end(header)).size();
  for (std::uint64_t window = kTailBytes;; window *= 4) {
    const bool all = window >= size - header.size();
    const std::uint64_t from = all ? header.size() : size - window;
    const std::string text = read_range(fd, from, size, path);
    std::size_t at = 0;
    std::size_t good_end = 0;
    while (at < text.size()) {
      const std::string_view rest = std::string_view{text}.substr(at);
      const auto length = record_length(rest);
      const auto line = rest.substr(0, length.value_or(1) - 1);
      if (const auto time = length ? line_time(line, cells) : std::nullopt) {
        recent.add(*time, line);
        at += *length;
        good_end = at;
        continue;
      }
      const auto next = rest.find('\n');
      at = next == std::string_view::npos ? text.size() : at + next + 1;
    }
    if (good_end > 0 || all) return from + good_end;
  }
}

}  // namespace

std::int64_t period_of(std::int64_t time_ns, std::int64_t every_ns) {
  return every_ns > 0 ? time_ns / every_ns - (time_ns % every_ns < 0 ? 1 : 0) : 0;
}

std::string file_stamp(std::int64_t time_ns) {
  std::string out;
  for (const char c : runtime::format_time(time_ns, runtime::Precision::seconds)) {
    if (c >= '0' && c <= '9') out += c;
    if (c == 'T') out += '-';
  }
  return out;
}

std::optional<FileName> parse_file_name(std::string_view name) {
  FileName out;
  const auto dot = name.rfind(".csv");
  if (dot == std::string_view::npos) return std::nullopt;
  out.ending = name.substr(dot);
  name = name.substr(0, dot);
  const auto digits = [](std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  // "-2" of a second file in the same second.
  if (const auto dash = name.rfind('-');
      dash != std::string_view::npos && name.size() - dash <= 5 && digits(name.substr(dash + 1))) {
    name = name.substr(0, dash);
  }
  constexpr std::size_t kStamp = 16;  // "-20260614-120000"
  if (name.size() <= kStamp) return std::nullopt;
  const std::string_view stamp = name.substr(name.size() - kStamp);
  if (stamp[0] != '-' || stamp[9] != '-' || !digits(stamp.substr(1, 8)) || !digits(stamp.substr(10, 6)))
    return std::nullopt;
  const auto time =
      runtime::parse_time(fmt::format("{}-{}-{}T{}:{}:{}Z", stamp.substr(1, 4), stamp.substr(5, 2), stamp.substr(7, 2),
                                      stamp.substr(10, 2), stamp.substr(12, 2), stamp.substr(14, 2)));
  if (!time) return std::nullopt;
  out.stem = name.substr(0, name.size() - kStamp);
  out.time_ns = *time;
  return out;
}

DeviceFile::DeviceFile(std::filesystem::path directory, std::string stem, Limits limits, std::size_t remembered_bytes)
    : directory_(std::move(directory)), stem_(std::move(stem)), limits_(limits), recent_(remembered_bytes) {}

std::uint64_t DeviceFile::recover(const std::string& present) {
  if (recovered_) return 0;
  std::uint64_t cut = 0;
  if (!part_.empty()) open_part();
  const std::uint64_t size = size_;
  if (!part_.empty()) {
    header_ = read_header(fd_.get(), size, part_);
    if (header_.empty()) {
      forget();
      cut = size;
    }
  }
  known_header_ = header_;
  remember_finished(present);
  if (!part_.empty()) {
    committed_ = size_ = read_tail(fd_.get(), size, header_, recent_, part_);
    if (size_ < size && ::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
      fail_io(part_, "cutting the torn end of", errno);
    cut = size - size_;
    if (!begins_with(present, header_)) recent_.forget();
  }
  recovered_ = true;
  return cut;
}

void DeviceFile::remember_finished(const std::string& present) {
  if (finished_.empty()) return;
  const runtime::UniqueFd fd{::open(finished_.c_str(), O_RDONLY | O_CLOEXEC)};
  // Moved away by its reader: then nothing of it is expected again.
  if (!fd) return;
  const std::uint64_t size = file_size(fd.get(), finished_);
  const std::string header = read_header(fd.get(), size, finished_);
  if (header.empty()) return;
  if (known_header_.empty()) known_header_ = header;
  if (begins_with(known_header_, header) && begins_with(present, header)) {
    read_tail(fd.get(), size, header, recent_, finished_);
  }
}

// Opens the file named by part_; forgets it when somebody took it away.
void DeviceFile::open_part() {
  fd_.reset(::open(part_.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd_ && errno == ENOENT) {
    part_.clear();
    return;
  }
  if (!fd_) fail_io(part_, "opening", errno);
  size_ = file_size(fd_.get(), part_);
}

void DeviceFile::forget() {
  if (!part_.empty()) ::unlink(part_.c_str());
  fd_.reset();
  part_.clear();
  header_.clear();
  size_ = committed_ = 0;
}

void DeviceFile::mark() {
  recent_.mark();
  buffer_.clear();
  if (part_.empty()) return;
  // A file that was moved or deleted by hand would swallow what is written to it.
  struct stat by_name {};
  struct stat by_fd {};
  if (fd_ && (::stat(part_.c_str(), &by_name) != 0 || ::fstat(fd_.get(), &by_fd) != 0 ||
              by_name.st_ino != by_fd.st_ino || by_name.st_dev != by_fd.st_dev)) {
    fd_.reset();
    part_.clear();
    return;
  }
  if (!fd_) open_part();
  if (part_.empty()) return;
  // What a failed rollback left behind goes; a file that became shorter was emptied by hand and is left to that hand.
  if (size_ > committed_ && ::ftruncate(fd_.get(), static_cast<off_t>(committed_)) != 0)
    fail_io(part_, "shortening", errno);
  if (size_ < committed_) {
    fd_.reset();
    part_.clear();
    return;
  }
  size_ = committed_;
}

void DeviceFile::prepare(std::int64_t time_ns, const std::string& header) {
  quiet_turns_ = 0;
  if (!part_.empty()) {
    const bool full = limits_.bytes > 0 && size_ + buffer_.size() >= limits_.bytes;
    if (!full && header == header_) {
      if (buffer_.size() >= kFlushBytes) flush();
      return;
    }
    finish();
  }
  create(time_ns, header);
}

void DeviceFile::create(std::int64_t time_ns, const std::string& header) {
  for (;;) {
    part_ = free_name(time_ns);
    fd_.reset(::open(part_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (fd_) break;
    const int error = errno;
    const auto failed = std::exchange(part_, {});
    if (error != EEXIST) fail_io(failed, "making", error);
  }
  header_ = header;
  size_ = committed_ = 0;
  new_name_ = true;
  buffer_.append(header_);
}

// Named by the first line's second, or the next one that is free; at the very end of a period by a number.
std::filesystem::path DeviceFile::free_name(std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kRoom = 86'400 * kSecond;  // no sum below overflows
  std::int64_t stamp = period_of(std::clamp(time_ns, INT64_MIN + kRoom, INT64_MAX - kRoom), kSecond) * kSecond;
  if (latest_name_ >= stamp) stamp = latest_name_ + kSecond;
  const std::int64_t period = period_of(time_ns, limits_.every_ns);
  const auto is_free = [&](const std::string& name) {
    std::error_code ignored;  // then making the file fails as well
    for (const char* ending : {".csv.part", ".csv", ".csv.gz"}) {
      if (std::filesystem::exists(directory_ / (name + ending), ignored)) return false;
    }
    return true;
  };
  for (; period_of(stamp, limits_.every_ns) == period; stamp += kSecond) {
    const std::string name = stem_ + "-" + file_stamp(stamp);
    if (!is_free(name)) continue;
    latest_name_ = stamp;
    return directory_ / (name + ".csv.part");
  }
  const std::string base = stem_ + "-" + file_stamp(stamp - kSecond);
  for (int n = 2;; ++n) {
    const std::string name = fmt::format("{}-{}", base, n);
    if (is_free(name)) return directory_ / (name + ".csv.part");
  }
}

void DeviceFile::add(std::int64_t time, std::string_view line) {
  recent_.add(time, line);
  buffer_.append(line);
  buffer_.append('\n');
}

void DeviceFile::flush() {
  std::string_view left = buffer_.view();
  while (!left.empty()) {
    const ssize_t n = ::pwrite(fd_.get(), left.data(), left.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_io(part_, "writing", errno);
    size_ += static_cast<std::uint64_t>(n);
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  buffer_.clear();
}

void DeviceFile::sync() {
  if (part_.empty()) return;
  flush();
  if (::fdatasync(fd_.get()) != 0) fail_io(part_, "syncing", errno);
  if (new_name_) {
    sync_directory(directory_);
    new_name_ = false;
  }
}

void DeviceFile::commit() { committed_ = size_; }

void DeviceFile::rollback() noexcept {
  buffer_.clear();
  recent_.rollback();
  if (part_.empty()) return;
  if (committed_ == 0) {
    forget();
    return;
  }
  // If even this fails, the next mark() goes on at `committed_` and overwrites.
  if (fd_ && ::ftruncate(fd_.get(), static_cast<off_t>(committed_)) != 0) fd_.reset();
  size_ = committed_;
}

void DeviceFile::finish() {
  if (!fd_) open_part();
  if (part_.empty()) return;
  sync();
  auto finished = part_;
  finished.replace_extension();
  if (::rename(part_.c_str(), finished.c_str()) != 0 && errno != ENOENT) fail_io(part_, "renaming", errno);
  sync_directory(directory_);
  // Durable under its last name: these lines cannot be taken back any more.
  recent_.mark();
  fd_.reset();
  part_.clear();
  header_.clear();
  size_ = committed_ = 0;
}

bool DeviceFile::is_over(std::int64_t now_ns, int quiet_turns) {
  if (part_.empty() || limits_.every_ns <= 0 || quiet_turns_++ < quiet_turns) return false;
  const auto name = parse_file_name(part_.filename().string());
  return name && period_of(now_ns, limits_.every_ns) > period_of(name->time_ns, limits_.every_ns);
}

}  // namespace mesura::sinks::csv
