// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "decoder.hpp"

#include "crc16.hpp"
#include "text_value.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::uint8_t kMask = 0x7F;
constexpr std::uint8_t kSuite0 = 0x30;  // authenticated and encrypted, AES-128-GCM
constexpr std::uint32_t kVersionWithCrc = kVersion4 | kHasBelgianVersion;

std::uint16_t hex_value(Bytes digits) {
  unsigned value = 0;
  for (const std::uint8_t d : digits) value = value * 16 + static_cast<unsigned>(hex_digit(static_cast<char>(d)));
  return static_cast<std::uint16_t>(value);
}

/// The CRC of a telegram whose CRs a gateway has removed.
std::uint16_t crc_with_line_ends(Bytes text, std::string& expanded) {
  expanded.clear();
  for (const std::uint8_t b : text) {
    if (b == '\n') expanded.push_back('\r');
    expanded.push_back(static_cast<char>(b));
  }
  return crc16({reinterpret_cast<const std::uint8_t*>(expanded.data()), expanded.size()});
}

/// What an unreadable start looks like, for those who listen to the wrong port.
std::string_view foreign_protocol(Bytes head) {
  const auto at = [&](std::size_t i) { return i < head.size() ? head[i] : std::uint8_t{0}; };
  if (at(0) == 0x68 && at(3) == 0x68 && at(4) == 0x53 && at(5) == 0xFF)
    return "DLMS wrapped in M-Bus (Austrian meters with a customer interface), not P1";
  if (at(0) == 0x7E && (at(1) & 0xF0U) == 0xA0) return "HDLC frames (HAN port with a binary list), not P1";
  return {};
}

bool is_elgama_binary(Bytes text) {
  constexpr std::string_view start = "/EGM5";
  constexpr std::string_view binary{"\x00\x82\x02\x30\x30", 5};
  const std::string_view view{reinterpret_cast<const char*>(text.data()), text.size()};
  return view.starts_with(start) && view.find(binary) != std::string_view::npos;
}

}  // namespace

Decoder::Decoder(Settings settings, DecoderSink& sink)
    : settings_(std::move(settings)),
      sink_(sink),
      framer_(settings_.max_telegram, settings_.encryption_key.has_value(), *this),
      parser_(settings_.parser),
      copy_(settings_.max_telegram + 64) {
  if (settings_.encryption_key) cipher_.emplace(*settings_.encryption_key, settings_.authentication_key);
  expanded_.reserve(settings_.max_telegram);
}

void Decoder::push(Bytes bytes, std::int64_t received_ns, std::uint64_t offset) {
  received_ns_ = received_ns;
  framer_.push(bytes, offset);
}

void Decoder::reset() {
  framer_.reset();
  seen_crc_ = false;
}

void Decoder::report(DecodeFault::Kind kind, std::string_view code, std::string_view message, std::uint64_t offset,
                     std::uint64_t length) {
  sink_.on_fault({kind, code, message, offset, length});
}

bool Decoder::judge_plain(const PlainFrame& frame) {
  const std::size_t length = frame.text.size() + frame.crc_digits.size();
  if (!frame.masked) return judge_text(frame.text, frame.crc_digits.size(), frame.offset, length);
  const std::uint8_t* from = frame.text.data();
  std::transform(from, from + length, copy_.begin(),
                 [](std::uint8_t b) { return static_cast<std::uint8_t>(b & kMask); });
  return judge_text(Bytes{copy_}.first(frame.text.size()), frame.crc_digits.size(), frame.offset, length);
}

bool Decoder::judge_text(Bytes text, std::size_t crc_digits, std::uint64_t offset, std::uint64_t length) {
  if (crc_digits == 0) return judge_without_crc(text, offset, length);

  const Bytes with_crc{text.data(), text.size() + crc_digits};
  const std::uint16_t crc = crc16(text);
  const std::uint16_t sent = hex_value(with_crc.last(crc_digits));
  bool good = sent == crc;
  if (!good && ignores_crc(text)) {
    if ((parser_.scan(text) & kHasData) != 0)
      return accept(parser_.parse(text, true, received_ns_), with_crc, crc, offset);
    ++counters_.crc_error;
    report(DecodeFault::Kind::frame, "crc_error", "expected at least one data line where the CRC is ignored, got none",
           offset, length);
    return false;
  }
  if (!good && std::find(text.begin(), text.end(), '\r') == text.end() && crc_with_line_ends(text, expanded_) == sent) {
    good = true;
    ++counters_.crc_recovered;
    report(DecodeFault::Kind::note, "crc_recovered",
           "the CRC fits once the missing CRs are put back; something on the way removes them", offset, length);
  }
  if (!good) {
    ++counters_.crc_error;
    report(DecodeFault::Kind::frame, "crc_error", fmt::format("expected CRC {:04X}, got {:04X}", crc, sent), offset,
           length);
    return false;
  }
  seen_crc_ = true;
  return accept(parser_.parse(text, true, received_ns_), with_crc, crc, offset);
}

bool Decoder::ignores_crc(Bytes text) const {
  const std::string_view header{reinterpret_cast<const char*>(text.data()) + 1, text.size() - 1};
  return settings_.crc == CrcMode::ignore || (settings_.crc == CrcMode::automatic && is_iskra_ie(header));
}

