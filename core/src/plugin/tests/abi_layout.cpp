// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// plugin_abi.h as C++20.
#include "abi_layout.h"

#include <type_traits>

// What crosses the border is copied bytewise between languages, and between processes.
static_assert(std::is_trivially_copyable_v<mesura_measurement> && std::is_standard_layout_v<mesura_measurement>);
static_assert(std::is_trivially_copyable_v<mesura_batch> && std::is_standard_layout_v<mesura_batch>);
static_assert(std::is_trivially_copyable_v<mesura_waveform> && std::is_standard_layout_v<mesura_waveform>);
static_assert(std::is_trivially_copyable_v<mesura_option> && std::is_standard_layout_v<mesura_option>);
static_assert(std::is_trivially_copyable_v<mesura_plugin> && std::is_standard_layout_v<mesura_plugin>);
static_assert(std::is_trivially_copyable_v<mesura_host_api> && std::is_standard_layout_v<mesura_host_api>);
