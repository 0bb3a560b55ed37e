// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::runtime {

enum class Level : std::uint8_t { error, warn, info, debug, trace };

[[nodiscard]] std::string_view to_string(Level level);
[[nodiscard]] std::optional<Level> parse_level(std::string_view text);

struct LogRecord {
  std::int64_t time_ns;
  Level level;
  std::string_view component;  ///< "device.grid", "sink.local", "core"
  std::string_view code;       ///< stable, kebab-case: "dec-crc"; may be empty
  std::string_view message;    ///< one line or several
};

/// The log of one collector: levels per component, any number of outputs. No globals; silent without outputs.
/// Thread-safe.
class Log {
 public:
  /// Called for one record at a time; must not log itself.
  using Output = std::function<void(const LogRecord&)>;

  void add_output(Output output);
  void set_level(Level level);
  /// Overrides the level of one component and those below it ("device.grid"); nullopt takes the override back.
  void set_level(std::string_view component, std::optional<Level> level);
  /// Costs one atomic load for a level that no component has.
  [[nodiscard]] bool enabled(std::string_view component, Level level) const;
  /// Hands the record to every output when its level is enabled.
  void write(Level level, std::string_view component, std::string_view code, std::string_view message);

 private:
  void update_finest();

  mutable std::mutex mutex_;  // of the levels
  Level level_ = Level::info;
  std::map<std::string, Level, std::less<>> overrides_;
  std::atomic<Level> finest_{Level::info};
  std::mutex output_mutex_;
  std::vector<Output> outputs_;
};

/// A component's handle on the log; cheap to copy. A default-made one is silent.
class Logger {
 public:
  Logger() = default;
  Logger(std::shared_ptr<Log> log, std::string component) : log_(std::move(log)), component_(std::move(component)) {}

  template <class... Args>
  void error(std::string_view code, fmt::format_string<Args...> format, Args&&... args) const {
    write(Level::error, code, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warn(std::string_view code, fmt::format_string<Args...> format, Args&&... args) const {
    write(Level::warn, code, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(std::string_view code, fmt::format_string<Args...> format, Args&&... args) const {
    write(Level::info, code, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void debug(std::string_view code, fmt::format_string<Args...> format, Args&&... args) const {
    write(Level::debug, code, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void trace(std::string_view code, fmt::format_string<Args...> format, Args&&... args) const {
    write(Level::trace, code, format, std::forward<Args>(args)...);
  }
  [[nodiscard]] bool enabled(Level level) const { return log_ && log_->enabled(component_, level); }
  /// The same log under another component.
  [[nodiscard]] Logger with(std::string component) const { return {log_, std::move(component)}; }

 private:
  template <class... Args>
  void write(Level level, std::string_view code, fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(level)) log_->write(level, component_, code, fmt::format(format, std::forward<Args>(args)...));
  }

  std::shared_ptr<Log> log_;
  std::string component_;
};

/// Outputs.
/// text      "2026-06-14T12:45:01.213Z warn  [device.grid] dec-crc: 41 of 360 ..."
/// json      one object a line with the same fields
/// journald  text without time, "<4>" priorities in front of every line (for stderr under systemd)
/// In text, further lines of a message are indented and control characters are escaped: foreign text can't forge a
/// record.
enum class LogFormat : std::uint8_t { text, json, journald };
[[nodiscard]] Log::Output log_to_fd(int fd, LogFormat format);
/// Appends; starts a new file before one would pass `max_bytes` (0: never) and keeps `keep` old ones (file.1 is the
/// youngest). Throws std::system_error when the file can't be opened now; what fails later is lost in silence.
[[nodiscard]] Log::Output log_to_file(const std::string& path, LogFormat format, std::uint64_t max_bytes, int keep);

}  // namespace mesura::runtime
