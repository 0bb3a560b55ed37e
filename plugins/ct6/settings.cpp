// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace mesura::ct6 {
namespace {

using namespace std::chrono_literals;

constexpr int kUdpPort = 29340, kHttpPort = 80;
constexpr std::size_t kDefaultMaxMessage = 65536;
constexpr std::chrono::nanoseconds kLeastInterval = 200ms;  // the unit takes its samples so often

[[noreturn]] void refuse(std::string_view option, std::string_view expected, std::string_view got) {
  throw std::invalid_argument(fmt::format("option {}: expected {}, got {}", option, expected, got));
}

/// Where the port begins (at its colon), npos: there is none. IPv6 addresses with a port stand in brackets.
std::size_t port_at(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return colon;
  const bool bare_ipv6 = address.find(':') != colon && (colon == 0 || address[colon - 1] != ']');
  return bare_ipv6 ? std::string_view::npos : colon;
}

bool is_numeric(std::string_view host) {
  if (host.find(':') != std::string_view::npos) return true;  // no name has one
  return !host.empty() &&
         std::all_of(host.begin(), host.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

Mode mode_of(std::string_view kind) {
  if (kind == "udp") return Mode::udp;
  if (kind == "http") return Mode::http;
  if (kind == "mqtt") return Mode::mqtt;
  return Mode::stream;
}

KeyKind read_key(const Options& options) {
  constexpr std::array<std::pair<std::string_view, KeyKind>, 3> words = {
      {{"assy", KeyKind::assy}, {"unit_name", KeyKind::unit_name}, {"address", KeyKind::address}}};
  const std::string_view text = options.text("key", "assy");
  for (const auto& [word, key] : words)
    if (text == word) return key;
  refuse("key", "assy, unit_name or address", text);
}

void read_hosts(const Options& options, Settings& s) {
  const int port = s.mode == Mode::http ? s.http_port : s.udp_port;
  for (const auto& entry : options.entries("hosts")) {
    const std::string_view text = abi::view(entry.value);
    const std::size_t colon = port_at(text);
    const std::string_view host = text.substr(0, colon);
    // Answers are known by the address that they come from.
    if (s.mode == Mode::udp && !is_numeric(host)) refuse("hosts", "IP addresses, as answers come from those", text);
    std::string address = colon == std::string_view::npos ? with_port(host, port) : std::string{text};
    if (std::find(s.hosts.begin(), s.hosts.end(), address) == s.hosts.end()) s.hosts.push_back(std::move(address));
  }
}

}  // namespace

std::string_view host_of(std::string_view address) { return address.substr(0, port_at(address)); }

std::string with_port(std::string_view host, int port) {
  const bool bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return bare_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Settings Settings::from(const SessionInfo& info) {
  const Options& options = info.options;
  Settings s;
  s.mode = mode_of(info.link(kData).kind);
  s.fleet = info.fleet;
  s.can_check = s.mode == Mode::udp && !info.link(kHttp).kind.empty();
  s.address = info.link(kData).address;
  // Without a host of its own it is just called "http".
  const std::string_view http = info.link(kHttp).address;
  if (port_at(http) != std::string_view::npos) s.http_address = http;
  s.key = read_key(options);
  s.interval = options.duration("interval", 1s);
  s.discover_every = options.duration("discover_every", 10s);
  s.udp_port = static_cast<int>(options.integer("udp_port", kUdpPort));
  s.http_port = static_cast<int>(options.integer("http_port", kHttpPort));
  s.max_message = static_cast<std::size_t>(options.integer("max_message", kDefaultMaxMessage));
  s.device_time = options.flag("device_time");
  if (s.interval < kLeastInterval)
    refuse("interval", "at least 200ms, as the unit takes its samples so often",
           fmt::format("{} ns", s.interval.count()));
  read_hosts(options, s);
  if (!s.fleet && !s.hosts.empty()) refuse("hosts", "nothing, as one unit has the transport's host", "a list");
  if (s.fleet && s.mode == Mode::http && s.hosts.empty()) refuse("hosts", "the units to be polled over HTTP", "none");
  return s;
}

}  // namespace mesura::ct6
