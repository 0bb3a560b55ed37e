// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// From what a device sends to what is stored: one sign convention for every device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/vocabulary.hpp"

namespace mesura::model {

/// What a channel measures, which decides what plus means:
///   none     import or consumption
///   grid     import
///   load     consumption
///   battery  charging
///   solar    production
enum class Role : std::uint8_t { none, grid, solar, battery, load };

[[nodiscard]] std::string_view to_string(Role role);  ///< "", "grid", "solar", "battery", "load"
/// Null for a word that is no role; "" is Role::none.
[[nodiscard]] std::optional<Role> role_from(std::string_view name);

/// What plus means on the wire, before any role: a plugin's convention, per channel.
enum class WireSign : std::uint8_t {
  import_positive,  ///< import, consumption, charging: the default
  export_positive   ///< export, production, discharging: a CT6, an inverter's solar input
};

/// What the configuration says about one channel.
struct ChannelRule {
  std::string label;  ///< the user's name, or empty
  Role role = Role::none;
  bool invert = false;  ///< the clamp sits the wrong way round
  double scale = 1;     ///< > 0; e.g. 0.5 for a conductor that passes the clamp twice
  double offset = 0;    ///< in the base unit of the quantity that takes it, in the stored sign
};

/// What is done to every value of one series.
struct Transform {
  std::string quantity;  ///< the series' quantity after it
  double factor = 1;
  double offset = 0;

  /// The stored value. Whole numbers stay exact with factor 1 or -1; there is no negative zero.
  [[nodiscard]] double operator()(double wire) const { return factor * wire + offset; }
  [[nodiscard]] bool changes_values() const { return factor != 1 || offset != 0; }
};

/// The transform of `quantity` on a channel with `rule`.
///
/// sign    Quantities marked `signed` (active_power, reactive_power, power_factor, direct_current, ...) are turned to
///         import-positive, then for Role::solar to production-positive, then turned once more by `invert`.
/// invert  Also exchanges directed quantities with their opposites: active_power_import becomes active_power_export,
///         quadrant 1 becomes quadrant 3. Magnitudes (voltage, current, apparent power) don't change.
///         Roles never rename: import and export mean the same on every channel (a solar input exports).
/// scale   Multiplies what grows with the current or the flow: W var VA A Wh varh VAh m3 GJ. Voltage, frequency,
///         temperature, ratios and all states stay.
/// offset  Is added last, to quantities marked `trim` only (active_power, temperature, the registers of gas, water and
///         heat): the others of the channel have other units.
///
/// Texts and states are never changed, but a directed state is exchanged as well (current_threshold_import).
[[nodiscard]] Transform normalise(const Quantity& quantity, const ChannelRule& rule,
                                  WireSign wire = WireSign::import_positive);

}  // namespace mesura::model
