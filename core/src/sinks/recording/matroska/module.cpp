// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/matroska/module.h"

#include "sinks/recording/matroska/av.hpp"
#include "sinks/recording/matroska/file.hpp"
#include "sinks/recording/matroska/reader.hpp"
#include "sinks/recording/matroska/wavpack_encoder.hpp"

namespace rec = mesura::sinks::recording::matroska;

extern "C" __attribute__((visibility("default"))) const mesura_matroska_module* mesura_matroska_query(
    std::uint32_t version) {
  static const mesura_matroska_module module{sizeof(mesura_matroska_module),
                                             LIBAVFORMAT_IDENT " " LIBAVCODEC_IDENT,
                                             rec::encoder_open,
                                             rec::encoder_planes,
                                             rec::encoder_encode,
                                             rec::encoder_close,
                                             rec::kMostRows,
                                             rec::file_open,
                                             rec::file_packet,
                                             rec::file_flush,
                                             rec::file_finish,
                                             rec::file_close,
                                             rec::reader_open,
                                             rec::reader_channels,
                                             rec::reader_next,
                                             rec::reader_close};
  if (version != MESURA_MATROSKA_VERSION) return nullptr;
  // It prints to stderr by itself; what matters comes back as an error, and a refused frame is made again.
  av_log_set_level(AV_LOG_QUIET);
  return &module;
}
