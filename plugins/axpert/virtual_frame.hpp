// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The bytes around a command and its reply, as an inverter checks and writes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::axpert::twin {

/// How the bytes 28, 0D and 0A (esc4: 00 too) of a checksum are kept off the wire: each becomes one more than it was.
enum class CrcStyle { plain, esc3, esc4 };

/// CRC-16/XMODEM, bit by bit.
[[nodiscard]] std::uint16_t crc_of(std::string_view bytes);
/// High byte first.
[[nodiscard]] std::array<char, 2> crc_bytes(std::string_view bytes, CrcStyle style);
/// `body`, its checksum and a CR.
[[nodiscard]] std::string seal(std::string_view body, CrcStyle style);
/// Is the frame (without its CR) a body with a checksum that an inverter takes: esc3 or esc4, and plain if `lenient`?
[[nodiscard]] bool crc_fits(std::string_view frame, bool lenient);

/// The one-byte checksum of REVO's QALL: sum of the bytes plus one.
[[nodiscard]] char chk_of(std::string_view bytes);
[[nodiscard]] std::string seal_chk(std::string_view body);
[[nodiscard]] bool chk_fits(std::string_view frame);

/// PI18: `^D`, the length, `data`, checksum, CR.
[[nodiscard]] std::string seal_pi18(std::string_view data, CrcStyle style);

/// Collects the bytes of requests up to their CR. The same requests come out however the input is cut.
class RequestReader {
 public:
  static constexpr std::size_t kLimit = 64;

  enum class Event {
    none,
    frame,     ///< frame() is what stood before the CR
    bare,      ///< a CR alone
    overflow,  ///< more than kLimit bytes without a CR: forgotten
  };

  Event push(char byte);
  /// Without the CR; valid until the next push.
  [[nodiscard]] std::string_view frame() const { return frame_; }
  /// Bytes that came at the wrong time stay in front of the next request and spoil it.
  void contaminate(std::string_view bytes);
  void reset() { pending_.clear(); }
  [[nodiscard]] bool empty() const { return pending_.empty(); }

 private:
  std::string pending_;
  std::string frame_;
};

}  // namespace mesura::axpert::twin
