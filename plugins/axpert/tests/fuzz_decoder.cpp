// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, cut anywhere: no crash, and the same words as in one piece. The goldens are the seeds. Because mutants
// rarely have a CRC that fits, every line is also tried with the CRC that it should have. The same bytes then answer a
// session on a live link.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "crc.hpp"
#include "engine.hpp"
#include "frame_check.hpp"
#include "framer.hpp"
#include "reader.hpp"

namespace {

using namespace mesura::axpert;
using mesura::Bytes;

/// Everything that a reader says, as text.
class Transcript final : public DecodeSink {
 public:
  mesura::SeriesId resolve(const Plan::Slot& slot) override {
    text += slot.channel + '/' + slot.quantity + '\n';
    return next_++;
  }
  void on_attribute(std::string_view key, std::string_view value) override {
    text.append(key).append("=").append(value).append("\n");
  }
  void on_serial(std::string_view serial, bool) override { text.append("serial ").append(serial).append("\n"); }
  void on_remark(mesura_fault_kind, std::string_view code, std::string_view message) override {
    text.append(code).append(message).append("\n");
  }
  std::string text;

 private:
  mesura::SeriesId next_ = 0;
};

void say(Transcript& out, std::span<const mesura_measurement> batch) {
  for (const auto& m : batch) {
    out.text += std::to_string(m.series) + ' ';
    if (m.type == MESURA_TEXT) {
      out.text.append(m.text, m.text_size);
    } else {
      out.text += std::to_string(m.number);
    }
    out.text += '\n';
  }
}

std::string with_crc(Bytes body) {
  std::string s{as_text(body)};
  const std::uint16_t crc = escaped(crc16(body), Escape::esc3);
  s += static_cast<char>(crc >> 8U);
  s += static_cast<char>(crc & 0xFFU);
  return s;
}

std::string decode(Bytes bytes, std::uint8_t choice, std::size_t piece) {
  Transcript out;
  Reader reader(out, nullptr);
  if ((choice & 1U) != 0) reader.set_dialect(static_cast<Dialect>((choice >> 1U) % kDialects));
  if ((choice & 0x10U) != 0) reader.expect("QPIGS");
  if ((choice & 0x20U) != 0) reader.expect("QPGS1");
  Framer framer;
  Frame frame;
  std::uint64_t offset = 0;
  while (!bytes.empty()) {
    Bytes part = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(part.size());
    while (framer.next(part, offset, frame)) {
      const std::string mended = with_crc(frame.body);
      for (const Bytes body : {frame.body, as_bytes(mended)}) {
        const Checked c = check(body, (choice & 0x40U) != 0 ? Check::sum : Check::crc);
        out.text += std::to_string(static_cast<int>(c.verdict)) + '\n';
        if (c.verdict != Verdict::reply || reader.match(c) != Reader::Match::found) continue;
        reader.observe();
        ReplyDecoder::Context context;
        context.single_tracker = (choice & 0x80U) != 0;
        const int unit = reader.layout()->command.ends_with('#') ? choice % 3 : -1;
        static_cast<void>(reader.decode(unit, context));
        say(out, reader.decoder().batch());
      }
    }
  }
  return out.text;
}

/// A link whose other end says the input, whatever is asked.
class Port final : public EnginePort {
 public:
  bool transmit(Bytes) override { return ++sent_ % 7 != 0; }
  void arm_engine(EngineTimer, std::chrono::nanoseconds) override {}
  void disarm_engine(EngineTimer) override {}
  bool answers(const Checked& reply) override { return reply.payload.size() % 2 == 0; }
  void on_done(const Done&) override {}
  void on_remark(mesura_fault_kind, std::string_view, std::string_view, std::uint64_t, std::uint64_t) override {}

 private:
  unsigned sent_ = 0;
};

void converse(Bytes bytes, std::uint8_t choice) {
  Port port;
  Engine::Settings settings;
  settings.hid = (choice & 1U) != 0;
  Engine engine(settings, port);
  std::uint64_t offset = 0;
  while (!bytes.empty()) {
    if (engine.idle())
      engine.begin({(choice & 2U) != 0 ? "QED20230322" : "QPIGS", Wire::plain, (choice & 4U) != 0, true});
    const Bytes part = bytes.first(std::min<std::size_t>(1U + bytes[0] % 12U, bytes.size()));
    engine.on_bytes(part, 0, offset);
    offset += part.size();
    bytes = bytes.subspan(part.size());
    engine.on_timer(static_cast<EngineTimer>(part.back() % 3U), 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t choice = data[size - 1];  // a seed begins with its reply
  const Bytes bytes{data, size - 1};
  const std::string whole = decode(bytes, choice, size);
  if (decode(bytes, choice, 1U + (choice >> 3U)) != whole) std::abort();
  converse(bytes, choice);
  return 0;
}
