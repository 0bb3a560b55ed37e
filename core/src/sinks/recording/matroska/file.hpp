// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/recording/matroska/module.h"

#include <cstddef>
#include <cstdint>

namespace mesura::sinks::recording::matroska {

mesura_matroska* file_open(const mesura_matroska_spec* spec, mesura_matroska_output output, void* to,
                           mesura_matroska_error* error);
int file_packet(mesura_matroska* file, std::uint32_t track, std::uint64_t row, std::uint32_t rows,
                const std::uint8_t* bytes, std::size_t size, mesura_matroska_error* error);
int file_flush(mesura_matroska* file, mesura_matroska_error* error);
int file_finish(mesura_matroska* file, mesura_matroska_error* error);
void file_close(mesura_matroska* file);

}  // namespace mesura::sinks::recording::matroska
