// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/batch_codec.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>

namespace mesura::model {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kWaveform = 1;

// Of an item.
constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kOwnTime = 2;
constexpr std::uint8_t kFlags = 4;  ///< a quality byte follows

template <class T>
T little(T value) {
  if constexpr (std::endian::native == std::endian::big) {
    T out = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      out = static_cast<T>(static_cast<T>(out << 8) | (value & 0xff));
      value = static_cast<T>(value >> 8);
    }
    return out;
  }
  return value;
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  template <class T>
  void put(T value) {
    using U = std::make_unsigned_t<T>;
    const U raw = little(static_cast<U>(value));
    char bytes[sizeof raw];
    std::memcpy(bytes, &raw, sizeof raw);
    out_.append(bytes, sizeof raw);
  }
  void number(double value) { put(std::bit_cast<std::uint64_t>(value)); }
  void text(std::string_view value) {
    put(static_cast<std::uint32_t>(value.size()));
    out_.append(value);
  }

 private:
  std::string& out_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T get() {
    using U = std::make_unsigned_t<T>;
    U raw = 0;
    std::memcpy(&raw, take(sizeof raw).data(), sizeof raw);
    return static_cast<T>(little(raw));
  }
  double number() { return std::bit_cast<double>(get<std::uint64_t>()); }
  std::string_view text() { return take(get<std::uint32_t>()); }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      throw std::runtime_error(fmt::format("batch-damaged: expected {} more bytes, got {}", size, rest_.size()));
    }
    const std::string_view part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

std::uint32_t crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

void put_items(const Batch& batch, const StoredIds& ids, Writer& w) {
  w.put(static_cast<std::uint32_t>(batch.items.size()));
  for (const Measurement& m : batch.items) {
    const bool text = m.type == MESURA_TEXT;
    const bool own_time = m.time_ns != batch.time_ns;
    w.put(static_cast<std::uint8_t>((text ? kText : 0) | (own_time ? kOwnTime : 0) | (m.quality != 0 ? kFlags : 0)));
    w.put(ids.series(m.series));
    if (own_time) w.put(m.time_ns);
    if (m.quality != 0) w.put(m.quality);
    if (text) {
      w.text(batch.text(m));
    } else {
      w.number(m.number);
    }
  }
}

void get_items(Reader& r, const LoadedIds& ids, Batch& batch) {
  const auto count = r.get<std::uint32_t>();
  // The least that an item takes: a damaged count must not ask for gigabytes.
  if (count > r.left() / 9)
    throw std::runtime_error(fmt::format("batch-damaged: {} items in {} bytes", count, r.left()));
  batch.items.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    Measurement m{};
    const auto flags = r.get<std::uint8_t>();
    const auto stored = r.get<std::uint32_t>();
    const auto series = ids.series(stored);
    if (!series) throw std::runtime_error(fmt::format("batch-damaged: series {} is not described", stored));
    m.series = *series;
    m.time_ns = (flags & kOwnTime) != 0 ? r.get<std::int64_t>() : batch.time_ns;
    if ((flags & kFlags) != 0) m.quality = r.get<std::uint8_t>();
    if ((flags & kText) != 0) {
      const std::string_view text = r.text();
      if (text.size() > std::numeric_limits<std::uint16_t>::max()) {
        throw std::runtime_error(fmt::format("batch-damaged: a text of {} bytes", text.size()));
      }
      m.type = MESURA_TEXT;
      m.text_offset = static_cast<std::uint32_t>(batch.texts.size());
      m.text_size = static_cast<std::uint16_t>(text.size());
      batch.texts += text;
    } else {
      m.type = MESURA_NUMBER;
      m.number = r.number();
    }
    batch.items.push_back(m);
  }
}

