// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading the texts inside the options of virtual devices.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_house/clock.hpp"

namespace mesura::virtual_house {

/// A decimal as an integer in units of 10^-decimals; more decimals than that, other characters or an overflow give
/// nothing.
std::optional<std::int64_t> parse_decimal(std::string_view text, int decimals);

/// Seconds from `15s`, `5m`, `1h`, `2d`; a bare number gives nothing.
std::optional<std::int64_t> parse_seconds(std::string_view text);

/// Wh from `12.345kWh` or `12345Wh`.
std::optional<std::int64_t> parse_wh(std::string_view text);

/// `2024-02-05T16:45:00Z`.
std::optional<UtcSeconds> parse_utc(std::string_view text);

/// Bytes from hex digits; an odd count or other characters give nothing.
std::optional<std::vector<std::uint8_t>> parse_hex(std::string_view text);

/// The parts between `separator`, blanks around them removed; an empty text has no parts.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The serial `steps` further on: the digits at its end count, at most nine of them, and keep their width.
std::string serial_after(std::string serial, std::uint32_t steps);

std::string_view trim(std::string_view text);

/// Throws std::invalid_argument in the one form of all option errors.
[[noreturn]] void refuse(std::string_view where, std::string_view expected, std::string_view got);

}  // namespace mesura::virtual_house
