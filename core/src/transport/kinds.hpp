// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// The kinds of transports, each made in its own file; kinds.cpp lists them.
#pragma once

#include "transport/transport.hpp"

namespace mesura::transport {

[[nodiscard]] Kind serial_kind();
[[nodiscard]] Kind tcp_kind();
[[nodiscard]] Kind tcp_listen_kind();
[[nodiscard]] Kind udp_kind();
[[nodiscard]] Kind file_kind();
[[nodiscard]] Kind replay_kind();
[[nodiscard]] Kind pty_kind();
[[nodiscard]] Kind seqpacket_listen_kind();
[[nodiscard]] Kind http_kind();
[[nodiscard]] Kind hid_kind();   ///< where the program has MESURA_WITH_HID
[[nodiscard]] Kind mqtt_kind();  ///< where the program has MESURA_WITH_MQTT

}  // namespace mesura::transport
