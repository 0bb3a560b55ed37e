// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Where a listener listens, and whether it may. No I/O but in resolve_listen().
#pragma once

#include "http/options.hpp"
#include "runtime/socket_address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::http {

struct ListenAddress {
  std::string host;  ///< without brackets; "" and "*": every address of the machine
  std::uint16_t port = 0;
};
/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "*:8080", ":8080"; nullopt for anything else.
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);

/// True for addresses of this machine alone: 127.0.0.0/8, ::1, localhost, names below .localhost. Any other name might
/// be anybody's.
[[nodiscard]] bool is_loopback_host(std::string_view host);

/// Why a listener may not be (http-address, http-open), for a configuration check or the log.
[[nodiscard]] std::optional<ErrorText> refuse_listener(const ListenerOptions& options);
/// What is allowed but unwise (http-no-tls: passwords in clear text beyond loopback; http-unauthenticated).
[[nodiscard]] std::vector<ErrorText> warn_listener(const ListenerOptions& options);

/// The addresses to bind. Looks names up, so it may block. Throws ListenError.
[[nodiscard]] std::vector<runtime::SocketAddress> resolve_listen(const ListenAddress& address);

/// "what\n  expected  ...\n  got       ...\n  hint      ...", as the log shows it after the code.
[[nodiscard]] std::string text_of(const ErrorText& error);

}  // namespace mesura::http
