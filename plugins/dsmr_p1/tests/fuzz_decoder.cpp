// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, cut anywhere: no crash, and the same readings and faults as in one piece. The goldens are the seeds.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "decoder.hpp"

namespace {

using namespace mesura::dsmr_p1;

/// Everything that a decoder says, as text.
class Transcript final : public DecoderSink {
 public:
  void on_telegram(Telegram& telegram) override {
    text_ += "telegram " + std::to_string(telegram.offset) + ' ' + std::to_string(telegram.time_ns) + '\n';
    for (const Reading& r : telegram.readings) {
      text_ += std::to_string(r.field) + ' ' + std::to_string(r.number.mantissa) + ' ' +
               std::to_string(r.number.exponent) + ' ' + std::to_string(r.time_ns) + ' ';
      text_.append(r.text);
      text_ += '\n';
    }
    for (const LineFault& f : telegram.line_faults)
      text_ += "line " + std::to_string(f.offset) + ' ' + f.message + '\n';
  }
  void on_fault(const DecodeFault& fault) override {
    text_.append(fault.code).append(" ") += std::to_string(fault.offset) + ' ' + std::to_string(fault.length) + '\n';
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Decoder::Settings settings(std::uint8_t choice) {
  Decoder::Settings s;
  s.max_telegram = 1024;
  s.crc = (choice & 1U) != 0 ? CrcMode::ignore : CrcMode::automatic;  // most mutants have a wrong CRC
  if ((choice & 2U) != 0) s.encryption_key = Key{};
  if ((choice & 4U) != 0) s.auth = AuthMode::ignore;
  return s;
}

std::string decode(Bytes bytes, std::uint8_t choice, std::size_t piece) {
  Transcript transcript;
  Decoder decoder(settings(choice), transcript);
  for (std::uint64_t offset = 0; !bytes.empty();) {
    const Bytes part = bytes.first(std::min(piece, bytes.size()));
    decoder.push(part, 0, offset);
    offset += part.size();
    bytes = bytes.subspan(part.size());
  }
  decoder.finish();
  return transcript.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses options and pieces; '/' of a plain seed means: CRC ignored, encrypted frames looked for.
  const std::uint8_t choice = data[0];
  const Bytes bytes{data, size};
  const std::string whole = decode(bytes, choice, size);
  if (decode(bytes, choice, 1U + (choice >> 3U)) != whole) std::abort();
  return 0;
}
