// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/waveform_stream.hpp"

#include <support/catch.hpp>

#include <random>
#include <stdexcept>

using namespace mesura;

namespace {

BatchPtr block(const std::shared_ptr<const WaveformStream>& stream, std::uint64_t first_row, std::uint64_t rows) {
  auto waveform = std::make_shared<Waveform>();
  waveform->stream = stream;
  waveform->first_row = first_row;
  waveform->rows = rows;
  waveform->gap_rows = first_row == 0 ? 0 : 3;
  for (std::size_t i = 0; i < rows * stream->channels(); ++i)
    waveform->samples.push_back(static_cast<float>(first_row * 2 + i));
  auto batch = std::make_shared<Batch>();
  batch->device = stream->device;
  batch->waveform = std::move(waveform);
  return batch;
}

std::shared_ptr<const WaveformStream> run(std::uint64_t id, std::int64_t start_ns) {
  WaveformStream stream;
  stream.id = id;
  stream.device = "lab";
  stream.start_ns = start_ns;
  stream.period_ns = 1e9 / 3;
  stream.names = {"v_l1", "i_l1"};
  stream.units = {"V", "mA"};
  return std::make_shared<const WaveformStream>(std::move(stream));
}

std::string three_blocks() {
  service::WaveformWriter writer;
  std::string out;
  const auto first = run(7, 1'000);
  writer.append(out, *block(first, 0, 5));
  writer.append(out, *block(first, 8, 2));
  writer.append(out, *block(run(9, -5), 0, 1));
  return out;
}

}  // namespace

TEST_CASE("blocks come back as they were sent, however the bytes are cut") {
  const std::string bytes = three_blocks();
  std::mt19937 random{1};
  for (std::size_t round = 0; round < 50; ++round) {
    service::WaveformReader reader{"lab"};
    std::vector<std::shared_ptr<Batch>> blocks;
    const std::size_t most = round == 0 ? 1 : 1 + random() % 200;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t some = std::min<std::size_t>(bytes.size() - at, 1 + random() % most);
      reader.push(std::string_view{bytes}.substr(at, some), [&](auto b) { blocks.push_back(std::move(b)); });
      at += some;
    }
    REQUIRE(blocks.size() == 3);
    const Waveform& w = *blocks[1]->waveform;
    CHECK(w.first_row == 8);
    CHECK(w.gap_rows == 3);
    CHECK(w.samples == std::vector<float>{16, 17, 18, 19});
    CHECK(w.stream->start_ns == 1'000);
    CHECK(w.stream->period_ns == 1e9 / 3);
    CHECK(w.stream->names == std::vector<std::string>{"v_l1", "i_l1"});
    CHECK(w.stream->units == std::vector<std::string>{"V", "mA"});
    CHECK(w.stream->device == "lab");
    CHECK(blocks[0]->waveform->stream->id == w.stream->id);
    CHECK(blocks[2]->waveform->stream->id != w.stream->id);
    CHECK(blocks[2]->waveform->stream->start_ns == -5);
  }
}

TEST_CASE("bytes that are damaged are an error or other blocks, never more than was sent") {
  const std::string good = three_blocks();
  std::size_t refused = 0;
  std::mt19937 random{2};
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1U << (random() % 8)));
    service::WaveformReader reader{"lab"};
    std::size_t blocks = 0;
    try {
      reader.push(bytes, [&](const auto&) { ++blocks; });
    } catch (const std::runtime_error&) {
      ++refused;
    }
    CHECK(blocks <= 3);
  }
  CHECK(refused > good.size() / 4);
}

TEST_CASE("a frame of another letter is passed over, a length that can't be is refused") {
  service::WaveformReader reader{"lab"};
  std::size_t blocks = 0;
  const auto count = [&](const auto&) { ++blocks; };
  reader.push(std::string{"X\2\0\0\0ab", 7} + three_blocks(), count);
  CHECK(blocks == 3);
  CHECK_THROWS_AS(reader.push(std::string_view{"B\0\0\0\x7f", 5}, count), std::runtime_error);
}
