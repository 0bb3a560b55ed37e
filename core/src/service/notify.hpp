// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace mesura::service {

/// Tells systemd how the service does: "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...".
/// Nothing happens without $NOTIFY_SOCKET. source: sd_notify(3)
void notify(std::string_view state);

/// How often the service manager wants to hear WATCHDOG=1 (half of $WATCHDOG_USEC), if it does at all.
[[nodiscard]] std::optional<std::chrono::nanoseconds> watchdog_interval();

}  // namespace mesura::service
