// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/matroska/reader.hpp"

#include "sinks/recording/matroska/av.hpp"

#include <vector>

using namespace mesura::sinks::recording::matroska;

struct mesura_matroska_reader {
  struct CloseInput {
    void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
  };
  std::unique_ptr<AVFormatContext, CloseInput> input;
  std::vector<AvPtr<AVCodecContext>> decoders;
  AvPtr<AVPacket> packet{av_packet_alloc()};
  AvPtr<AVFrame> frame{av_frame_alloc()};
  std::size_t decoding = SIZE_MAX;  // the track whose decoder may have frames
  std::size_t draining = 0;         // at the end: the track that is emptied
  bool ended = false;
};

namespace mesura::sinks::recording::matroska {

namespace {

/// 1: a frame of this track; 0: it has none; -1: failed.
int receive(mesura_matroska_reader& reader, std::size_t track, mesura_matroska_frame* out,
            mesura_matroska_error* error) {
  const int got = avcodec_receive_frame(reader.decoders[track].get(), reader.frame.get());
  if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return 0;
  if (got < 0) return fail(error, "avcodec_receive_frame", got) ? 0 : -1;
  if (reader.frame->format != AV_SAMPLE_FMT_FLTP) {
    std::snprintf(error->text, sizeof error->text, "a frame that is no float");
    return -1;
  }
  out->track = static_cast<std::uint32_t>(track);
  out->rows = static_cast<std::uint32_t>(reader.frame->nb_samples);
  out->planes = reinterpret_cast<const float* const*>(reader.frame->extended_data);
  return 1;
}

}  // namespace

mesura_matroska_reader* reader_open(const char* path, mesura_matroska_error* error) {
  auto reader = std::make_unique<mesura_matroska_reader>();
  AVFormatContext* opened = nullptr;
  if (const int done = avformat_open_input(&opened, path, nullptr, nullptr); done < 0) {
    fail(error, "avformat_open_input", done);
    return nullptr;
  }
  reader->input.reset(opened);
  for (unsigned s = 0; s < opened->nb_streams; ++s) {
    const AVCodecParameters& about = *opened->streams[s]->codecpar;
    const AVCodec* codec = avcodec_find_decoder(about.codec_id);
    auto& decoder = reader->decoders.emplace_back(codec != nullptr ? avcodec_alloc_context3(codec) : nullptr);
    if (!decoder) {
      std::snprintf(error->text, sizeof error->text, "track %u has no decoder", s);
      return nullptr;
    }
    int done = avcodec_parameters_to_context(decoder.get(), &about);
    // A frame that is damaged must not pass for silence.
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
    decoder->thread_count = 1;
    if (done >= 0) done = avcodec_open2(decoder.get(), codec, nullptr);
    if (done < 0) {
      fail(error, "avcodec_open2", done);
      return nullptr;
    }
  }
  return reader.release();
}

std::uint32_t reader_channels(const mesura_matroska_reader* reader, std::uint32_t track) {
  if (track >= reader->decoders.size()) return 0;
  return static_cast<std::uint32_t>(reader->input->streams[track]->codecpar->ch_layout.nb_channels);
}

int reader_next(mesura_matroska_reader* reader, mesura_matroska_frame* frame, mesura_matroska_error* error) {
  for (;;) {
    if (reader->decoding < reader->decoders.size()) {
      if (const int got = receive(*reader, reader->decoding, frame, error); got != 0) return got;
      reader->decoding = SIZE_MAX;
    }
    if (reader->ended) {
      for (; reader->draining < reader->decoders.size(); ++reader->draining) {
        if (const int got = receive(*reader, reader->draining, frame, error); got != 0) return got;
      }
      return 0;
    }
    // A torn end reads as an error of some kind: the rows before it are whole.
    if (av_read_frame(reader->input.get(), reader->packet.get()) < 0) {
      reader->ended = true;
      for (const auto& decoder : reader->decoders) avcodec_send_packet(decoder.get(), nullptr);
      continue;
    }
    const auto track = static_cast<std::size_t>(reader->packet->stream_index);
    if (track >= reader->decoders.size()) continue;
    const int sent = avcodec_send_packet(reader->decoders[track].get(), reader->packet.get());
    av_packet_unref(reader->packet.get());
    if (sent < 0) return fail(error, "avcodec_send_packet", sent) ? 0 : -1;
    reader->decoding = track;
  }
}

void reader_close(mesura_matroska_reader* reader) { delete reader; }

}  // namespace mesura::sinks::recording::matroska
