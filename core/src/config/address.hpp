// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A device on the command line, without any file.
#pragma once

#include "config/configuration.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::config {

struct AddressResult {
  std::optional<DeviceConfig> device;  ///< named as its plugin; nothing if there are errors
  Diagnostics diagnostics;             ///< without marks; the file is the address, passwords masked
};

/// True for what from_address is meant for; false for a device's name.
[[nodiscard]] bool is_address(std::string_view text);

/// Reads
///     PLUGIN+TRANSPORT:REST   dsmr_p1+serial:/dev/ttyUSB0   dsmr_p1+tcp://host:port   dsmr_p1+file:-
///     PLUGIN://HOST[:PORT]    over the first of the plugin's transports that has a host
/// REST is the transport's path, host:port or own address; ?key=value&key=value after it are its other options.
/// `options` are the plugin's own.
[[nodiscard]] AddressResult from_address(std::string_view address, const Catalog& catalog,
                                         const std::vector<std::pair<std::string, std::string>>& options = {});

/// What "host:port?key=value&key=value", a path or an own address mean as options of a transport with these `fields`.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> place_options(std::string_view place,
                                                                             const std::vector<Field>& fields);

}  // namespace mesura::config
