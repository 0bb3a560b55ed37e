// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// `compat` of the section `http`: routes of the systems before us.
//
//   http:
//     compat:
//       p1_monitor: {device: grid, listen: 192.168.0.5:8081, auth: off}
//       godenerg: {listen: 127.0.0.1:8889}
#pragma once

#include "config/diagnostic.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"

#include <optional>
#include <string>

namespace mesura::config {

/// One of these systems.
struct CompatConfig {
  std::optional<std::string> device;  ///< none: the only one that fits
  std::optional<std::string> listen;  ///< own address and port; none: only the main port has its routes
  std::string auth = "auto";          ///< of that port: "auto", "required", "off", as of the section `http`; "off":
                                      ///< anybody reads, wherever it listens
};

struct HttpCompatConfig {
  std::optional<CompatConfig> p1_monitor;
  std::optional<CompatConfig> godenerg;
};

/// Of the value of `compat`.
[[nodiscard]] Schema http_compat_schema();
/// Of its validated value, or of none.
[[nodiscard]] HttpCompatConfig make_http_compat(const Value& compat);
/// What no single value can show; `root` is the whole file as read, `compat` the value in it.
void check_http_compat(const Value& compat, const Value& root, const std::string& file, Diagnostics& out);

}  // namespace mesura::config
