// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "profile.hpp"

namespace mesura::dsmr_p1 {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kFiveMinutes = 300;

constexpr ProfileTraits kProfiles[] = {
    {Profile::generic, "generic", kHour, "Europe/Amsterdam"},
    {Profile::nl2, "nl2", kHour, "Europe/Amsterdam", kHour, "low", "normal"},
    {Profile::nl4, "nl4", kHour, "Europe/Amsterdam", kHour, "low", "normal"},
    {Profile::nl5, "nl5", kHour, "Europe/Amsterdam", kFiveMinutes, "low", "normal"},
    {Profile::be, "be", kHour, "Europe/Brussels", kFiveMinutes, "day", "night"},
    {Profile::lu, "lu", kHour, "Europe/Luxembourg"},
    {Profile::at, "at", kHour, "Europe/Vienna"},
    {Profile::se, "se", kHour, "Europe/Stockholm"},
    {Profile::fi, "fi", 2 * kHour, "Europe/Helsinki"},
    {Profile::hu, "hu", kHour, "Europe/Budapest"},
    {Profile::lt, "lt", 2 * kHour, "Europe/Vilnius"},
    {Profile::il, "il", 2 * kHour, "Asia/Jerusalem"},
    {Profile::ch, "ch", kHour, "Europe/Zurich"},
    {Profile::iskra_ie, "iskra_ie", 0, "Europe/Brussels"},
    {Profile::q3d, "q3d", kHour, "Europe/Berlin"},
};

}  // namespace

const ProfileTraits& traits(Profile profile) { return kProfiles[static_cast<std::size_t>(profile)]; }

std::optional<Profile> parse_profile(std::string_view name) {
  for (const ProfileTraits& p : kProfiles)
    if (p.name == name) return p.profile;
  return std::nullopt;
}

bool is_iskra_ie(std::string_view header) { return header.starts_with("ISk5\\2MIE"); }

Profile recognise(std::string_view header, std::uint32_t features) {
  const auto has = [&](std::uint32_t all) { return (features & all) == all; };
  const auto lacks = [&](std::uint32_t any) { return (features & any) == 0; };
  if (has(kHasBelgianVersion) || header.starts_with("FLU5")) return Profile::be;
  if (header.starts_with("Lux5") || has(kHasDeviceName | kHasVersion)) return Profile::lu;
  if (header.starts_with("EST5")) return Profile::at;
  if (header.starts_with("ESO5")) return Profile::lt;
  if (has(kHasTariff11)) return Profile::il;
  if (has(kHasCombined | kHasQuadrant1)) return Profile::hu;
  if (has(kHasDeviceNumber) && is_iskra_ie(header)) return Profile::iskra_ie;
  if (has(kHasStarredNumber)) return Profile::q3d;
  if (has(kVersion5)) return Profile::nl5;
  if (has(kVersion4)) return Profile::nl4;
  if (lacks(kHasTime | kHasCrc)) return Profile::nl2;
  if (has(kHasSwissRegister)) return Profile::ch;
  if (has(kHasTime) && lacks(kHasVersion | kHasSerial | kHasTariffs)) return Profile::se;
  return Profile::generic;
}

}  // namespace mesura::dsmr_p1