void put_waveform(const Waveform& block, const StoredIds& ids, std::string& out, Writer& w) {
  w.put(ids.stream(*block.stream));
  w.put(block.first_row);
  w.put(block.rows);
  w.put(block.gap_rows);
  w.put(block.packet);
  w.put(static_cast<std::uint64_t>(block.samples.size()));
  if constexpr (std::endian::native == std::endian::little) {
    out.append(reinterpret_cast<const char*>(block.samples.data()), block.samples.size() * sizeof(float));
  } else {
    for (const float sample : block.samples) w.put(std::bit_cast<std::uint32_t>(sample));
  }
}

std::shared_ptr<const Waveform> get_waveform(Reader& r, const LoadedIds& ids, std::int64_t received_ns) {
  auto block = std::make_shared<Waveform>();
  const auto stored = r.get<std::uint32_t>();
  block->stream = ids.stream(stored);
  if (!block->stream) throw std::runtime_error(fmt::format("batch-damaged: waveform run {} is not described", stored));
  block->first_row = r.get<std::uint64_t>();
  block->rows = r.get<std::uint64_t>();
  block->gap_rows = r.get<std::uint64_t>();
  block->packet = r.get<std::uint64_t>();
  block->received_ns = received_ns;
  const auto samples = r.get<std::uint64_t>();
  const std::size_t channels = block->stream->channels();
  if (samples != r.left() / sizeof(float) || channels == 0 || samples / channels != block->rows ||
      samples % channels != 0) {
    throw std::runtime_error(fmt::format("batch-damaged: expected {} rows of {} values, got {} values in {} bytes",
                                         block->rows, channels, samples, r.left()));
  }
  block->samples.resize(samples);
  if constexpr (std::endian::native == std::endian::little) {
    if (samples > 0)
      std::memcpy(block->samples.data(), r.take(samples * sizeof(float)).data(), samples * sizeof(float));
  } else {
    for (float& sample : block->samples) sample = std::bit_cast<float>(r.get<std::uint32_t>());
  }
  return block;
}

}  // namespace

void encode(const Batch& batch, const StoredIds& ids, std::string& out) {
  const std::size_t start = out.size();
  Writer w{out};
  w.put(kVersion);
  w.put(static_cast<std::uint8_t>(batch.waveform ? kWaveform : 0));
  w.text(batch.device);
  w.put(batch.time_ns);
  w.put(batch.received_ns);
  if (batch.waveform) {
    put_waveform(*batch.waveform, ids, out, w);
  } else {
    put_items(batch, ids, w);
  }
  w.put(crc(std::string_view{out}.substr(start)));
}

std::shared_ptr<Batch> decode(std::string_view bytes, const LoadedIds& ids) {
  if (bytes.size() < sizeof(std::uint32_t)) {
    throw std::runtime_error(fmt::format("batch-damaged: expected at least 4 bytes, got {}", bytes.size()));
  }
  const std::string_view content = bytes.substr(0, bytes.size() - sizeof(std::uint32_t));
  const auto expected = Reader{bytes.substr(content.size())}.get<std::uint32_t>();
  if (const auto got = crc(content); got != expected) {
    throw std::runtime_error(fmt::format("batch-damaged: expected CRC {:08x}, got {:08x}", expected, got));
  }
  Reader r{content};
  if (const auto version = r.get<std::uint8_t>(); version != kVersion) {
    throw std::runtime_error(
        fmt::format("batch-version: expected {}, got {}\n  hint      it was written by a newer "
                    "Mesura",
                    kVersion, version));
  }
  const auto flags = r.get<std::uint8_t>();
  auto batch = std::make_shared<Batch>();
  batch->device = r.text();
  batch->time_ns = r.get<std::int64_t>();
  batch->received_ns = r.get<std::int64_t>();
  if ((flags & kWaveform) != 0) {
    batch->waveform = get_waveform(r, ids, batch->received_ns);
  } else {
    get_items(r, ids, *batch);
  }
  if (r.left() != 0) throw std::runtime_error(fmt::format("batch-damaged: {} bytes too many", r.left()));
  return batch;
}

}  // namespace mesura::model
