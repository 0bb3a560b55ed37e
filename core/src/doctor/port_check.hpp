// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "doctor/finding.hpp"
#include "doctor/system.hpp"
#include "transport/ports.hpp"

#include <string>

namespace mesura::doctor {

struct PortCheck {
  const System& system;
  int service = 0;  ///< pid of the running service, which may hold its ports; 0: none
  Findings& out;
};

/// The serial port of a device: is it there, may this user open it, who else has it. Nothing is opened. True: it could
/// be opened now.
bool check_serial(const PortCheck& check, const std::string& where, const std::string& path);

/// The HID device of a link, by path or by vendor and product.
bool check_hid(const PortCheck& check, const std::string& where, const config::Value& options);

/// A port that this machine has, whoever may use it.
bool check_port(const PortCheck& check, const std::string& where, const transport::Port& port);

/// "KERNEL==\"hidraw*\", ATTRS{idVendor}==...": the rule that lets group dialout in, in a command that installs it.
[[nodiscard]] std::vector<std::string> hidraw_rule(const std::string& usb_id);

}  // namespace mesura::doctor
