// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "simulate_arguments.hpp"

#include "config/plugin_schema.hpp"
#include "session/plugin_session.hpp"
#include "transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mesura::app {

/// Where one link of one virtual device is served.
struct ServedLink {
  std::string kind;  ///< of transport; empty: not served
  KeyValues options;
  /// "127.0.0.2:29340", for the device's own information.
  [[nodiscard]] std::string address() const;
};

/// The links of virtual device `index`, by LinkId, as `arguments` place them. `ports` are the --LINK-port options.
/// Throws Usage.
[[nodiscard]] std::vector<ServedLink> place_links(const SimulateArguments& arguments,
                                                  const config::PluginSchema& schema,
                                                  const std::map<std::string, std::uint16_t>& ports,
                                                  std::uint32_t index);

/// Takes the --LINK-port options out of those of the device. Throws Usage.
[[nodiscard]] std::map<std::string, std::uint16_t> take_ports(SimulateArguments& arguments,
                                                              const config::PluginSchema& schema);

/// A transport that serves there. Throws Usage.
[[nodiscard]] std::unique_ptr<transport::Transport> serve(const ServedLink& link, const transport::Context& context);

}  // namespace mesura::app
