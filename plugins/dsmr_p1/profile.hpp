// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::dsmr_p1 {

/// National and vendor variants. They change defaults only: a line of another dialect still decodes.
enum class Profile : std::uint8_t { generic, nl2, nl4, nl5, be, lu, at, se, fi, hu, lt, il, ch, iskra_ie, q3d };

struct ProfileTraits {
  Profile profile;
  std::string_view name;              ///< as in the option `profile`
  std::int64_t standard_offset_s;     ///< winter time, seconds east of UTC
  std::string_view zone;              ///< for stamps without suffix, where neither device nor site has one
  std::int64_t mbus_period_s = 3600;  ///< how often a live M-Bus device brings a new reading
  std::string_view t1 = {};           ///< what the country calls its tariffs
  std::string_view t2 = {};
};

[[nodiscard]] const ProfileTraits& traits(Profile profile);
[[nodiscard]] std::optional<Profile> parse_profile(std::string_view name);

/// What a telegram shows of its dialect: bits gathered from its lines.
enum Feature : std::uint32_t {
  kHasData = 1U << 0U,            ///< a complete, well-formed data line
  kHasTime = 1U << 1U,            ///< 0-0:1.0.0
  kHasVersion = 1U << 2U,         ///< 1-3:0.2.8
  kVersion4 = 1U << 3U,           ///< its value is 40 or more
  kVersion5 = 1U << 4U,           ///< 50 or more
  kHasBelgianVersion = 1U << 5U,  ///< 0-0:96.1.4
  kHasDeviceName = 1U << 6U,      ///< 0-0:42.0.0
  kHasTariff11 = 1U << 7U,        ///< 1-0:1.8.11
  kHasTariffs = 1U << 8U,         ///< 1-0:1.8.1 and on
  kHasCombined = 1U << 9U,        ///< 1-0:15.8.0
  kHasQuadrant1 = 1U << 10U,      ///< 1-0:5.8.0
  kHasSerial = 1U << 11U,         ///< 0-0:96.1.1
  kHasDeviceNumber = 1U << 12U,   ///< 1-0:0.0.0
  kHasStarredNumber = 1U << 13U,  ///< the same, written 1-0:0.0.0*255
  kHasSwissRegister = 1U << 14U,  ///< 1-1:1.8.x
  kHasCrc = 1U << 15U
};

/// The dialect of a telegram with this header (without '/') and these features. The first match counts; the order is
/// that of the P1 reference.
[[nodiscard]] Profile recognise(std::string_view header, std::uint32_t features);

/// Such a meter's CRC is known to be wrong.
[[nodiscard]] bool is_iskra_ie(std::string_view header);

}  // namespace mesura::dsmr_p1
