// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which serial ports and HID devices this machine has.
#pragma once

#include <string>
#include <vector>

namespace mesura::transport {

struct Port {
  std::string kind;         ///< "serial" or "hid": the transport that opens it
  std::string path;         ///< the name that stays: /dev/serial/by-id/... where there is one, else the node
  std::string node;         ///< /dev/ttyUSB0, /dev/hidraw0
  std::string description;  ///< what the device calls itself, or empty
  std::string usb_id;       ///< "0665:5161", or empty
  bool readable = false;    ///< this user may open it
  std::string maker;        ///< who made it, as its USB device says, or empty
  std::string serial;       ///< its serial number, or empty
};

/// By node. `root` is for tests: what stands before /dev and /sys.
[[nodiscard]] std::vector<Port> list_ports(const std::string& root = "");

}  // namespace mesura::transport
