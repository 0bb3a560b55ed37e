// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "collector/device_setup.hpp"

#include <stdexcept>
#include <utility>

namespace mesura::collector {

session::SeriesBinder::ChannelRules channel_rules(const config::DeviceConfig& device) {
  session::SeriesBinder::ChannelRules rules;
  for (const auto& [channel, c] : device.channels) {
    model::ChannelRule rule;
    rule.label = c.label;
    if (c.role) rule.role = model::role_from(*c.role).value_or(model::Role::none);
    rule.invert = c.invert;
    rule.scale = c.scale;
    rule.offset = c.offset;
    rules.emplace(channel, std::move(rule));
  }
  return rules;
}

session::Device::Setup device_setup(const config::DeviceConfig& device, const std::string& zone,
                                    const plugin::PluginSet& plugins, const transport::Context& context) {
  session::Device::Setup setup;
  setup.name = device.name;
  setup.plugin = plugins.find(device.plugin);
  if (setup.plugin == nullptr)
    throw std::logic_error("plugin '" + device.plugin + "' passed the check but is not loaded");
  for (const auto& link : device.links) {
    const transport::Kind* kind = transport::find_kind(link.kind);
    if (kind == nullptr) throw std::logic_error("transport '" + link.kind + "' passed the check but does not exist");
    setup.links.emplace(link.link, session::Device::Setup::Link{link.kind, [kind, options = link.options, context] {
                                                                  return kind->make(options, context);
                                                                }});
  }
  setup.options = device.options;
  setup.channels = channel_rules(device);
  setup.stale_after = device.stale_after;
  setup.zone = zone;
  setup.control = command::control_from(device.control);
  if (device.fleet) setup.fleet_key = device.fleet->key;
  return setup;
}

}  // namespace mesura::collector