/// Random bytes hold "/abc...!" often enough, so without a CRC a telegram has to look like one.
bool Decoder::judge_without_crc(Bytes text, std::uint64_t offset, std::uint64_t length) {
  std::string_view why;
  if (settings_.crc == CrcMode::require) {
    why = "the option crc is `require`";
  } else if (settings_.crc == CrcMode::automatic && seen_crc_) {
    why = "the telegrams before had one";
  } else {
    const std::uint32_t features = parser_.scan(text);
    if ((features & kHasData) == 0) {
      why = "and the telegram has no data line either";
    } else if (settings_.crc == CrcMode::automatic && (features & kVersionWithCrc) != 0) {
      why = "meters of this P1 version send one";
    } else {
      return accept(parser_.parse(text, false, received_ns_), text, 0, offset);
    }
  }
  ++counters_.crc_missing;
  report(DecodeFault::Kind::frame, "crc_missing", fmt::format("expected a CRC behind '!', got none; {}", why), offset,
         length);
  return false;
}

bool Decoder::accept(Telegram& telegram, Bytes with_crc, std::uint16_t crc, std::uint64_t offset) {
  telegram.text = with_crc;
  telegram.offset = offset;
  telegram.crc = crc;
  ++counters_.telegrams_ok;
  counters_.line_errors += telegram.line_faults.size();
  sink_.on_telegram(telegram);
  return true;
}

bool Decoder::decrypt(const CipherParts& parts, bool& tag_fits) {
  tag_fits = settings_.auth != AuthMode::ignore && cipher_->authenticated(parts, copy_.data());
  if (tag_fits) return true;
  if (settings_.auth == AuthMode::require) return false;
  cipher_->unverified(parts, copy_.data());
  return true;
}

bool Decoder::judge_cipher(const CipherFrame& frame, bool quiet) {
  const CipherParts parts = split_cipher(frame.bytes);
  const auto refuse = [&](const auto& message) {
    if (!quiet) {
      ++counters_.decrypt_errors;
      report(DecodeFault::Kind::frame, "decrypt_error", message, frame.offset, frame.bytes.size());
    }
    return false;
  };
  if (parts.security_control != kSuite0)
    return refuse(fmt::format("expected security control 30, got {:02X}", parts.security_control));
  if (!cipher_)
    return refuse("the telegram is encrypted and no encryption_key is configured; the grid operator hands it out");

  bool tag_fits = false;
  if (!decrypt(parts, tag_fits))
    return refuse(
        "the authentication tag does not fit: wrong key, or damaged on the way (the option auth is `require`)");

  // The plaintext is a telegram of the same length: '/' ... '!' CRC CR LF.
  const Bytes plain = Bytes{copy_}.first(parts.ciphertext.size());
  const auto bang = std::find(plain.rbegin(), plain.rend(), '!');
  const std::size_t text_size = static_cast<std::size_t>(plain.rend() - bang);
  std::size_t digits = 0;
  while (text_size + digits < plain.size() && digits < 4 &&
         hex_digit(static_cast<char>(plain[text_size + digits])) >= 0)
    ++digits;
  const bool framed = !plain.empty() && plain[0] == '/' && text_size > 1 && digits > 0;
  const Bytes text = plain.first(text_size);
  if (!tag_fits && (!framed || crc16(text) != hex_value(plain.subspan(text_size, digits))))
    return refuse("decryption key does not fit, or the frame was damaged on the way");
  if (!framed) return refuse("the decrypted bytes are no telegram");
  if (!tag_fits && settings_.auth == AuthMode::automatic && !told_unverified_) {
    told_unverified_ = true;
    report(DecodeFault::Kind::note, "tag_unverified",
           "the authentication tag does not fit, but the telegram's CRC does: check authentication_key", frame.offset,
           frame.bytes.size());
  }
  check_counter(parts, frame);
  return judge_text(text, digits, frame.offset, frame.bytes.size());
}

void Decoder::check_counter(const CipherParts& parts, const CipherFrame& frame) {
  if (has_counter_ && parts.frame_counter <= last_counter_)
    report(DecodeFault::Kind::note, "frame_counter",
           fmt::format("expected a frame counter above {}, got {}: a repeated telegram, or a new key", last_counter_,
                       parts.frame_counter),
           frame.offset, frame.bytes.size());
  has_counter_ = true;
  last_counter_ = parts.frame_counter;
}

void Decoder::on_frame_fault(FrameFault fault, std::uint64_t offset, std::uint64_t length, Bytes head) {
  switch (fault) {
    case FrameFault::truncated:
      ++counters_.truncated;
      report(DecodeFault::Kind::frame, "truncated",
             is_elgama_binary(head) ? "an encrypted telegram of an Elgama meter, whose format is not published; ask "
                                      "the grid operator for plain telegrams"
                                    : "the telegram ends before its '!'",
             offset, length);
      return;
    case FrameFault::overflow:
      ++counters_.overflow;
      report(DecodeFault::Kind::frame, "overflow", fmt::format("expected '!' within {} bytes (max_telegram)", length),
             offset, length);
      return;
    case FrameFault::noise: {
      counters_.noise_bytes += length;
      const std::string_view foreign = foreign_protocol(head);
      if (foreign.empty()) {
        report(DecodeFault::Kind::noise, "noise", fmt::format("{} bytes outside of any telegram", length), offset,
               length);
      } else {
        report(DecodeFault::Kind::noise, "noise", fmt::format("{} bytes that look like {}", length, foreign), offset,
               length);
      }
      return;
    }
  }
}

}  // namespace mesura::dsmr_p1
