// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// Sockets as every transport wants them: non-blocking, close-on-exec.
#pragma once

#include "runtime/socket_address.hpp"
#include "runtime/unique_fd.hpp"

namespace mesura::transport {

/// Begins to connect a stream socket; it is writable when that has ended, and pending_error() tells how. On failure an
/// empty descriptor and the error number.
[[nodiscard]] runtime::UniqueFd start_connect(const runtime::SocketAddress& address, int& error);
/// SO_ERROR, read and cleared.
[[nodiscard]] int pending_error(int fd);
/// No delay for small packets; a dead peer is noticed after a minute, whether we send or only listen.
void tune_connection(int fd);
/// A listening stream socket; on failure an empty descriptor and the error number. An IPv6 wildcard takes IPv4 as well.
[[nodiscard]] runtime::UniqueFd start_listen(const runtime::SocketAddress& address, int& error);
bool set_option(int fd, int level, int option, int value);

}  // namespace mesura::transport
