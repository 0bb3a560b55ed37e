// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What JSON answers have in common.
#pragma once

#include <mesura/store.hpp>

#include "runtime/json.hpp"

#include <string>
#include <vector>

namespace mesura::store {

/// With at most so many decimals; null for what is no number.
void append_value(runtime::JsonWriter& json, double value, int decimals);
void append_value(std::string& out, double value, int decimals);
/// The members that describe a series, into an open object.
void append_series(runtime::JsonWriter& json, const SeriesInfo& info);
/// One series as an object: what it is, resolution, window, and arrays side by side: `times` (seconds since 1970) and a
/// value each for every column ("min", "mean", ...; "value" of measurements as they are, "text" of texts); gaps.
void append_trace(std::string& out, const Trace& trace, const std::vector<std::string_view>& columns);

}  // namespace mesura::store
