// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What devices announce in the local network (mDNS), as the Avahi daemon has heard it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mesura::doctor {

struct Service {
  std::string name;     ///< "smartmeter001", as its owner called it
  std::string type;     ///< "_elec._tcp"
  std::string host;     ///< "smartmeter001.local"
  std::string address;  ///< "192.168.0.7"
  std::uint16_t port = 0;
  std::map<std::string, std::string, std::less<>> texts;  ///< of its TXT record
};

struct Browsed {
  std::vector<Service> services;  ///< each once, by type and name
  std::string problem;            ///< why nothing could be asked, one line; or empty
};

/// Asks for these types, for so long. Blocks. Where the library or the daemon is missing, `problem` says so.
[[nodiscard]] Browsed browse(const std::vector<std::string>& types, std::chrono::milliseconds patience);

/// What an announcement means to us.
struct Announced {
  std::string plugin;   ///< that reads it; empty: none does
  std::string address;  ///< as every verb takes it, with the name or the address as host; empty: none
  std::string sink;     ///< a section `sinks` in place of a device: a broker
  bool sure = true;     ///< false: only its name says so
  std::string what;     ///< for people: "SmartMeter", "P1 meter behind a serial bridge"
};
/// Nothing (`what` empty) for services that are no meter's. `by_name`: this machine can look names in .local up.
[[nodiscard]] Announced meaning(const Service& service, bool by_name);

/// The types that meaning() knows.
[[nodiscard]] std::vector<std::string> known_types();

/// Whether the system's resolver asks mDNS ("hosts: files mdns4_minimal dns" in /etc/nsswitch.conf).
[[nodiscard]] bool resolves_local(const std::string& root = "");

}  // namespace mesura::doctor
