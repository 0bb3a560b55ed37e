// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The machine as the checks see it; a test gives them another one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace mesura::doctor {

/// Times in ns since 1970.
struct ClockFacts {
  std::optional<bool> synchronised;  ///< nothing: the kernel does not tell
  std::int64_t wall_ns = 0;
  std::int64_t since_boot_ns = 0;
  std::optional<bool> hardware;  ///< whether there is a clock that runs without power; nothing: not known
  std::string daemon;            ///< what sets the clock: "systemd-timesyn", or empty
};
[[nodiscard]] ClockFacts read_clock(const std::string& root = "");

struct DescriptorLimit {
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;  ///< the service raises its own to this
};
[[nodiscard]] DescriptorLimit read_descriptor_limit();

/// Who asks: names for remedies.
struct Person {
  std::string user;  ///< "peter"; of sudo, who called it
  bool root = false;
};
[[nodiscard]] Person who_asks();

struct System {
  std::string root = {};  ///< stands before /dev, /sys, /proc, /run and /etc
  ClockFacts clock = read_clock();
  DescriptorLimit descriptors = read_descriptor_limit();
  Person person = who_asks();
};

}  // namespace mesura::doctor
