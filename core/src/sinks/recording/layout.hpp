// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mesura::sinks::recording {

enum class Streams : std::uint8_t {
  single,   ///< one stream of all channels
  per_line  ///< one of each line's channels
};

/// A stream of a file: which values of a row it has.
struct Track {
  std::string title;
  std::vector<std::size_t> columns;  ///< of the row, in the stream's order
  std::string channel_tags;          ///< their names, joined by ','
};

/// A line is what ends in `_l1`, `_l2`, ...: "v_l1" and "i_l1", "p_l1" and "q_l1". Channels of no line share a stream.
/// Streams come in the order of their first channels.
[[nodiscard]] std::vector<Track> lay_out(Streams streams, const std::string& device,
                                         const std::vector<std::string>& names);

}  // namespace mesura::sinks::recording
