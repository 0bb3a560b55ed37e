// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/kinds.hpp"

#include <vector>

namespace mesura::transport {

std::span<const Kind> kinds() {
  static const std::vector<Kind> all {
    serial_kind(), tcp_kind(), tcp_listen_kind(), udp_kind(),
#if MESURA_WITH_HID
        hid_kind(),
#endif
#if MESURA_WITH_MQTT
        mqtt_kind(),
#endif
        http_kind(), file_kind(), replay_kind(), pty_kind(), seqpacket_listen_kind(),
  };
  return all;
}

const Kind* find_kind(std::string_view name) {
  for (const auto& kind : kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace mesura::transport
