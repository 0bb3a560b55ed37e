// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_check.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace mesura::axpert {

enum class Wire : std::uint8_t {
  plain,   ///< COMMAND, CRC, CR
  infini,  ///< PI18: ^P, length, COMMAND, CRC, CR
  sum,     ///< Sorotec: COMMAND, check byte, CR
  bare,    ///< CR alone: a probe, which an idle inverter refuses
  set      ///< PI18: ^S in place of ^P
};

/// The bytes of one request, in both ways of escaping its CRC.
class RequestFrame {
 public:
  static constexpr std::size_t kLongest = 64;
  static constexpr std::size_t kLongestCommand = kLongest - 8;

  /// command: at most kLongestCommand characters; longer ones are cut.
  RequestFrame(std::string_view command, Wire wire);
  RequestFrame() = default;

  [[nodiscard]] Bytes bytes(bool zero_escaped) const { return {(zero_escaped ? other_ : usual_).data(), size_}; }
  /// Whether the CRC has a zero byte, which not every firmware takes as it is.
  [[nodiscard]] bool has_two_forms() const { return two_forms_; }
  [[nodiscard]] Wire wire() const { return wire_; }
  [[nodiscard]] Check reply_check() const { return wire_ == Wire::sum ? Check::sum : Check::crc; }

 private:
  std::array<std::uint8_t, kLongest> usual_{}, other_{};
  std::size_t size_ = 0;
  bool two_forms_ = false;
  Wire wire_ = Wire::plain;
};

}  // namespace mesura::axpert
