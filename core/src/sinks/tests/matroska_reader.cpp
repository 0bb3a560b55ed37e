// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/matroska_reader.hpp"

#include "sinks/recording/matroska/av.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>

namespace mesura::sinks::test {
namespace {

using recording::matroska::AvPtr;

struct CloseInput {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};

void check(int result, const std::string& what) {
  if (result < 0) throw std::runtime_error(what + ": error " + std::to_string(result));
}

std::map<std::string, std::string> tags_of(const AVDictionary* tags) {
  std::map<std::string, std::string> out;
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(tags, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) out[entry->key] = entry->value;
  return out;
}

void take_frames(AVCodecContext& decoder, MatroskaStream& out) {
  const AvPtr<AVFrame> frame{av_frame_alloc()};
  while (avcodec_receive_frame(&decoder, frame.get()) >= 0) {
    if (frame->format != AV_SAMPLE_FMT_FLTP || frame->ch_layout.nb_channels != out.channels) {
      throw std::runtime_error("a frame that is no float, or has other channels");
    }
    for (int row = 0; row < frame->nb_samples; ++row) {
      for (int c = 0; c < out.channels; ++c) {
        out.samples.push_back(reinterpret_cast<const float*>(frame->extended_data[c])[row]);
      }
    }
  }
}

}  // namespace

MatroskaFile read_matroska(const std::filesystem::path& path) {
  av_log_set_level(AV_LOG_QUIET);
  AVFormatContext* opened = nullptr;
  check(avformat_open_input(&opened, path.c_str(), nullptr, nullptr), "opening " + path.string());
  const std::unique_ptr<AVFormatContext, CloseInput> input{opened};
  MatroskaFile out;
  out.tags = tags_of(input->metadata);
  if (input->duration > 0) out.seconds = static_cast<double>(input->duration) / AV_TIME_BASE;
  std::vector<AvPtr<AVCodecContext>> decoders;
  for (unsigned s = 0; s < input->nb_streams; ++s) {
    const AVStream& stream = *input->streams[s];
    const AVCodec* codec = avcodec_find_decoder(stream.codecpar->codec_id);
    if (codec == nullptr) throw std::runtime_error("no decoder");
    auto& decoder = decoders.emplace_back(avcodec_alloc_context3(codec));
    check(avcodec_parameters_to_context(decoder.get(), stream.codecpar), "parameters");
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
    check(avcodec_open2(decoder.get(), codec, nullptr), "decoder");
    out.streams.push_back({tags_of(stream.metadata),
                           codec->name,
                           stream.codecpar->ch_layout.nb_channels,
                           stream.codecpar->sample_rate,
                           {},
                           {}});
  }
  const AvPtr<AVPacket> packet{av_packet_alloc()};
  while (av_read_frame(input.get(), packet.get()) >= 0) {
    const auto s = static_cast<std::size_t>(packet->stream_index);
    MatroskaStream& stream = out.streams.at(s);
    const AVRational base = input->streams[s]->time_base;
    stream.packets.push_back({packet->pts * 1000 * base.num / base.den, stream.rows()});
    check(avcodec_send_packet(decoders[s].get(), packet.get()), "decoding");
    take_frames(*decoders[s], stream);
    av_packet_unref(packet.get());
  }
  for (std::size_t s = 0; s < decoders.size(); ++s) {
    check(avcodec_send_packet(decoders[s].get(), nullptr), "decoding");
    take_frames(*decoders[s], out.streams[s]);
  }
  return out;
}

}  // namespace mesura::sinks::test
