// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "keys.hpp"

#include <array>
#include <charconv>

namespace mesura::ct6 {
namespace {

// In the order of the enumerations.
constexpr std::array<std::string_view, kPortNumbers> kPortNumberNames = {"PRMS",  "PREACT", "PAPPARENT", "PF",  "IRMS",
                                                                         "IPEAK", "VRMS",   "FREQ",      "TEMP"};
constexpr std::array<std::string_view, kPortTexts> kPortTextNames = {"NAME", "TYPE"};
constexpr std::array<std::string_view, kUnitNumbers> kUnitNumberNames = {"RSSI", "BOARD_TEMPERATURE", "READ_TIME_NS",
                                                                         "ACTIVE", "PF_WATTS_THRESHOLD"};
constexpr std::array<std::string_view, kUnitTexts> kUnitTextNames = {
    "PRODUCT_ID", "DEVICE_TYPE",      "ASSY",       "UNIT_NAME", "YDEV_UNIT_NAME",
    "GROUP_NAME", "FIRMWARE_VERSION", "IP_ADDRESS", "OS",        "SERVICE_LIST"};

/// Names and their keys, found by length, first and last letter.
class KeyTable {
 public:
  template <std::size_t N>
  void add(const std::array<std::string_view, N>& names, Role role) {
    for (std::size_t i = 0; i < N; ++i) add(names[i], {role, static_cast<std::uint8_t>(i)});
  }
  void add(std::string_view name, Key key) {
    std::size_t at = place(name);
    while (!entries_[at].name.empty()) at = (at + 1) % kPlaces;
    entries_[at] = {name, key};
  }
  [[nodiscard]] Key find(std::string_view name) const {
    if (name.empty()) return {};
    for (std::size_t at = place(name); !entries_[at].name.empty(); at = (at + 1) % kPlaces)
      if (entries_[at].name == name) return entries_[at].key;
    return {};
  }

 private:
  struct Entry {
    std::string_view name;
    Key key;
  };
  static constexpr std::size_t kPlaces = 128;  // at most 18 names: most have a place to themselves

  static std::size_t place(std::string_view name) {
    constexpr std::size_t a = 7, b = 31;
    const auto letter = [](char c) { return static_cast<std::size_t>(static_cast<unsigned char>(c)); };
    return (name.size() + a * letter(name.front()) + b * letter(name.back())) % kPlaces;
  }

  std::array<Entry, kPlaces> entries_{};
};

KeyTable unit_keys() {
  KeyTable table;
  table.add(kUnitNumberNames, Role::number);
  table.add(kUnitTextNames, Role::text);
  table.add("TIMESENT", {Role::time_sent, 0});
  table.add("AYT", {Role::ayt, 0});
  table.add("ERROR", {Role::error, 0});
  return table;
}

KeyTable port_keys() {
  KeyTable table;
  table.add(kPortNumberNames, Role::number);
  table.add(kPortTextNames, Role::text);
  return table;
}

/// n of "CTn", without leading zeros; 0: not a port.
std::uint8_t port_number(std::string_view name) {
  if (name.size() < 3 || !name.starts_with("CT") || name[2] == '0') return 0;
  unsigned n = 0;
  const auto [end, error] = std::from_chars(name.data() + 2, name.data() + name.size(), n);
  if (error != std::errc{} || end != name.data() + name.size() || n > kMaxPorts) return 0;
  return static_cast<std::uint8_t>(n);
}

}  // namespace

Key find_unit_key(std::string_view name) {
  static const KeyTable table = unit_keys();
  if (const std::uint8_t n = port_number(name); n != 0) return {Role::port, n};
  Key key = table.find(name);
  if (key == Key{Role::number, static_cast<std::uint8_t>(UnitNumber::active)}) key.role = Role::flag;
  return key;
}

Key find_port_key(std::string_view name) {
  static const KeyTable table = port_keys();
  return table.find(name);
}

std::string_view wire_name(PortNumber number) { return kPortNumberNames[index(number)]; }
std::string_view wire_name(PortText text) { return kPortTextNames[index(text)]; }
std::string_view wire_name(UnitNumber number) { return kUnitNumberNames[index(number)]; }
std::string_view wire_name(UnitText text) { return kUnitTextNames[index(text)]; }

}  // namespace mesura::ct6
