// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The command line of `mesura simulate`: its own options, and those of the virtual device, which only the plugin knows.
#pragma once

#include "verbs.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace mesura::app {

/// A mistake in the arguments.
class Usage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where the first of the virtual devices is to be found; the others follow (address + n, port + n, path-n).
struct SimulatePlace {
  std::string
      kind;  ///< transport: tcp_listen, pty, seqpacket_listen, file, capture; or "address": all fixed ports on it
  std::string value;
};

struct SimulateArguments {
  std::string plugin;
  bool help = false;
  bool control = false;   ///< lines of commands on standard input
  bool broadcast = true;  ///< with an address: also hear its network's broadcasts
  std::vector<SimulatePlace> places;
  std::optional<std::string> log;
  std::uint32_t count = 1;
  std::optional<double> speed;  ///< 0: as fast as possible
  std::optional<std::int64_t> start_ns;
  KeyValues device_options;
};

/// Throws Usage.
[[nodiscard]] SimulateArguments parse_simulate(const std::vector<std::string>& words, Common& common);

extern const char* const kSimulateHelp;

}  // namespace mesura::app
