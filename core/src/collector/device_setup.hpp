// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "plugin/loader.hpp"
#include "session/device.hpp"
#include "transport/transport.hpp"

#include <string>

namespace mesura::collector {

/// The user's rules for the channels of a device, in the words of the model.
[[nodiscard]] session::SeriesBinder::ChannelRules channel_rules(const config::DeviceConfig& device);

/// A configured device as the session room takes it, without capture and relay. Throws std::logic_error for a plugin or
/// transport that does not exist: the configuration was not checked against `plugins`.
[[nodiscard]] session::Device::Setup device_setup(const config::DeviceConfig& device, const std::string& zone,
                                                  const plugin::PluginSet& plugins, const transport::Context& context);

}  // namespace mesura::collector
