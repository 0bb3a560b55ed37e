// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The envelope of the virtual meter's telegrams: checksum and cipher. Shares nothing with the decoder, so that both
// meet the protocol alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::dsmr_p1::twin {

/// CRC-16/ARC: x^16+x^15+x^2+1, reflected, from 0, no final XOR.
std::uint16_t arc(std::string_view bytes);

enum class CrcStyle {
  padded,    ///< 4 upper-case digits, as the standard says
  lower,     ///< 4 lower-case digits
  unpadded,  ///< no leading zeros, as thermal converters write it
  none       ///< nothing, as DSMR 2.2 and 3.0
};

/// `body` is everything from '/' to before '!'; the result ends in CR LF.
std::string seal(std::string body, CrcStyle style);

using CipherKey = std::array<std::uint8_t, 16>;
using SystemTitle = std::array<std::uint8_t, 8>;

/// DLMS general-glo-ciphering, suite 0 (AES-128-GCM), authenticated and encrypted.
///
///   byte  0  1  2..9     10 11 12   13  14..17  18..17+n  18+n..29+n
///         DB 08 title    82 LL LL   30  frame   cipher    tag          L = n + 17, big endian
///
/// The length has one byte when it is below 128, `81 LL` below 256, else two: the shortest form, which every reader
/// takes.
///
/// errors  std::invalid_argument for a telegram above 65 518 bytes, std::runtime_error when the cipher library fails
std::string encrypt(std::string_view telegram, const CipherKey& encryption_key, const CipherKey& authentication_key,
                    const SystemTitle& title, std::uint32_t frame_counter);

}  // namespace mesura::dsmr_p1::twin
