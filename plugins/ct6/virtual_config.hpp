// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6's configuration, `this.machine.cfg` (sheet, sections 4.3 and 4.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtual_firmware.hpp"
#include "virtual_json.hpp"

namespace mesura::ct6::twin {

inline constexpr std::string_view kUncalibratedAssy = "ASY0197_V00.0000_SN00000000";

class Config {
 public:
  /// Every key with its default.
  Config(const Firmware& firmware, int ports);

  [[nodiscard]] const Object& object() const { return object_; }
  [[nodiscard]] const Value* find(std::string_view key) const { return twin::find(object_, key); }
  [[nodiscard]] double number(std::string_view key, double fallback) const;
  /// A text, or what is stored in its place as JSON prints it.
  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] bool truthy(std::string_view key) const;
  void put(std::string_view key, Value value) { twin::put(object_, key, std::move(value)); }

  /// Whether `/set_config` knows the key (upper case).
  [[nodiscard]] bool settable(std::string_view key) const;
  /// Replaces the members that `file` holds; a file that is no JSON object changes nothing.
  void merge(std::string_view file);
  /// Whether a WiFi network has been configured.
  [[nodiscard]] bool provisioned() const;
  void provision(bool on);

  /// The 16 keys of `factory.cfg` (more with more ports) as its text.
  [[nodiscard]] std::string factory() const;

 private:
  int ports_;
  Object object_;
};

/// What a value that came over HTTP is stored as: a float if it reads as one, else the text.
[[nodiscard]] Value stored_value(std::string_view text);

/// "CT1" + "_NAME".
[[nodiscard]] std::string port_key(int port, std::string_view suffix);

}  // namespace mesura::ct6::twin
