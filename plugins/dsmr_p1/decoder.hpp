// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cipher.hpp"
#include "framer.hpp"
#include "telegram_parser.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::dsmr_p1 {

enum class CrcMode : std::uint8_t {
  automatic,  ///< telegrams without CRC pass on a link that never had one, unless they claim a version that has it
  require,
  ignore  ///< it is not compared
};

enum class AuthMode : std::uint8_t {
  automatic,  ///< a tag that does not fit passes if the decrypted telegram's own CRC does
  require,
  ignore  ///< the tag is not looked at
};

/// What the decoder did not take, or took with a remark. The codes are those of the counters.
struct DecodeFault {
  enum class Kind : std::uint8_t { frame, object, noise, note };
  Kind kind = Kind::frame;
  std::string_view code;     ///< "crc_error", "line_error", ...
  std::string_view message;  ///< expected and got
  std::uint64_t offset = 0;  ///< in the link's stream
  std::uint64_t length = 0;
};

struct Counters {
  std::uint64_t telegrams_ok = 0;
  std::uint64_t crc_error = 0;
  std::uint64_t crc_missing = 0;
  std::uint64_t crc_recovered = 0;
  std::uint64_t truncated = 0;
  std::uint64_t overflow = 0;
  std::uint64_t noise_bytes = 0;
  std::uint64_t line_errors = 0;
  std::uint64_t decrypt_errors = 0;
};

/// Receives, in the order of the bytes, what a decoder finds. References end with the call.
class DecoderSink {
 public:
  virtual void on_telegram(Telegram& telegram) = 0;
  virtual void on_fault(const DecodeFault& fault) = 0;

 protected:
  ~DecoderSink() = default;
};

/// P1 bytes in, readings out: framing, checks, decryption and parsing, without clock or I/O.
///
/// cost    below 1 us for an 890-byte telegram whose layout is known; no allocation after the first telegrams
/// memory  bounded by the telegram limit, whatever comes in
class Decoder final : private FrameJudge {
 public:
  struct Settings {
    std::size_t max_telegram = 8192;
    CrcMode crc = CrcMode::automatic;
    AuthMode auth = AuthMode::automatic;
    std::optional<Key> encryption_key;
    Key authentication_key{};
    TelegramParser::Settings parser;
  };

  /// Throws std::runtime_error for a zone that does not exist.
  Decoder(Settings settings, DecoderSink& sink);

  void push(Bytes bytes, std::int64_t received_ns, std::uint64_t offset);
  /// How long the line may be silent before silence() matters, see Framer::patience().
  [[nodiscard]] std::int64_t patience() const { return framer_.patience(); }
  void silence(std::int64_t quiet_ns) { framer_.silence(quiet_ns); }
  /// Nothing more will come: finishes what is pending.
  void finish() { framer_.silence(Framer::kForever); }
  /// Forgets bytes that belong to no telegram yet.
  void discard() { framer_.reset(); }
  /// A new connection: forgets the same and what was learnt of the link's CRC, not what was told.
  void reset();

  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] Attributes& attributes() { return parser_.attributes(); }

 private:
  bool judge_plain(const PlainFrame& frame) override;
  bool judge_cipher(const CipherFrame& frame, bool quiet) override;
  void on_frame_fault(FrameFault fault, std::uint64_t offset, std::uint64_t length, Bytes head) override;

  /// Compares a telegram's CRC and hands it on. `text` to '!', digits directly behind; `kSlack` readable bytes behind
  /// those.
  bool judge_without_crc(Bytes text, std::uint64_t offset, std::uint64_t length);
  bool judge_text(Bytes text, std::size_t crc_digits, std::uint64_t offset, std::uint64_t length);
  [[nodiscard]] bool ignores_crc(Bytes text) const;
  bool accept(Telegram& telegram, Bytes with_crc, std::uint16_t crc, std::uint64_t offset);
  bool decrypt(const CipherParts& parts, bool& tag_fits);
  void check_counter(const CipherParts& parts, const CipherFrame& frame);
  void report(DecodeFault::Kind kind, std::string_view code, std::string_view message, std::uint64_t offset,
              std::uint64_t length);

  Settings settings_;
  DecoderSink& sink_;
  Framer framer_;
  TelegramParser parser_;
  std::optional<Cipher> cipher_;
  std::vector<std::uint8_t> copy_;  ///< unmasked or decrypted telegram
  std::string expanded_;
  Counters counters_;
  std::int64_t received_ns_ = 0;
  bool seen_crc_ = false;  ///< a telegram with a good CRC came over this link
  bool told_unverified_ = false;
  bool has_counter_ = false;
  std::uint32_t last_counter_ = 0;
};

}  // namespace mesura::dsmr_p1
