// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading what file.hpp writes: the module's functions of that name, see module.h.
#pragma once

#include "sinks/recording/matroska/module.h"

#include <cstdint>

namespace mesura::sinks::recording::matroska {

mesura_matroska_reader* reader_open(const char* path, mesura_matroska_error* error);
std::uint32_t reader_channels(const mesura_matroska_reader* reader, std::uint32_t track);
int reader_next(mesura_matroska_reader* reader, mesura_matroska_frame* frame, mesura_matroska_error* error);
void reader_close(mesura_matroska_reader* reader);

}  // namespace mesura::sinks::recording::matroska
