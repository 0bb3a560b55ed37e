// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/matroska/file.hpp"

#include "sinks/recording/matroska/av.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>

using namespace mesura::sinks::recording::matroska;

namespace {

constexpr int kBufferBytes = 1 << 16;

void tag(AVDictionary*& tags, const char* name, const std::string& value) {
  av_dict_set(&tags, name, value.c_str(), 0);
}

}  // namespace

struct mesura_matroska {
  AvPtr<AVFormatContext> muxer;
  AvPtr<AVPacket> packet{av_packet_alloc()};
  double period_ns = 0;
  mesura_matroska_output output = nullptr;
  void* to = nullptr;
  std::int64_t last_ms = 0;
  std::int64_t position = 0;
  std::int64_t size = 0;
  AVIOContext* io = nullptr;

  mesura_matroska() = default;
  mesura_matroska(const mesura_matroska&) = delete;
  mesura_matroska& operator=(const mesura_matroska&) = delete;
  ~mesura_matroska() {
    // Without the trailer there is more to free in the muxer than avformat_free_context() knows; av_write_trailer()
    // does it, and its output goes nowhere.
    output = nullptr;
    if (headed && !finished) av_write_trailer(muxer.get());
    muxer.reset();
    if (io != nullptr) {
      av_freep(&io->buffer);
      avio_context_free(&io);
    }
  }

  bool open(const mesura_matroska_spec& spec, mesura_matroska_error* error);
  bool add_track(const mesura_matroska_track& track, const mesura_matroska_spec& spec);
  [[nodiscard]] std::int64_t milliseconds(std::uint64_t row) const {
    return static_cast<std::int64_t>(static_cast<double>(row) * period_ns / 1e6);
  }
  bool headed = false;
  bool finished = false;
};

namespace {

int write_some(void* opaque, std::uint8_t* bytes, int size) {
  auto& file = *static_cast<mesura_matroska*>(opaque);
  const auto n = static_cast<std::size_t>(size);
  if (file.output != nullptr && file.output(file.to, static_cast<std::uint64_t>(file.position), bytes, n) == 0) {
    return AVERROR(ENOMEM);
  }
  file.position += size;
  file.size = std::max(file.size, file.position);
  return size;
}

std::int64_t seek_to(void* opaque, std::int64_t offset, int whence) {
  auto& file = *static_cast<mesura_matroska*>(opaque);
  switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE: return file.size;
    case SEEK_SET: return file.position = offset;
    case SEEK_CUR: return file.position += offset;
    case SEEK_END: return file.position = file.size + offset;
    default: return AVERROR(EINVAL);
  }
}

}  // namespace

bool mesura_matroska::add_track(const mesura_matroska_track& track, const mesura_matroska_spec& spec) {
  AVStream* stream = avformat_new_stream(muxer.get(), nullptr);
  if (stream == nullptr) return false;
  AVCodecParameters& codec = *stream->codecpar;
  codec.codec_type = AVMEDIA_TYPE_AUDIO;
  codec.codec_id = AV_CODEC_ID_WAVPACK;
  codec.format = AV_SAMPLE_FMT_FLTP;
  codec.sample_rate = std::max(1, static_cast<int>(std::lround(1e9 / period_ns)));
  codec.bits_per_raw_sample = 32;
  codec.ch_layout = unnamed_channels(track.channels);
  tag(stream->metadata, "title", track.title);
  tag(stream->metadata, "CHANNELS", std::to_string(track.channels));
  tag(stream->metadata, "CHANNEL_TAGS", track.channel_tags);
  tag(stream->metadata, "TIMESTAMP", spec.timestamp);
  return true;
}

bool mesura_matroska::open(const mesura_matroska_spec& spec, mesura_matroska_error* error) {
  period_ns = spec.period_ns;
  AVFormatContext* made = nullptr;
  if (const int r = avformat_alloc_output_context2(&made, nullptr, "matroska", nullptr); r < 0) {
    return fail(error, "matroska", r);
  }
  muxer.reset(made);
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kBufferBytes));
  if (buffer == nullptr || !packet) return fail(error, "allocating", AVERROR(ENOMEM));
  io = avio_alloc_context(buffer, kBufferBytes, 1, this, nullptr, write_some, seek_to);
  if (io == nullptr) {
    av_free(buffer);
    return fail(error, "allocating", AVERROR(ENOMEM));
  }
  muxer->pb = io;
  muxer->flags |= AVFMT_FLAG_CUSTOM_IO;
  tag(muxer->metadata, "title", spec.title);
  tag(muxer->metadata, "TIMESTAMP", spec.timestamp);
  tag(muxer->metadata, "creation_time", spec.created);
  tag(muxer->metadata, "WRITER", spec.writer);
  for (std::uint32_t t = 0; t < spec.track_count; ++t) {
    if (!add_track(spec.tracks[t], spec)) return fail(error, "allocating", AVERROR(ENOMEM));
  }
  if (const int r = avformat_write_header(muxer.get(), nullptr); r < 0) return fail(error, "writing the header", r);
  headed = true;
  avio_flush(io);
  return true;
}

namespace mesura::sinks::recording::matroska {

mesura_matroska* file_open(const mesura_matroska_spec* spec, mesura_matroska_output output, void* to,
                           mesura_matroska_error* error) {
  try {
    auto made = std::make_unique<mesura_matroska>();
    made->output = output;
    made->to = to;
    return made->open(*spec, error) ? made.release() : nullptr;
  } catch (const std::exception&) {
    fail(error, "allocating", AVERROR(ENOMEM));
    return nullptr;
  }
}

int file_packet(mesura_matroska* file, std::uint32_t track, std::uint64_t row, std::uint32_t rows,
                const std::uint8_t* bytes, std::size_t size, mesura_matroska_error* error) {
  AVPacket& packet = *file->packet;
  int r = av_new_packet(&packet, static_cast<int>(size));
  if (r >= 0) {
    std::copy_n(bytes, size, packet.data);
    packet.stream_index = static_cast<int>(track);
    packet.pts = packet.dts = file->milliseconds(row);
    file->last_ms = packet.pts;
    packet.duration = file->milliseconds(row + rows) - packet.pts;
    packet.flags |= AV_PKT_FLAG_KEY;
    r = av_write_frame(file->muxer.get(), &packet);
    av_packet_unref(&packet);
  }
  return r >= 0 || fail(error, "writing a block", r) ? 1 : 0;
}

int file_flush(mesura_matroska* file, mesura_matroska_error* error) {
  // The muxer keeps the last audio packet back, to see whether a cluster would better begin before it; the next packet
  // drives it out, and an empty one leaves nothing itself.
  AVPacket& packet = *file->packet;
  int r = av_new_packet(&packet, 0);
  if (r >= 0) {
    packet.stream_index = 0;
    packet.pts = packet.dts = file->last_ms;
    r = av_write_frame(file->muxer.get(), &packet);
    av_packet_unref(&packet);
  }
  if (r >= 0) r = av_write_frame(file->muxer.get(), nullptr);
  avio_flush(file->io);
  if (r >= 0) r = file->io->error;
  return r >= 0 || fail(error, "ending a cluster", r) ? 1 : 0;
}

int file_finish(mesura_matroska* file, mesura_matroska_error* error) {
  file->finished = true;
  int r = av_write_trailer(file->muxer.get());
  avio_flush(file->io);
  if (r >= 0) r = file->io->error;
  return r >= 0 || fail(error, "writing the index", r) ? 1 : 0;
}

void file_close(mesura_matroska* file) { delete file; }

}  // namespace mesura::sinks::recording::matroska
