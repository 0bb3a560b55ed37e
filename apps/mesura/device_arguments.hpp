// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The command line of `mesura device`: its own options, and the words that belong to the device's command.
#pragma once

#include "verbs.hpp"

#include "config/plugin_schema.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mesura::app {

enum class DeviceForm : std::uint8_t { text, table, json, raw };

struct DeviceArguments {
  Common common;
  std::string devices;             ///< NAME: a name, address, glob, or several of them with commas; or empty
  std::string command;             ///< COMMAND as typed, or empty
  std::vector<std::string> words;  ///< all behind COMMAND, our own options among them until take_own_options()
  bool help = false;
  bool dry_run = false;
  bool yes = false;
  bool allow_raw = false;          ///< bytes as typed to an address
  std::optional<DeviceForm> form;  ///< default: text of one device, a table of several
  std::optional<std::string> output;
  bool overwrite = false;
  std::optional<std::chrono::nanoseconds> timeout;
  ProgressStyle progress = ProgressStyle::automatic;
  KeyValues options;  ///< of the plugins of addresses
};

/// Reads what stands before and between NAME and COMMAND. Throws VerbError.
[[nodiscard]] DeviceArguments parse_device(const std::vector<std::string>& words, const Common& common);

/// Takes our own options out of `words`: those that are no argument's name, up to "--". Throws VerbError.
void take_own_options(DeviceArguments& line, const config::CommandSpec& command);

extern const char* const kDeviceHelp;

}  // namespace mesura::app
