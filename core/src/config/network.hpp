// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The written form of hosts, addresses and URLs; nothing is resolved.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

struct NetworkProblem {
  std::string code;
  std::string message;  ///< a predicate: "has no port"
  std::string hint;
};

/// A name (RFC 1123, '_' taken as well: mDNS and containers use it), IPv4 or IPv6 without brackets.
[[nodiscard]] std::optional<NetworkProblem> check_host(std::string_view text);
/// host:port or [v6]:port. Port 0 is taken: who listens there gets a free one.
[[nodiscard]] std::optional<NetworkProblem> check_address(std::string_view text);
/// scheme://[user[:password]@]host[:port][/...]; `schemes` empty: any. Messages never hold the user part.
[[nodiscard]] std::optional<NetworkProblem> check_url(std::string_view text, const std::vector<std::string>& schemes);

struct Endpoint {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
};
/// Splits what check_address accepts.
[[nodiscard]] std::optional<Endpoint> split_address(std::string_view text);

}  // namespace mesura::config
