// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/json.hpp"
#include "runtime/log.hpp"
#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace mesura::runtime {
namespace {

/// A message of several lines with its further lines indented, each after `prefix`; control characters escaped.
void append_message(std::string& out, std::string_view message, std::string_view prefix) {
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  bool line_start = false;
  for (const char c : message) {
    if (line_start && c != ' ') out += "  ";
    line_start = false;
    if (c == '\n') {
      out += '\n';
      out += prefix;
      line_start = true;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
}

void append_source(std::string& out, const LogRecord& record) {
  out += '[';
  out += record.component;
  out += "] ";
  if (record.code.empty()) return;
  out += record.code;
  out += ": ";
}

void append_text(std::string& out, const LogRecord& record) {
  append_time(out, record.time_ns);
  fmt::format_to(std::back_inserter(out), " {:<5} ", to_string(record.level));
  append_source(out, record);
  append_message(out, record.message, "");
}

void append_json(std::string& out, const LogRecord& record) {
  JsonWriter json{out};
  json.begin_object().key("time").string(format_time(record.time_ns));
  json.key("level").string(to_string(record.level)).key("component").string(record.component);
  if (!record.code.empty()) json.key("code").string(record.code);
  json.key("message").string(record.message).end_object();
}

/// The priorities of syslog(3).
std::string_view journald_prefix(Level level) {
  switch (level) {
    case Level::error: return "<3>";
    case Level::warn: return "<4>";
    case Level::info: return "<6>";
    case Level::debug:
    case Level::trace: break;
  }
  return "<7>";
}

void append_journald(std::string& out, const LogRecord& record) {
  const auto prefix = journald_prefix(record.level);
  out += prefix;
  append_source(out, record);
  append_message(out, record.message, prefix);
}

void append_record(std::string& out, const LogRecord& record, LogFormat format) {
  switch (format) {
    case LogFormat::text: append_text(out, record); break;
    case LogFormat::json: append_json(out, record); break;
    case LogFormat::journald: append_journald(out, record); break;
  }
  out += '\n';
}

/// A log that can't be written has nobody to tell: what fails is dropped.
void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

class RotatingFile {
 public:
  RotatingFile(std::string path, LogFormat format, std::uint64_t max_bytes, int keep)
      : path_(std::move(path)), format_(format), max_bytes_(max_bytes), keep_(keep) {
    if (!open()) throw std::system_error(errno, std::generic_category(), "cannot open log file '" + path_ + "'");
  }

  void write(const LogRecord& record) {
    line_.clear();
    append_record(line_, record, format_);
    if (max_bytes_ != 0 && size_ != 0 && size_ + line_.size() > max_bytes_) rotate();
    write_all(fd_.get(), line_);
    size_ += line_.size();
  }

 private:
  bool open() {
    UniqueFd fd{::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return false;
    size_ = static_cast<std::uint64_t>(status.st_size);
    fd_ = std::move(fd);
    return true;
  }

  void rotate() {
    for (int i = keep_ - 1; i >= 1; --i) std::rename(old(i).c_str(), old(i + 1).c_str());
    if (keep_ > 0) {
      std::rename(path_.c_str(), old(1).c_str());
    } else {
      ::unlink(path_.c_str());
    }
    open();  // when it fails, the old file goes on: better in the wrong place than lost
  }

  [[nodiscard]] std::string old(int number) const { return path_ + "." + std::to_string(number); }

  std::string path_;
  LogFormat format_;
  std::uint64_t max_bytes_;
  int keep_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::string line_;
};

}  // namespace

Log::Output log_to_fd(int fd, LogFormat format) {
  return [fd, format, line = std::string{}](const LogRecord& record) mutable {
    line.clear();
    append_record(line, record, format);
    write_all(fd, line);
  };
}

Log::Output log_to_file(const std::string& path, LogFormat format, std::uint64_t max_bytes, int keep) {
  return [file = std::make_shared<RotatingFile>(path, format, max_bytes, keep)](const LogRecord& record) {
    file->write(record);
  };
}

}  // namespace mesura::runtime
