// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What `mesura discover` has found, for people and for machines.
#pragma once

#include "config/configuration.hpp"
#include "doctor/mdns.hpp"
#include "doctor/port_guess.hpp"
#include "doctor/port_probe.hpp"
#include "transport/port_holders.hpp"
#include "transport/ports.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {

struct Found {
  std::string plugin;
  std::string address;  ///< as every verb takes it
  std::map<std::string, std::string, std::less<>> attributes;
  std::string by;  ///< "broadcast", "host", "mdns"
  bool answered = true;
  std::string note = {};
  std::vector<std::pair<std::string, std::string>> options = {};  ///< of the plugin, to be configured
};

struct PortFound {
  transport::Port port;
  doctor::PortGuess guess;
  std::vector<transport::PortHolder> holders;
  std::optional<doctor::PortProbe::Found> probed;
  std::string probe;  ///< what came of probing: "answers as dsmr_p1", "nothing", why not; empty: not probed
};

struct Announcement {
  doctor::Service service;
  doctor::Announced meaning;
};

struct Discovery {
  std::vector<Found> devices;
  std::vector<PortFound> ports;
  std::vector<Announcement> others;  ///< announced, but no device that a plugin reads
  std::optional<std::string> mdns_problem;
};

/// The attribute, or nothing.
[[nodiscard]] std::string attribute(const Found& found, std::string_view key);

void print_discovery_table(const Discovery& discovery, const config::Catalog& catalog);
void print_discovery_json(const Discovery& discovery, const config::Catalog& catalog);

}  // namespace mesura::app
