// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/value.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::sinks::mqtt {

enum class Payload : std::uint8_t {
  json,
  value,  ///< the bare number or text of one measurement
  influx  ///< line protocol
};

enum class Protocol : std::uint8_t { v311, v5 };

struct Options {
  std::string url;  ///< mqtt:// or mqtts://, host, perhaps a port
  std::string username;
  std::string password;
  std::string client_id;  ///< empty: made of the machine's name and the rest of the options, always the same
  std::string ca_file;    ///< empty: the system's
  std::string cert_file;
  std::string key_file;
  bool insecure = false;
  Protocol protocol = Protocol::v311;

  std::string topic = "mesura/{device}";
  Payload payload = Payload::json;
  int qos = 1;
  bool retain = false;
  std::size_t inflight = 1000;
  std::chrono::seconds keepalive{30};
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds{10};
  std::chrono::nanoseconds confirm_timeout = std::chrono::seconds{10};

  std::string availability = "mesura/status";  ///< "none": nothing is said
  bool home_assistant = false;
  std::string discovery_prefix = "homeassistant";
  std::string birth_topic = "homeassistant/status";
};

inline constexpr std::string_view kNoAvailability = "none";

/// Of a configured sink of this kind.
[[nodiscard]] Options read_options(const config::Value& options);

/// Where a URL leads.
struct Address {
  std::string host;  ///< without brackets
  std::uint16_t port = 1883;
  bool tls = false;
  [[nodiscard]] std::string text() const;  ///< "broker:8883", "[::1]:1883"
};

/// The address in options.url; what is not said there is the usual (1883, with TLS 8883).
[[nodiscard]] Address address_of(const Options& options);
/// What a configuration's schema cannot see: a message with code and hint, or empty.
[[nodiscard]] std::string problem_of(const Options& options);
/// options.client_id, or the one that stands for this machine and these options.
[[nodiscard]] std::string client_id_of(const Options& options);

}  // namespace mesura::sinks::mqtt
