// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Durations and sizes as people write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::config {

/// Why a text is no duration or size.
enum class UnitError { malformed, no_unit, unknown_unit, too_large };

template <class T>
struct Parsed {
  T value{};
  std::optional<UnitError> error;

  explicit operator bool() const { return !error; }
  const T& operator*() const { return value; }
  const T* operator->() const { return &value; }
};

/// "10s", "1h30m", "1.5s": parts of number and unit (ns us ms s m h d w) from large to small, each unit once; a
/// fraction only in the last part and exact to the nanosecond. Not negative; up to 292 years.
[[nodiscard]] Parsed<std::chrono::nanoseconds> parse_duration(std::string_view text);
/// The text that parse_duration reads back as the same: "1h30m", "1s500ms". Not for negative durations.
[[nodiscard]] std::string print_duration(std::chrono::nanoseconds duration);

/// "64MiB", "10GB", "512B": one whole number and a unit (B KB KiB MB MiB GB GiB TB TiB); K means 1000, Ki 1024.
[[nodiscard]] Parsed<std::int64_t> parse_size(std::string_view text);
/// The text with the largest unit that divides the size: "64MiB", "1500B".
[[nodiscard]] std::string print_size(std::int64_t bytes);

}  // namespace mesura::config
