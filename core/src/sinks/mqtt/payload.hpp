// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What stands in the messages. All append to `out`; nothing but it is allocated once it has grown.
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mesura::sinks::mqtt {

/// What a series contributes to each of its messages; made once.
struct Keys {
  std::string json;         ///< "\"l1_active_power_w\":"
  std::string influx_head;  ///< "mesura,device=grid"
  std::string influx_key;   ///< "l1_active_power_w"
  int decimals = 0;
};
[[nodiscard]] Keys keys_of(const SeriesInfo& series);

/// One measurement of a message.
struct Entry {
  const Measurement* item;
  const Keys* keys;
};

/// All of a batch that goes into one message, in its order; names occur once.
struct Group {
  const Batch& batch;
  std::span<const Entry> entries;  ///< at least one
};

/// {"time":"2026-06-14T12:45:01.000Z","l1_active_power_w":1843.27,...}; with "times" for what has another time, and
/// "quality" for what is not good, both by name. `device` is said if it is not empty.
void append_json_batch(std::string& out, const Group& group, std::string_view device);
/// A line for each time: mesura,device=grid l1_active_power_w=1843.27 1781441101000000000
void append_influx(std::string& out, const Group& group);
/// The number to its declared decimals, or the text.
void append_value(std::string& out, const Batch& batch, const Measurement& m, int decimals);

/// Escapes a tag key, tag value or field key of the line protocol.
void append_influx_name(std::string& out, std::string_view name);

}  // namespace mesura::sinks::mqtt
