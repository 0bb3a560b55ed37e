// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_firmware.hpp"

#include <charconv>

namespace mesura::ct6::twin {
namespace {

/// "2.8" and "2.80" are 280.
std::optional<int> hundredths_of(std::string_view text) {
  int whole = 0;
  const char* const end = text.data() + text.size();
  const auto [dot, error] = std::from_chars(text.data(), end, whole);
  if (error != std::errc{} || whole < 0 || whole > 99) return std::nullopt;
  if (dot == end) return whole * 100;
  const std::string_view decimals(dot + 1, static_cast<std::size_t>(end - dot - 1));
  if (*dot != '.' || decimals.empty() || decimals.size() > 2) return std::nullopt;
  int part = 0;
  const auto [stop, bad] = std::from_chars(decimals.data(), end, part);
  if (bad != std::errc{} || stop != end || part < 0) return std::nullopt;
  return whole * 100 + (decimals.size() == 1 ? part * 10 : part);
}

Averaging averaging_of(int version) {
  if (version < 261) return Averaging::on_request;
  if (version < 264) return Averaging::cached;
  return version < 266 ? Averaging::running : Averaging::mean;
}

}  // namespace

std::optional<Firmware> find_firmware(std::string_view text) {
  const auto version = hundredths_of(text);
  if (!version) return std::nullopt;
  Firmware f;
  f.text = std::string(text);
  f.hundredths = *version;
  f.silent_inactive = f.mqtt = *version >= 261;
  f.time_sent = *version >= 265;
  f.led_and_uptime = *version >= 250;
  f.restarts_without_wifi = *version >= 263;
  f.keeps_slot = *version >= 290;
  f.averaging = averaging_of(*version);
  // The sheet knows an early 2.69 like 2.68 and a late one like 2.70; this is the late one.
  if (*version < 268) {
    f.factor_rule = FactorRule::none;
  } else if (*version < 269) {
    f.factor_rule = FactorRule::by_sign;
    f.factor_threshold = 50;
  }
  f.sample_ms = *version >= 264 ? 200 : 400;
  f.input_gain = *version >= 280 ? 1 : 4;
  return f;
}

}  // namespace mesura::ct6::twin
