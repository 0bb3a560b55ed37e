// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// libav's headers, and owners for what it gives.
#pragma once

#include "sinks/recording/matroska/module.h"

// Theirs is C that our warnings don't like.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wpedantic"
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
}
#pragma GCC diagnostic pop

#include <cstdio>
#include <memory>

namespace mesura::sinks::recording::matroska {

struct AvFree {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVFormatContext* p) const { avformat_free_context(p); }
};
template <class T>
using AvPtr = std::unique_ptr<T, AvFree>;

/// False, with the reason in `error`.
inline bool fail(mesura_matroska_error* error, const char* what, int code) {
  char reason[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, reason, sizeof reason);
  std::snprintf(error->text, sizeof error->text, "%s: %s", what, reason);
  return false;
}

/// Just so many channels: what they mean, the tags say.
inline AVChannelLayout unnamed_channels(std::uint32_t channels) {
  AVChannelLayout layout{};
  layout.order = AV_CHANNEL_ORDER_UNSPEC;
  layout.nb_channels = static_cast<int>(channels);
  return layout;
}

}  // namespace mesura::sinks::recording::matroska
