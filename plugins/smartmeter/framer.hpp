// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::smartmeter {

/// What a framer finds, in the order of the wire.
class FramerSink {
 public:
  struct Frame {
    std::uint32_t number = 0;
    Bytes payload;
    Bytes whole;               ///< with its head of 11 bytes
    std::uint64_t offset = 0;  ///< of its first byte in the link's stream
  };

  /// The text behind "Info:", without its line end.
  virtual void on_line(std::string_view text, Bytes whole, std::uint64_t offset) = 0;
  virtual void on_frame(const Frame& frame) = 0;
  virtual void on_framing_fault(mesura_fault_kind kind, std::string_view code, std::string_view message,
                                std::uint64_t offset, std::uint64_t length) = 0;

 protected:
  ~FramerSink() = default;
};

/// Takes the bytes of a command connection apart: lines "Info:..." and frames "Data:..." in any order.
///
/// The result is the same however the bytes are cut into calls. Payloads are never looked into: they may contain
/// anything. A frame that is whole in a call is handed on where it lies, without a copy; otherwise it is put together
/// once. CR LF between the parts belongs to serial frames and is dropped without a word.
///
/// errors  noise; bad_length (empty, too long or not whole rows: goes on at the next mark); line_too_long
/// cost    no allocation once the longest frame was seen
/// source  protocol sheet, frames and receiver
class Framer {
 public:
  static constexpr std::size_t kHead = 11;            ///< "Data:", u16 length, u32 packet number, both little-endian
  static constexpr std::size_t kLongestLine = 65536;  ///< a dump of the log has 2 x 20 kB

  explicit Framer(FramerSink& sink) : sink_(sink) {}

  /// Whole rows are expected: 0 takes any length. Beyond `longest` payload bytes a length is taken for a wrong one.
  void expect(std::size_t row_bytes, std::size_t longest) {
    row_bytes_ = row_bytes;
    longest_ = longest;
    usual_length_ = 0;
  }
  void push(Bytes bytes, std::uint64_t offset);
  /// The end of the stream, or of a connection.
  void finish();
  /// Forgets what is pending.
  void reset();

 private:
  [[nodiscard]] bool is_next_frame(Bytes bytes) const;
  std::size_t step(Bytes bytes, std::uint64_t offset);
  std::size_t step_line(Bytes bytes, std::uint64_t offset);
  std::size_t step_frame(Bytes bytes, std::uint64_t offset);
  std::size_t step_noise(Bytes bytes, std::uint64_t offset);
  [[nodiscard]] bool fits(std::size_t length) const;
  void reject_length(std::size_t length, std::uint64_t offset);
  std::size_t refill(Bytes bytes);
  void end_noise();

  FramerSink& sink_;
  std::size_t row_bytes_ = 0;
  std::size_t longest_ = 65535;
  std::size_t usual_length_ = 0;     ///< payload of the last frame, known to fit
  std::vector<std::uint8_t> carry_;  ///< the beginning of something that is not whole yet
  std::size_t carry_at_ = 0;         ///< its first byte that is still wanted
  std::uint64_t carry_offset_ = 0;   ///< position of that byte
  std::size_t need_ = 0;             ///< bytes from there that the next step wants; 0: up to a line end
  std::size_t scanned_ = 0;          ///< of them, known to hold no line end
  std::uint64_t noise_offset_ = 0, noise_length_ = 0;
  bool noise_counts_ = false;  ///< it is more than line ends
};

/// One UDP datagram: exactly one frame. False if it is none.
[[nodiscard]] bool parse_datagram(Bytes bytes, FramerSink::Frame& out);

}  // namespace mesura::smartmeter
