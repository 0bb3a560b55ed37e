// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One measurement as a JSON line, the same wherever one is shown (decode, probe, query, live stream, exec sink):
//
//   {"device":"grid","channel":"l1","quantity":"active_power","unit":"W","time":"2026-06-14T12:45:01.000Z",
//    "received":"2026-06-14T12:45:01.213Z","value":1843.27}
//
// A block of waveform is one line as well, without its samples; `gap` rows were lost before it:
//
//   {"device":"lab","channel":"waveform","start":"2026-06-14T12:45:01.000Z","rate":8000,"channels":["v_l1","i_l1"],
//    "units":["V","mA"],"first_row":0,"rows":42,"packet":0,"gap":0}
//
// With them it ends in ,"samples":[230.1,0.5,230.2,0.5]}: row after row, each with its channels.
//
// "text" in place of "value" for texts; "quality" at the end only when not good; a number that is none is null.
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <string>

namespace mesura::model {

enum class Samples : std::uint8_t { without, with };  ///< of a block of waveform

/// Appends the object without a line end. `m` belongs to `batch`, `series` to `m`.
void append_json(std::string& out, const SeriesInfo& series, const Batch& batch, const Measurement& m);

/// Appends every measurement of the batch, a line each; the times of a telegram are formatted once.
void append_json_lines(std::string& out, const SeriesTable& table, const Batch& batch,
                       Samples samples = Samples::without);

}  // namespace mesura::model
