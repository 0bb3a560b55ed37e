// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A transport in one line, as plugins name those that they open themselves.
#pragma once

#include "transport/transport.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::transport {

struct Spec {
  std::string kind;
  std::function<std::unique_ptr<Transport>()> make;
  std::string error;  ///< what, expected, got; then there is no `make`
  explicit operator bool() const { return error.empty(); }
};

/// Reads KIND://PLACE?OPTION=VALUE&..., e.g. "tcp://192.168.0.7:54322", "udp://?listen=0.0.0.0:54323",
/// "mqtt://broker:1883?topics=a/b,c/#"; elements of a list stand between commas. `allowed`: the kinds that the link may
/// use.
[[nodiscard]] Spec read_spec(std::string_view text, const std::vector<std::string>& allowed, const Context& context);

}  // namespace mesura::transport
