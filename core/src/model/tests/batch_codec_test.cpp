// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/batch_codec.hpp"

#include "support/catch.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

using namespace mesura;

namespace {

Batch telegram() {
  Batch b;
  b.device = "zähler";
  b.time_ns = 1'781'441'101'000'000'000;
  b.received_ns = b.time_ns + 213'000'000;
  const auto add = [&](std::uint32_t series, double number) {
    Measurement m{};
    m.time_ns = b.time_ns;
    m.series = series;
    m.number = number;
    b.items.push_back(m);
    return &b.items.back();
  };
  add(0, 1843.27);
  add(7, -0.0)->quality = MESURA_SUSPECT;
  add(16'777'215, std::numeric_limits<double>::denorm_min())->time_ns = -5;
  add(3, std::nan("1"));
  for (const std::string text : {"", "two\r\nlines"}) {
    Measurement* m = add(9, 0);
    m->type = MESURA_TEXT;
    m->text_offset = static_cast<std::uint32_t>(b.texts.size());
    m->text_size = static_cast<std::uint16_t>(text.size());
    b.texts += text;
  }
  return b;
}

// Every number as it is, one higher on disk.
const model::StoredIds kStored{[](std::uint32_t s) { return s + 1; },
                               [](const WaveformStream& s) { return static_cast<std::uint32_t>(s.id); }};

std::shared_ptr<WaveformStream> run() {
  auto stream = std::make_shared<WaveformStream>();
  stream->id = 4;
  stream->names = {"v_l1", "i_l1"};
  return stream;
}

model::LoadedIds loaded() {
  return {[](std::uint32_t s) { return std::optional{s - 1}; },
          [](std::uint32_t s) { return s == 4 ? run() : nullptr; }};
}

}  // namespace

TEST_CASE("a batch comes back bit for bit") {
  const Batch b = telegram();
  std::string bytes = "before";
  model::encode(b, kStored, bytes);
  const auto back = model::decode(std::string_view{bytes}.substr(6), loaded());
  CHECK(back->device == b.device);
  CHECK(back->time_ns == b.time_ns);
  CHECK(back->received_ns == b.received_ns);
  REQUIRE(back->items.size() == b.items.size());
  for (std::size_t i = 0; i < b.items.size(); ++i) {
    const Measurement& x = b.items[i];
    const Measurement& y = back->items[i];
    CHECK(x.series == y.series);
    CHECK(x.time_ns == y.time_ns);
    CHECK(x.type == y.type);
    CHECK(x.quality == y.quality);
    CHECK(std::bit_cast<std::uint64_t>(x.number) == std::bit_cast<std::uint64_t>(y.number));
    CHECK(b.text(x) == back->text(y));
  }
}

TEST_CASE("a block of waveform comes back bit for bit") {
  Waveform block;
  block.stream = run();
  block.first_row = 1U << 20U;
  block.rows = 2;
  block.gap_rows = 3;
  block.packet = 4;
  block.samples = {1.5F, -0.0F, std::nanf("2"), 3.25F};
  Batch b;
  b.device = "lab";
  b.received_ns = 77;
  b.waveform = std::make_shared<Waveform>(block);
  std::string bytes;
  model::encode(b, kStored, bytes);
  const auto back = model::decode(bytes, loaded());
  REQUIRE(back->waveform);
  CHECK(back->waveform->stream->names == block.stream->names);
  CHECK(back->waveform->first_row == block.first_row);
  CHECK(back->waveform->rows == 2);
  CHECK(back->waveform->gap_rows == 3);
  CHECK(back->waveform->packet == 4);
  CHECK(back->waveform->received_ns == 77);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::bit_cast<std::uint32_t>(back->waveform->samples[i]) == std::bit_cast<std::uint32_t>(block.samples[i]));
  }
}

TEST_CASE("the bytes are those of version 1, whatever the machine") {
  Batch b;
  b.device = "g";
  b.time_ns = 0x0102030405060708;
  b.received_ns = 1;
  Measurement m{};
  m.time_ns = b.time_ns;
  m.series = 1;
  m.number = 1.0;
  b.items.push_back(m);
  std::string bytes;
  model::encode(b, kStored, bytes);
  std::string hex;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(c) >> 4U];
    hex += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  CHECK(hex.substr(0, hex.size() - 8) ==
        "0100"
        "0100000067"
        "0807060504030201"
        "0100000000000000"
        "01000000"
        "0002000000000000000000f03f");
}

TEST_CASE("every cut and every flipped bit is noticed") {
  std::string bytes;
  model::encode(telegram(), kStored, bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    CHECK_THROWS_AS(model::decode(std::string_view{bytes}.substr(0, n), loaded()), std::runtime_error);
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[n] = static_cast<char>(static_cast<unsigned char>(damaged[n]) ^ (1U << bit));
      CHECK_THROWS_AS(model::decode(damaged, loaded()), std::runtime_error);
    }
  }
}

TEST_CASE("a series that nobody described is no series") {
  std::string bytes;
  model::encode(telegram(), kStored, bytes);
  model::LoadedIds unknown = loaded();
  unknown.series = [](std::uint32_t) { return std::nullopt; };
  CHECK_THROWS_WITH(model::decode(bytes, unknown), "batch-damaged: series 1 is not described");
}
