// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "simulate_places.hpp"

#include "config/reader.hpp"
#include "config/text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace mesura::app {
namespace {

using config::LinkSpec;

bool may(const LinkSpec& link, std::string_view kind) {
  return std::find(link.transports.begin(), link.transports.end(), kind) != link.transports.end();
}

std::string text_of(std::uint32_t address) {
  const in_addr a{htonl(address)};
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &a, text, sizeof text);
}

std::uint32_t parse_ip(const std::string& text, std::uint32_t index) {
  in_addr a{};
  if (::inet_pton(AF_INET, text.c_str(), &a) != 1)
    throw Usage(fmt::format("--listen: expected an IPv4 address or tcp:HOST:PORT, got '{}'", text));
  return ntohl(a.s_addr) + index;
}

/// The directed broadcast address of the network that `address` is in, by this machine's interfaces.
std::optional<std::uint32_t> broadcast_of(std::uint32_t address) {
  if (address >> 24U == 127) return (127U << 24U) | 0xffffffU;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  std::optional<std::uint32_t> found;
  for (const ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_netmask == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    const auto own = ntohl(reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr);
    const auto mask = ntohl(reinterpret_cast<const sockaddr_in*>(i->ifa_netmask)->sin_addr.s_addr);
    if ((own & mask) == (address & mask)) found = own | ~mask;
  }
  ::freeifaddrs(all);
  return found;
}

void place_on_address(std::vector<ServedLink>& links, const SimulateArguments& arguments,
                      const config::PluginSchema& schema, const std::map<std::string, std::uint16_t>& ports,
                      std::uint32_t address) {
  for (std::size_t i = 0; i < schema.links.size(); ++i) {
    const LinkSpec& link = schema.links[i];
    if (!link.port || (link.broadcast && !arguments.broadcast)) continue;
    const auto own = ports.find(link.name);
    const int port = own != ports.end() ? own->second : *link.port;
    const bool udp = may(link, "udp");
    const auto where = link.broadcast ? broadcast_of(address) : std::optional{address};
    if (!where) continue;
    links[i].kind = udp ? "udp" : "tcp_listen";
    links[i].options = {{"listen", fmt::format("{}:{}", text_of(*where), port)}};
    // Programs that search for devices have the port on all addresses, on this machine too.
    if (udp) links[i].options.emplace_back("share_port", "true");
    if (link.broadcast) links[i].options.emplace_back("broadcast", "true");
  }
}

/// "PATH?baud=9600": at any other rate there is only garbage, as on a wire.
std::string take_baud(std::string& path) {
  constexpr std::string_view kBaud = "?baud=";
  const auto at = path.rfind(kBaud);
  if (at == std::string::npos) return {};
  std::string baud = path.substr(at + kBaud.size());
  path.resize(at);
  return baud;
}

/// The place of device `index`: port or path of the first, counted up.
std::string counted(const SimulatePlace& place, std::uint32_t index) {
  if (index == 0) return place.value;
  if (place.kind != "tcp_listen") return fmt::format("{}-{}", place.value, index);
  const auto colon = place.value.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos)
    std::from_chars(place.value.data() + colon + 1, place.value.data() + place.value.size(), port);
  return port == 0 ? place.value : fmt::format("{}:{}", place.value.substr(0, colon), port + index);
}

}  // namespace

std::string ServedLink::address() const { return options.empty() ? std::string{} : options.front().second; }

std::vector<ServedLink> place_links(const SimulateArguments& arguments, const config::PluginSchema& schema,
                                    const std::map<std::string, std::uint16_t>& ports, std::uint32_t index) {
  std::vector<ServedLink> links(schema.links.size());
  for (auto place : arguments.places) {
    if (place.kind == "file") continue;
    if (place.kind == "address") {
      place_on_address(links, arguments, schema, ports, parse_ip(place.value, index));
      if (std::all_of(links.begin(), links.end(), [](const auto& l) { return l.kind.empty(); }))
        throw Usage(
            fmt::format("--listen ADDRESS: the virtual {} has no fixed ports: write tcp:HOST:PORT", schema.name));
      continue;
    }
    const auto link =
        std::find_if(schema.links.begin(), schema.links.end(), [&](const LinkSpec& l) { return may(l, place.kind); });
    if (link == schema.links.end())
      throw Usage(fmt::format("the virtual {} is not reached by {}", schema.name, place.kind));
    auto& served = links[static_cast<std::size_t>(link - schema.links.begin())];
    if (!served.kind.empty())
      throw Usage(fmt::format("link '{}' of the virtual {} is placed twice", link->name, schema.name));
    const std::string baud = place.kind == "pty" ? take_baud(place.value) : std::string{};
    served.kind = place.kind;
    served.options = {{place.kind == "tcp_listen" ? "listen" : "path", counted(place, index)}};
    if (!baud.empty()) served.options.emplace_back("baud", baud);
  }
  return links;
}

std::map<std::string, std::uint16_t> take_ports(SimulateArguments& arguments, const config::PluginSchema& schema) {
  std::map<std::string, std::uint16_t> ports;
  std::erase_if(arguments.device_options, [&](const auto& option) {
    const auto& [key, value] = option;
    constexpr std::string_view kSuffix = "_port";
    if (key.size() <= kSuffix.size() || key.substr(key.size() - kSuffix.size()) != kSuffix) return false;
    const std::string name = key.substr(0, key.size() - kSuffix.size());
    const auto link = std::find_if(schema.links.begin(), schema.links.end(),
                                   [&](const LinkSpec& l) { return l.name == name && l.port; });
    if (link == schema.links.end() || config::find_field(schema.options, key) != nullptr) return false;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
    if (error != std::errc{} || end != value.data() + value.size())
      throw Usage(fmt::format("--{}-port: expected 0 to 65535, got '{}'", name, value));
    ports.emplace(name, port);
    return true;
  });
  return ports;
}

std::unique_ptr<transport::Transport> serve(const ServedLink& link, const transport::Context& context) {
  const transport::Kind* kind = transport::find_kind(link.kind);
  if (kind == nullptr) throw Usage(fmt::format("this build of Mesura has no transport '{}'", link.kind));
  const auto reading = config::read_pairs(link.options, kind->schema);
  if (!reading.ok()) {
    const auto& first = reading.diagnostics.list().front();
    throw Usage(fmt::format("{}; expected {}, got {}", first.message, first.expected, first.got));
  }
  return kind->make(reading.value, context);
}

}  // namespace mesura::app
