// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A catalog of its own, so that these tests change only when this room does.
#pragma once

#include "config/configuration.hpp"

namespace mesura::config::fake {

/// Plugins `meter` (one link, an option of each type) and `duo` (links command, data and aux), transports serial, tcp,
/// tcp_listen, udp, file and hid, sinks sqlite, csv and mqtt.
[[nodiscard]] const Catalog& catalog();

/// An environment with METER_HOST=p1.example, PORT=2001, PASSWORD=correct-horse and EMPTY=.
[[nodiscard]] Environment environment();

}  // namespace mesura::config::fake
