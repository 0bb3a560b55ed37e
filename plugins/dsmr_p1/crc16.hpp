// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace mesura::dsmr_p1 {

/// CRC-16/ARC of `bytes`: x^16 + x^15 + x^2 + 1 (8005h), initial value 0, reflected, no final XOR.
///
/// Takes carry-less multiplication where the processor has it (asked once), tables elsewhere; the result is the same.
/// source  DSMR P1 Companion Standard 5.0.2, telegram format
[[nodiscard]] std::uint16_t crc16(std::span<const std::uint8_t> bytes);

/// The same by slice-by-8 tables on every processor; `crc` is the value of what came before.
[[nodiscard]] std::uint16_t crc16_sliced(std::span<const std::uint8_t> bytes, std::uint16_t crc = 0);

namespace detail {
/// Whether this program and this processor can do crc16_clmul.
[[nodiscard]] bool has_clmul();
/// By carry-less multiplication; only where has_clmul().
[[nodiscard]] std::uint16_t crc16_clmul(std::span<const std::uint8_t> bytes);
}  // namespace detail

}  // namespace mesura::dsmr_p1
