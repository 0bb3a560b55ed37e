// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.hpp"

#include "runtime/clock.hpp"

#include <algorithm>

namespace mesura::runtime {

std::string_view to_string(Level level) {
  switch (level) {
    case Level::error: return "error";
    case Level::warn: return "warn";
    case Level::info: return "info";
    case Level::debug: return "debug";
    case Level::trace: return "trace";
  }
  return "unknown";
}

std::optional<Level> parse_level(std::string_view text) {
  for (const auto level : {Level::error, Level::warn, Level::info, Level::debug, Level::trace})
    if (to_string(level) == text) return level;
  return std::nullopt;
}

void Log::add_output(Output output) {
  const std::lock_guard lock{output_mutex_};
  outputs_.push_back(std::move(output));
}

void Log::set_level(Level level) {
  const std::lock_guard lock{mutex_};
  level_ = level;
  update_finest();
}

void Log::set_level(std::string_view component, std::optional<Level> level) {
  const std::lock_guard lock{mutex_};
  if (level) {
    overrides_.insert_or_assign(std::string{component}, *level);
  } else if (const auto found = overrides_.find(component); found != overrides_.end()) {
    overrides_.erase(found);
  }
  update_finest();
}

bool Log::enabled(std::string_view component, Level level) const {
  if (level > finest_.load(std::memory_order_relaxed)) return false;
  const std::lock_guard lock{mutex_};
  if (overrides_.empty()) return level <= level_;
  for (;;) {
    if (const auto found = overrides_.find(component); found != overrides_.end()) return level <= found->second;
    const auto dot = component.rfind('.');
    if (dot == std::string_view::npos) return level <= level_;
    component = component.substr(0, dot);
  }
}

void Log::write(Level level, std::string_view component, std::string_view code, std::string_view message) {
  if (!enabled(component, level)) return;
  const std::lock_guard lock{output_mutex_};
  // Read under the lock: the records of a log are in the order of their times.
  const LogRecord record{SystemClock{}.wall_ns(), level, component, code, message};
  for (const auto& output : outputs_) output(record);
}

void Log::update_finest() {
  Level finest = level_;
  for (const auto& [component, level] : overrides_) finest = std::max(finest, level);
  finest_.store(finest, std::memory_order_relaxed);
}

}  // namespace mesura::runtime
