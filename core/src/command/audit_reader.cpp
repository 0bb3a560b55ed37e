// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/audit_reader.hpp"

#include "model/glob.hpp"
#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace mesura::command {

namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kMostLine = 1024 * 1024;
/// How every line of the log begins.
constexpr std::string_view kHead = R"({"time":")";

std::string text_of(const simdjson::dom::object& object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string{text} : std::string{};
}

std::string json_of(const simdjson::dom::object& object, std::string_view key) {
  simdjson::dom::element element;
  return object[key].get(element) == simdjson::SUCCESS ? simdjson::minify(element) : std::string{};
}

/// Hands out the lines of a file from its end, each with its place.
class BackwardLines {
 public:
  BackwardLines(int fd, std::uint64_t end) : fd_(fd), at_(end) {}

  struct Line {
    std::uint64_t at = 0;
    std::string text;
    bool whole = true;  ///< false: too long, its text is not there
  };
  /// Nothing: the beginning has been reached, or `problem()`.
  std::optional<Line> next() {
    for (;;) {
      const auto feed = held_.rfind('\n', scan_);
      if (feed != std::string::npos) {
        Line line = cut(feed + 1);
        held_.resize(feed);
        scan_ = std::string::npos;
        if (line.text.empty() && line.whole) continue;
        return line;
      }
      if (at_ == 0) {
        if (held_.empty() && !skipping_) return std::nullopt;
        return std::exchange(ended_, true) ? std::nullopt : std::optional{cut(0)};
      }
      if (!read_block()) return std::nullopt;
    }
  }
  [[nodiscard]] int problem() const { return problem_; }

 private:
  Line cut(std::size_t from) {
    const bool whole = !std::exchange(skipping_, false);
    return {at_ + from, whole ? held_.substr(from) : std::string{}, whole};
  }

  bool read_block() {
    if (held_.size() > kMostLine) {
      // Its beginning has yet to come.
      skipping_ = true;
      held_.clear();
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, at_));
    std::string block(size, '\0');
    for (std::size_t done = 0; done < size;) {
      const auto n = ::pread(fd_, block.data() + done, size - done, static_cast<off_t>(at_ - size + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        problem_ = n < 0 ? errno : EIO;
        return false;
      }
      done += static_cast<std::size_t>(n);
    }
    at_ -= size;
    scan_ = size;
    held_.insert(0, block);
    return true;
  }

  int fd_;
  std::uint64_t at_;                      ///< where `held_` begins
  std::string held_;                      ///< read, and not handed out
  std::size_t scan_ = std::string::npos;  ///< behind this there is no line feed
  bool skipping_ = false;
  bool ended_ = false;
  int problem_ = 0;
};

/// A line, or what a writer that was killed has left of one with the next one behind it.
std::optional<AuditEntry> salvage(const BackwardLines::Line& line, std::uint64_t& broken) {
  if (auto entry = parse_audit_line(line.text)) {
    entry->at = line.at;
    return entry;
  }
  ++broken;
  const auto begin = line.text.rfind(kHead);
  if (begin == std::string::npos || begin == 0) return std::nullopt;
  auto entry = parse_audit_line(std::string_view{line.text}.substr(begin));
  if (entry) entry->at = line.at;
  return entry;
}

}  // namespace

std::optional<AuditEntry> parse_audit_line(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(line.data(), line.size()).get(object) != simdjson::SUCCESS) return std::nullopt;
  const auto time = runtime::parse_time(text_of(object, "time"));
  AuditEntry entry;
  entry.event = text_of(object, "event");
  entry.device = text_of(object, "device");
  if (!time || entry.event.empty() || entry.device.empty()) return std::nullopt;
  entry.time_ns = *time;
  entry.id = text_of(object, "id");
  entry.command = text_of(object, "command");
  entry.arguments = json_of(object, "arguments");
  entry.who = text_of(object, "who");
  entry.via = text_of(object, "via");
  entry.from = text_of(object, "from");
  entry.sent = text_of(object, "sent");
  entry.status = text_of(object, "status");
  entry.message = text_of(object, "message");
  entry.before = json_of(object, "before");
  entry.after = json_of(object, "after");
  entry.line = line;
  return entry;
}

bool matches(const AuditQuery& query, const AuditEntry& entry) {
  if (query.from_ns && entry.time_ns < *query.from_ns) return false;
  if (query.to_ns && entry.time_ns >= *query.to_ns) return false;
  return query.devices.empty() || std::any_of(query.devices.begin(), query.devices.end(), [&](const std::string& glob) {
           return model::wildcard_matches(glob, entry.device);
         });
}

AuditPage read_audit(const std::filesystem::path& file, const AuditQuery& query) {
  AuditPage page;
  const runtime::UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  const auto problem = [&](int error) { page.problem = fmt::format("{}: {}", file.string(), std::strerror(error)); };
  if (!fd) {
    if (errno != ENOENT) problem(errno);
    return page;
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    problem(errno);
    return page;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  BackwardLines lines{fd.get(), std::min(query.before.value_or(size), size)};
  while (page.entries.size() < query.limit) {
    const auto line = lines.next();
    if (!line) break;
    auto entry = salvage(*line, page.broken);
    if (entry && matches(query, *entry)) page.entries.push_back(std::move(*entry));
  }
  if (lines.problem() != 0) problem(lines.problem());
  if (!page.entries.empty() && page.entries.size() == query.limit && page.entries.back().at > 0)
    page.next = page.entries.back().at;
  return page;
}

void append_entries(std::string& out, const std::vector<AuditEntry>& entries) {
  out += '[';
  for (const auto& entry : entries) {
    if (&entry != &entries.front()) out += ',';
    out += entry.line;
  }
  out += ']';
}

}  // namespace mesura::command
