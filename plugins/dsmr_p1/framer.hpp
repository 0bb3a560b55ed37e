// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace mesura::dsmr_p1 {

using Bytes = std::span<const std::uint8_t>;

/// What lies between a '/' and the '!' that ends it; not yet judged.
struct PlainFrame {
  Bytes text;            ///< from '/' up to and including '!'
  Bytes crc_digits;      ///< 0 to 4 hex digits
  bool masked = false;   ///< every byte carries a parity bit: mask with 7Fh
  std::uint64_t offset;  ///< of '/' in the link's stream
};

/// A general-glo-ciphering frame by its structure; not yet decrypted.
struct CipherFrame {
  Bytes bytes;           ///< from DBh to the last byte of the tag
  std::uint64_t offset;  ///< of DBh in the link's stream
};

enum class FrameFault : std::uint8_t { truncated, overflow, noise };

/// Judges what the framer finds. Every reference ends with the call.
class FrameJudge {
 public:
  /// True: a good telegram, its bytes are used up. False: reported by the judge; the search goes on at its second byte.
  virtual bool judge_plain(const PlainFrame& frame) = 0;
  /// The same for an encrypted frame. With `quiet` a refusal is not to be reported: it will be asked again if it
  /// matters.
  virtual bool judge_cipher(const CipherFrame& frame, bool quiet) = 0;
  /// `head`: the first bytes of it, as received.
  virtual void on_frame_fault(FrameFault fault, std::uint64_t offset, std::uint64_t length, Bytes head) = 0;

 protected:
  ~FrameJudge() = default;
};

/// Finds P1 telegrams, plain and encrypted, in a byte stream.
///
/// The result depends on the bytes and on silences only, never on how the bytes were cut into calls. A false start
/// costs itself: the search goes on at its second byte, so that a torn telegram glued to a good one costs one telegram,
/// not two. cost    linear in the bytes for plausible input; no allocation after construction memory  twice `limit` and
/// 8 KiB source  the receiver rules of DSMR P1 5.0.2 and of general-glo-ciphering (DLMS UA 1000-2)
class Framer {
 public:
  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
  /// So many bytes may be read, not written, behind the spans handed to the judge.
  static constexpr std::size_t kSlack = 64;

  /// limit             longest telegram in bytes, from '/' to '!'
  /// ciphers_in_plain  also look for encrypted frames while a plain telegram is under way
  Framer(std::size_t limit, bool ciphers_in_plain, FrameJudge& judge);

  /// `offset`: of the first byte in the link's stream.
  void push(Bytes bytes, std::uint64_t offset);
  /// How long the line may be silent, in ns, before silence() would change anything; kForever when it never would.
  [[nodiscard]] std::int64_t patience() const;
  /// Nothing came for `quiet_ns`; kForever: nothing more will ever come.
  void silence(std::int64_t quiet_ns);
  /// Forgets everything received, silently.
  void reset();

 private:
  enum class State : std::uint8_t {
    idle,    ///< looking for a start
    header,  ///< at '/', its three letters not yet there
    body,    ///< inside a plain telegram
    tail,    ///< behind '!', reading CRC digits
    cipher   ///< at DBh, the frame not yet complete
  };
  enum class Shape : std::uint8_t { no, unknown, yes };

  void run();
  /// Each takes one step and says whether another can follow with the bytes at hand.
  bool step_idle();
  bool step_header();
  bool step_body();
  bool step_tail(bool no_more);
  bool step_cipher();
  void give_up_cipher();

  [[nodiscard]] std::size_t find(char wanted, std::size_t from, std::size_t to) const;
  [[nodiscard]] bool at_top_level(std::size_t position);
  [[nodiscard]] std::uint8_t at(std::size_t position) const;
  [[nodiscard]] Shape cipher_shape(std::size_t position, std::size_t& total) const;
  /// Looks for an encrypted frame inside the plain candidate, up to `to`. Returns whether one was taken; else `to` is
  /// lowered to where the plain telegram may be scanned for now.
  bool nested_cipher(std::size_t& to);

  void start_candidate(std::size_t position);
  void take(std::size_t end);
  void reject(std::size_t reported_end);
  void skip_noise(std::size_t position);
  void flush_noise();
  [[nodiscard]] std::uint64_t offset_of(std::size_t position) const { return base_ + position; }
  [[nodiscard]] Bytes span(std::size_t from, std::size_t to) const { return Bytes{buffer_}.subspan(from, to - from); }
  void make_room();

  std::size_t limit_;
  bool ciphers_in_plain_;
  FrameJudge& judge_;
  std::vector<std::uint8_t> buffer_;
  std::size_t end_ = 0;     ///< of the bytes in the buffer
  std::uint64_t base_ = 0;  ///< stream offset of buffer_[0]

  State state_ = State::idle;
  bool masked_ = false;
  std::size_t start_ = 0;     ///< of the candidate
  std::size_t scan_ = 0;      ///< next byte to look at
  std::size_t bang_ = 0;      ///< of '!' in state tail
  std::size_t depth_at_ = 0;  ///< parentheses are counted up to here
  int depth_ = 0;
  std::size_t nested_scan_ = 0;
  std::uint64_t reported_ = 0;  ///< stream offset up to which bytes are accounted for: part of a frame or of a fault

  std::uint64_t noise_offset_ = 0;
  std::uint64_t noise_length_ = 0;
  std::array<std::uint8_t, 8> noise_head_{};
};

}  // namespace mesura::dsmr_p1
