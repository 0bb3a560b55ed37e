// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/recording/matroska/module.h"

#include <cstdint>

namespace mesura::sinks::recording::matroska {

/// The longest frame: WavPack's decoders take 131072 rows; beyond a second at 32 kHz nothing is gained.
inline constexpr std::uint32_t kMostRows = 32768;

mesura_wavpack* encoder_open(std::uint32_t channels, std::uint32_t rate_hz, int level, int verify,
                             mesura_matroska_error* error);
float* const* encoder_planes(mesura_wavpack* encoder);
int encoder_encode(mesura_wavpack* encoder, std::uint32_t rows, mesura_wavpack_packet packet, void* to,
                   mesura_matroska_error* error);
void encoder_close(mesura_wavpack* encoder);

}  // namespace mesura::sinks::recording::matroska
