// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The section `http`: where the service listens, who may ask, and for how much.
#pragma once

#include "config/diagnostic.hpp"
#include "config/http_compat.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mesura::config {

struct HttpLimits {
  std::int64_t points = 0;  ///< windows of one series in one answer
  std::int64_t series = 0;  ///< in one answer
  std::chrono::nanoseconds range{0};
  std::chrono::nanoseconds waveform{0};  ///< kept in memory for each device
  std::int64_t clients = 0;              ///< connections at a time
  std::int64_t event_streams = 0;
};

struct HttpConfig {
  std::vector<std::string> listen;  ///< host:port
  std::string certificate;          ///< files, PEM; both or neither
  std::string key;
  std::string auth;  ///< "auto", "required", "off"
  bool allow_unauthenticated = false;
  std::vector<std::string> host_names;
  std::string sink;  ///< that answers about the past, or empty: the first that can
  HttpLimits limits;
  HttpCompatConfig compat;  ///< routes of the systems before us
  Value section;            ///< all of it: equal sections need no restart
};

[[nodiscard]] Schema http_schema();
/// Of a validated section.
[[nodiscard]] HttpConfig make_http(const Value& section);

/// host:port that only this machine reaches: 127.0.0.0/8, ::1, localhost.
[[nodiscard]] bool is_loopback_address(const std::string& address);

/// What no single value of it can show. `root` is the whole file as read, `sinks` the names of its sinks.
void check_http(const Value& root, const std::vector<std::string>& sinks, const std::string& file, Diagnostics& out);

}  // namespace mesura::config
