// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace mesura::ct6 {

inline constexpr LinkId kData = 0, kHttp = 1;

/// How answers come.
enum class Mode : std::uint8_t {
  stream,  ///< a file or recording: bytes without borders, nobody to ask
  udp,
  http,
  mqtt
};

/// What tells the units of a fleet apart.
enum class KeyKind : std::uint8_t { assy, unit_name, address };

struct Settings {
  Mode mode = Mode::stream;
  bool fleet = false;
  bool can_check = false;  ///< silent units can be asked over HTTP
  KeyKind key = KeyKind::assy;
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds discover_every{};
  std::vector<std::string> hosts;  ///< with port
  int udp_port = 0;
  int http_port = 0;
  std::size_t max_message = 0;
  bool device_time = false;
  std::string address;       ///< of the one unit
  std::string http_address;  ///< the same of the link `http`; empty: it is not configured, or names no host

  /// Throws std::invalid_argument: an option contradicts another, or the link.
  static Settings from(const SessionInfo& info);
};

/// "192.168.0.34:29340" -> "192.168.0.34"; without a port it is the whole.
[[nodiscard]] std::string_view host_of(std::string_view address);
/// "192.168.0.34" -> "192.168.0.34:80", "fe80::1" -> "[fe80::1]:80"
[[nodiscard]] std::string with_port(std::string_view host, int port);

}  // namespace mesura::ct6
