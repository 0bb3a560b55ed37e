// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/matroska/wavpack_encoder.hpp"

#include "sinks/recording/matroska/av.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <vector>

using namespace mesura::sinks::recording::matroska;

struct mesura_wavpack {
  AvPtr<AVCodecContext> encoder;
  AvPtr<AVCodecContext> decoder;  // to verify
  AvPtr<AVFrame> decoded{av_frame_alloc()};
  AvPtr<AVPacket> packet{av_packet_alloc()};
  std::vector<float> values;  // the planes, one behind the other
  std::vector<float*> planes;
  mesura_wavpack_packet output = nullptr;
  void* to = nullptr;
  mesura_matroska_error* error = nullptr;

  bool open(std::uint32_t channels, std::uint32_t rate_hz, int level, bool verify);
  bool encode(std::uint32_t from, std::uint32_t rows);
  bool make_packet(std::uint32_t from, std::uint32_t rows);
  [[nodiscard]] bool reads_back(std::uint32_t from, std::uint32_t rows);
};

namespace {

bool open_codec(const AVCodec* codec, AvPtr<AVCodecContext>& context, std::uint32_t channels, std::uint32_t rate_hz) {
  context.reset(codec != nullptr ? avcodec_alloc_context3(codec) : nullptr);
  if (!context) return false;
  context->sample_fmt = AV_SAMPLE_FMT_FLTP;
  context->sample_rate = static_cast<int>(rate_hz);
  context->time_base = {1, static_cast<int>(rate_hz)};
  context->ch_layout = unnamed_channels(channels);
  context->thread_count = 1;
  return true;
}

}  // namespace

bool mesura_wavpack::open(std::uint32_t channels, std::uint32_t rate_hz, int level, bool verify) {
  if (!decoded || !packet) return fail(error, "allocating", AVERROR(ENOMEM));
  const AVCodec* wavpack = avcodec_find_encoder(AV_CODEC_ID_WAVPACK);
  if (!open_codec(wavpack, encoder, channels, rate_hz)) return fail(error, "wavpack", AVERROR_ENCODER_NOT_FOUND);
  encoder->frame_size = static_cast<int>(kMostRows);
  encoder->compression_level = level;
  if (const int r = avcodec_open2(encoder.get(), wavpack, nullptr); r < 0) return fail(error, "opening wavpack", r);
  values.resize(std::size_t{channels} * kMostRows);
  for (std::uint32_t c = 0; c < channels; ++c) planes.push_back(values.data() + std::size_t{c} * kMostRows);
  if (!verify) return true;
  wavpack = avcodec_find_decoder(AV_CODEC_ID_WAVPACK);
  if (!open_codec(wavpack, decoder, channels, rate_hz)) return fail(error, "wavpack", AVERROR_DECODER_NOT_FOUND);
  if (const int r = avcodec_open2(decoder.get(), wavpack, nullptr); r < 0) return fail(error, "opening wavpack", r);
  return true;
}

bool mesura_wavpack::make_packet(std::uint32_t from, std::uint32_t rows) {
  std::vector<std::uint8_t*> places;
  for (float* plane : planes) places.push_back(reinterpret_cast<std::uint8_t*>(plane + from));
  // Not reference-counted: the encoder takes a copy.
  const AvPtr<AVFrame> frame{av_frame_alloc()};
  if (!frame) return fail(error, "allocating", AVERROR(ENOMEM));
  frame->nb_samples = static_cast<int>(rows);
  frame->format = AV_SAMPLE_FMT_FLTP;
  frame->sample_rate = encoder->sample_rate;
  frame->ch_layout = encoder->ch_layout;
  frame->linesize[0] = static_cast<int>(rows * sizeof(float));
  std::copy_n(places.begin(), std::min<std::size_t>(places.size(), AV_NUM_DATA_POINTERS), frame->data);
  if (places.size() > AV_NUM_DATA_POINTERS) frame->extended_data = places.data();
  int r = avcodec_send_frame(encoder.get(), frame.get());
  frame->extended_data = frame->data;  // av_frame_free() would free ours
  if (r >= 0) r = avcodec_receive_packet(encoder.get(), packet.get());
  return r >= 0 || fail(error, "encoding", r);
}

bool mesura_wavpack::reads_back(std::uint32_t from, std::uint32_t rows) {
  int r = avcodec_send_packet(decoder.get(), packet.get());
  if (r >= 0) r = avcodec_receive_frame(decoder.get(), decoded.get());
  if (r < 0) {
    avcodec_flush_buffers(decoder.get());
    return false;
  }
  bool same = decoded->nb_samples == static_cast<int>(rows) && decoded->format == AV_SAMPLE_FMT_FLTP &&
              decoded->ch_layout.nb_channels == static_cast<int>(planes.size());
  for (std::size_t c = 0; c < planes.size() && same; ++c) {
    same = std::memcmp(decoded->extended_data[c], planes[c] + from, rows * sizeof(float)) == 0;
  }
  av_frame_unref(decoded.get());
  return same;
}

bool mesura_wavpack::encode(std::uint32_t from, std::uint32_t rows) {
  if (!make_packet(from, rows)) return false;
  const bool good = !decoder || reads_back(from, rows);
  const bool sent = good && output(to, rows, packet->data, static_cast<std::size_t>(packet->size)) != 0;
  av_packet_unref(packet.get());
  if (good) return sent || fail(error, "taking a frame", AVERROR(ENOMEM));
  if (rows == 1) return fail(error, "a row that does not read back", AVERROR_INVALIDDATA);
  const std::uint32_t half = rows / 2;
  return encode(from, half) && encode(from + half, rows - half);
}

namespace mesura::sinks::recording::matroska {

mesura_wavpack* encoder_open(std::uint32_t channels, std::uint32_t rate_hz, int level, int verify,
                             mesura_matroska_error* error) {
  try {
    auto made = std::make_unique<mesura_wavpack>();
    made->error = error;
    return made->open(channels, rate_hz, level, verify != 0) ? made.release() : nullptr;
  } catch (const std::exception&) {
    fail(error, "allocating", AVERROR(ENOMEM));
    return nullptr;
  }
}

float* const* encoder_planes(mesura_wavpack* encoder) { return encoder->planes.data(); }

int encoder_encode(mesura_wavpack* encoder, std::uint32_t rows, mesura_wavpack_packet packet, void* to,
                   mesura_matroska_error* error) {
  encoder->output = packet;
  encoder->to = to;
  encoder->error = error;
  try {
    return encoder->encode(0, rows) ? 1 : 0;
  } catch (const std::exception&) {
    return fail(error, "allocating", AVERROR(ENOMEM)) ? 1 : 0;
  }
}

void encoder_close(mesura_wavpack* encoder) { delete encoder; }

}  // namespace mesura::sinks::recording::matroska
