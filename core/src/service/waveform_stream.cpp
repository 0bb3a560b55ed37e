// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/waveform_stream.hpp"

#include "model/batch_codec.hpp"

#include <fmt/format.h>

#include <bit>
#include <stdexcept>
#include <utility>

namespace mesura::service {
namespace {

constexpr std::size_t kHead = 5;
constexpr std::uint32_t kMostBytes = 16U << 20U;  // of a frame
constexpr std::uint32_t kMostChannels = 4096;
constexpr char kRun = 'R', kBlock = 'B';

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i));
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

/// Fills in the length of what was appended behind a head.
void close_frame(std::string& out, std::size_t head) {
  const auto bytes = static_cast<std::uint32_t>(out.size() - head - kHead);
  for (std::size_t i = 0; i < sizeof bytes; ++i) out[head + 1 + i] = static_cast<char>(bytes >> (8 * i));
}

std::size_t open_frame(std::string& out, char kind) {
  const std::size_t head = out.size();
  out += kind;
  out.append(kHead - 1, '\0');
  return head;
}

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}
  template <class T>
  T take() {
    const std::string_view raw = bytes(sizeof(T));
    T value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i)
      value = static_cast<T>(value | static_cast<T>(static_cast<std::uint8_t>(raw[i])) << (8 * i));
    return value;
  }
  std::string text() { return std::string{bytes(take<std::uint32_t>())}; }

 private:
  std::string_view bytes(std::size_t count) {
    if (count > left_.size())
      throw std::runtime_error(fmt::format(
          "ctl-waveform: a run's description ends early: expected {} bytes more, got {}", count, left_.size()));
    const auto taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::string_view left_;
};

/// Of the streams that this process reads: recordings tell runs apart by it.
std::uint64_t next_id() {
  static std::uint64_t next = 1ULL << 63U;  // sessions of this process count from 1
  return next++;
}

}  // namespace

void WaveformWriter::append(std::string& out, const Batch& batch) {
  const WaveformStream& stream = *batch.waveform->stream;
  if (runs_ == 0 || stream.id != run_) {
    run_ = stream.id;
    const auto head = open_frame(out, kRun);
    put(out, ++runs_);
    put(out, static_cast<std::uint64_t>(stream.start_ns));
    put(out, std::bit_cast<std::uint64_t>(stream.period_ns));
    put(out, static_cast<std::uint32_t>(stream.channels()));
    for (std::size_t i = 0; i < stream.channels(); ++i) {
      put_text(out, stream.names[i]);
      put_text(out, stream.units[i]);
    }
    close_frame(out, head);
  }
  const auto head = open_frame(out, kBlock);
  const model::StoredIds ids{[](std::uint32_t series) { return series; }, [this](const auto&) { return runs_; }};
  model::encode(batch, ids, out);
  close_frame(out, head);
}

void WaveformReader::push(std::string_view bytes, const std::function<void(std::shared_ptr<Batch>)>& on_block) {
  waiting_ += bytes;
  std::string_view left = waiting_;
  while (left.size() >= kHead) {
    const auto size = Bytes{left.substr(1)}.take<std::uint32_t>();
    if (size > kMostBytes)
      throw std::runtime_error(
          fmt::format("ctl-waveform: expected a frame of at most {} bytes, got {}", kMostBytes, size));
    if (left.size() - kHead < size) break;
    frame(left.front(), left.substr(kHead, size), on_block);
    left.remove_prefix(kHead + size);
  }
  waiting_.erase(0, waiting_.size() - left.size());
}

void WaveformReader::frame(char kind, std::string_view body,
                           const std::function<void(std::shared_ptr<Batch>)>& on_block) {
  if (kind == kRun) {
    begin_run(body);
  } else if (kind == kBlock) {
    const model::LoadedIds ids{[](std::uint32_t series) { return series; },
                               [this](std::uint32_t number) { return number == number_ ? stream_ : nullptr; }};
    on_block(model::decode(body, ids));
  }
  // Anything else is of a later version, which says it beside what we know.
}

void WaveformReader::begin_run(std::string_view body) {
  Bytes in{body};
  auto stream = std::make_shared<WaveformStream>();
  number_ = in.take<std::uint32_t>();
  stream->id = next_id();
  stream->device = device_;
  stream->start_ns = static_cast<std::int64_t>(in.take<std::uint64_t>());
  stream->period_ns = std::bit_cast<double>(in.take<std::uint64_t>());
  const auto channels = in.take<std::uint32_t>();
  if (channels == 0 || channels > kMostChannels || !(stream->period_ns > 0))
    throw std::runtime_error(
        fmt::format("ctl-waveform: a run of {} channels and {} ns a row can't be", channels, stream->period_ns));
  for (std::uint32_t i = 0; i < channels; ++i) {
    stream->names.push_back(in.text());
    stream->units.push_back(in.text());
  }
  stream_ = std::move(stream);
}

}  // namespace mesura::service
