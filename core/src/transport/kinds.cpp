// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/kinds.hpp"

#include <array>

namespace mesura::transport {

std::span<const Kind> kinds() {
  static const std::array all{serial_kind(), tcp_kind(),    tcp_listen_kind(), udp_kind(),
                              file_kind(),   replay_kind(), pty_kind()};
  return all;
}

const Kind* find_kind(std::string_view name) {
  for (const auto& kind : kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

}  // namespace mesura::transport
