// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/port_guess.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace mesura::doctor {
namespace {

using Trust = Guess::Trust;

/// The first row that fits decides. Numbers by the USB ID repository; names as udev's by-id links of such devices have
/// them. Empty members fit everything.
struct Row {
  std::string_view kind;    ///< "serial", "hid"
  std::string_view usb_id;  ///< "0403:6001", or a vendor "0403:"
  std::string_view name;    ///< part of maker, product and by-id name, in small letters
  std::string_view plugin;  ///< or empty: none of ours
  Trust trust;
  std::string_view why;         ///< of a stranger: what it is
  std::string_view other = {};  ///< a second plugin for which the chip is used
};

constexpr std::array kRows{
    // Others' sticks, often with the same chips: a byte of ours may upset them.
    Row{"", "", "zigbee", "", Trust::likely, "a Zigbee stick"},
    Row{"", "", "z-stick", "", Trust::likely, "a Z-Wave stick"},
    Row{"", "", "zwave", "", Trust::likely, "a Z-Wave stick"},
    Row{"", "", "z-wave", "", Trust::likely, "a Z-Wave stick"},
    Row{"", "", "conbee", "", Trust::likely, "a Zigbee stick"},
    Row{"", "", "skyconnect", "", Trust::likely, "a Zigbee stick"},
    Row{"", "", "sonoff", "", Trust::likely, "a Zigbee stick"},
    Row{"", "", "rfxtrx", "", Trust::likely, "a 433 MHz transceiver"},
    Row{"", "", "rflink", "", Trust::likely, "a 433 MHz transceiver"},
    Row{"serial", "0658:0200", "", "", Trust::likely, "a Z-Wave stick"},
    Row{"serial", "1cf1:0030", "", "", Trust::likely, "a Zigbee stick"},
    Row{"serial", "1546:", "", "", Trust::likely, "a GPS receiver"},
    Row{"serial", "12d1:", "", "", Trust::likely, "a modem"},
    Row{"serial", "2c7c:", "", "", Trust::likely, "a modem"},
    Row{"serial", "1199:", "", "", Trust::likely, "a modem"},
    Row{"serial", "2341:", "", "", Trust::likely, "an Arduino"},
    // By name.
    Row{"serial", "", "p1 conver", "dsmr_p1", Trust::likely, "it calls itself a P1 cable"},
    Row{"serial", "", "p1_conver", "dsmr_p1", Trust::likely, "it calls itself a P1 cable"},
    Row{"serial", "", "p1 cable", "dsmr_p1", Trust::likely, "it calls itself a P1 cable"},
    Row{"serial", "", "smart meter cable", "dsmr_p1", Trust::likely, "it calls itself a P1 cable"},
    Row{"serial", "", "usb-p1", "dsmr_p1", Trust::likely, "it calls itself a P1 cable"},
    Row{"serial", "", "dsmr", "dsmr_p1", Trust::likely, "it calls itself a P1 cable"},
    Row{"serial", "", "slimmelezer", "dsmr_p1", Trust::likely, "it calls itself a P1 reader"},
    Row{"serial", "", "smartmeter", "smartmeter", Trust::likely, "it calls itself a SmartMeter"},
    Row{"serial", "", "powermeter", "smartmeter", Trust::likely, "it calls itself a PowerMeter"},
    Row{"", "", "axpert", "axpert", Trust::likely, "it calls itself an Axpert"},
    Row{"", "", "voltronic", "axpert", Trust::likely, "Voltronic made it"},
    // By number.
    Row{"hid", "0665:5161", "", "axpert", Trust::likely,
        "the USB chip of Voltronic inverters, and of UPSes with the same protocol's ancestor"},
    Row{"serial", "303a:", "", "smartmeter", Trust::possible, "an ESP32, as the SmartMeter has"},
    Row{"serial", "10c4:ea60", "", "smartmeter", Trust::possible,
        "a CP210x: on most ESP32 boards, and in some P1 cables", "dsmr_p1"},
    Row{"serial", "1a86:", "", "dsmr_p1", Trust::possible, "a CH34x: in cheap P1 cables, and on some ESP32 boards",
        "smartmeter"},
    Row{"serial", "0403:", "", "dsmr_p1", Trust::possible, "an FTDI chip: in most P1 cables, and in RS232 adapters",
        "axpert"},
    Row{"serial", "067b:", "", "axpert", Trust::possible, "a Prolific chip: in RS232 adapters, and in some P1 cables",
        "dsmr_p1"},
};

std::string names_of(const transport::Port& port) {
  std::string all = port.maker + ' ' + port.description + ' ' + port.path;
  std::transform(all.begin(), all.end(), all.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return all;
}

bool fits(const Row& row, const transport::Port& port, const std::string& names) {
  return (row.kind.empty() || row.kind == port.kind) && std::string_view{port.usb_id}.starts_with(row.usb_id) &&
         names.find(row.name) != std::string::npos;
}

Guess make(std::string_view plugin, const transport::Port& port, Trust trust, std::string_view why) {
  return {std::string{plugin}, fmt::format("{}+{}:{}", plugin, port.kind, port.path), trust, std::string{why}};
}

}  // namespace

PortGuess guess(const transport::Port& port) {
  PortGuess out;
  const std::string names = names_of(port);
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return fits(r, port, names); });
  if (row == kRows.end()) return out;
  if (row->plugin.empty()) {
    out.stranger = row->why;
    return out;
  }
  out.guesses.push_back(make(row->plugin, port, row->trust, row->why));
  if (!row->other.empty()) out.guesses.push_back(make(row->other, port, Trust::possible, row->why));
  return out;
}

}  // namespace mesura::doctor
