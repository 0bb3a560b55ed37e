// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/mdns.hpp"
#include "runtime/socket_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

namespace mesura::doctor {
namespace {

/// The first row whose type and name fit decides.
struct Row {
  std::string_view type;
  std::string_view part;     ///< of the service's name or host, in small letters; empty: any
  std::string_view plugin;   ///< empty: none reads it
  std::string_view address;  ///< with {host} and {port}
  bool sure;
  std::string_view what;
};

constexpr std::array kRows{
    // The SmartMeter announces the port of its raw stream; commands go to the plugin's own.
    Row{"_elec._tcp", "", "smartmeter", "smartmeter://{host}", true, "SmartMeter or PowerMeter"},
    Row{"_arduino._tcp", "smartmeter", "smartmeter", "smartmeter://{host}", true, "SmartMeter"},
    Row{"_arduino._tcp", "powermeter", "smartmeter", "smartmeter://{host}", true, "PowerMeter"},
    Row{"_http._tcp", "smartmeter", "smartmeter", "smartmeter://{host}", false, "SmartMeter"},
    Row{"_http._tcp", "powermeter", "smartmeter", "smartmeter://{host}", false, "PowerMeter"},
    Row{"_http._tcp", "ct6", "ct6", "ct6+http://{host}:{port}", false, "CT6"},
    Row{"_p1meter._tcp", "", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", true, "P1 meter over TCP"},
    Row{"_iostream._tcp", "p1", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", true, "P1 meter behind a serial bridge"},
    Row{"_iostream._tcp", "dsmr", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", true, "P1 meter behind a serial bridge"},
    Row{"_iostream._tcp", "axpert", "axpert", "axpert+tcp://{host}:{port}", true, "Axpert behind a serial bridge"},
    Row{"_telnet._tcp", "p1", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", true, "P1 meter behind a serial bridge"},
    Row{"_telnet._tcp", "dsmr", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", true, "P1 meter behind a serial bridge"},
    Row{"_telnet._tcp", "meter", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", false, "P1 meter behind a serial bridge"},
    Row{"_telnet._tcp", "slimmelezer", "dsmr_p1", "dsmr_p1+tcp://{host}:{port}", true, "P1 reader"},
    Row{"_telnet._tcp", "axpert", "axpert", "axpert+tcp://{host}:{port}", true, "Axpert behind a serial bridge"},
    Row{"_telnet._tcp", "inverter", "axpert", "axpert+tcp://{host}:{port}", false, "inverter behind a serial bridge"},
    // Bridges that announce their web page; the meter is on the port that they have by default.
    Row{"_http._tcp", "p1", "dsmr_p1", "dsmr_p1+tcp://{host}:23", false, "P1 bridge (its usual port)"},
    Row{"_http._tcp", "dsmr", "dsmr_p1", "dsmr_p1+tcp://{host}:23", false, "P1 bridge (its usual port)"},
    Row{"_http._tcp", "slimmelezer", "dsmr_p1", "dsmr_p1+tcp://{host}:8088", false, "P1 reader (its usual port)"},
    Row{"_esphomelib._tcp", "p1", "dsmr_p1", "dsmr_p1+tcp://{host}:8088", false, "P1 reader (its usual port)"},
    Row{"_esphomelib._tcp", "dsmr", "dsmr_p1", "dsmr_p1+tcp://{host}:8088", false, "P1 reader (its usual port)"},
    Row{"_esphomelib._tcp", "slimmelezer", "dsmr_p1", "dsmr_p1+tcp://{host}:8088", false, "P1 reader (its usual port)"},
    Row{"_hwenergy._tcp", "", "", "", true,
        "HomeWizard meter: speaks HTTP with a form of its own, which no plugin reads"},
    Row{"_mqtt._tcp", "", "", "", true, "MQTT broker"},
    Row{"_secure-mqtt._tcp", "", "", "", true, "MQTT broker with TLS"},
};

std::string small(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// `word` as a word of its own: "p1-bridge", "my_p1", "p1monitor"; not in "esp12".
bool holds(const std::string& text, std::string_view word) {
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if (at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0) return true;
  // Long words are no accident wherever they stand.
  return word.size() > 4 && text.find(word) != std::string::npos;
}

/// A host in an address: IPv6 stands in brackets there.
std::string in_address(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

/// It came over the network: nothing in it may end a YAML scalar or begin an option.
bool is_host(const std::string& host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':' || c == '%';
  });
}

std::string filled(std::string_view form, const std::string& host, std::uint16_t port) {
  return fmt::format(fmt::runtime(form), fmt::arg("host", in_address(host)), fmt::arg("port", port));
}

}  // namespace

std::vector<std::string> known_types() {
  std::set<std::string_view> types;
  for (const auto& row : kRows) types.insert(row.type);
  return {types.begin(), types.end()};
}

Announced meaning(const Service& service, bool by_name) {
  const std::string names = small(service.name + ' ' + service.host);
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) {
    return r.type == service.type && (r.part.empty() || holds(names, r.part));
  });
  if (row == kRows.end()) return {};
  std::string host = by_name && !service.host.empty() ? service.host : service.address;
  if (!is_host(host)) host = service.address;
  if (!is_host(host)) return {};
  Announced out{std::string{row->plugin}, {}, {}, row->sure, std::string{row->what}};
  if (!row->plugin.empty()) out.address = filled(row->address, host, service.port);
  if (service.type == "_mqtt._tcp" || service.type == "_secure-mqtt._tcp")
    out.sink = fmt::format("sinks:\n  broker: {{mqtt: {{url: \"{}://{}:{}\"}}}}\n",
                           service.type == "_mqtt._tcp" ? "mqtt" : "mqtts", in_address(host), service.port);
  return out;
}

bool resolves_local(const std::string& root) {
  std::ifstream in{root + "/etc/nsswitch.conf"};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words{line.substr(0, line.find('#'))};
    std::string word;
    if (!(words >> word) || word != "hosts:") continue;
    while (words >> word)
      if (word.starts_with("mdns") || word == "resolve") return true;
  }
  return false;
}

}  // namespace mesura::doctor
