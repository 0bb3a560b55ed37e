// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// What serial ports and pseudo-terminals share.
#pragma once

#include <termios.h>

#include <optional>

namespace mesura::transport {

/// The system's code of a baud rate, for the rates that have one.
[[nodiscard]] std::optional<speed_t> speed_of(int baud);
/// The reverse; 0 when unknown.
[[nodiscard]] int baud_of(speed_t speed);

/// Raw 8N1 without flow control, modem lines ignored, at `baud` (0: as it is). False with errno set.
[[nodiscard]] bool make_raw(int fd, int baud);

}  // namespace mesura::transport
