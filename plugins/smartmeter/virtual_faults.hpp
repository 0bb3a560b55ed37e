// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What a virtual SmartMeter does wrong when asked to.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::smartmeter::twin {

/// Numbers of frames: "5", "10-12", "20-" (and all that follow).
class FrameSet {
 public:
  /// errors  std::invalid_argument, naming `option`, what was expected and what was got
  void add(std::string_view option, std::string_view text);
  [[nodiscard]] bool has(std::uint64_t frame) const;
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }

 private:
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges_;
};

struct Faults {
  FrameSet drop;                 ///< never sent, though numbered
  FrameSet duplicate;            ///< UDP: sent twice
  FrameSet late;                 ///< UDP: sent behind the next one
  FrameSet log;                  ///< a log line goes before it
  FrameSet shortened;            ///< carries half its rows; the others follow in the next
  FrameSet ragged;               ///< its last 3 bytes are missing, so that it ends within a row
  std::uint64_t disconnect = 0;  ///< the owner is dropped after so many frames of a run; 0: never
  std::uint64_t slow = 0;        ///< bytes per second that leave at most; 0: all
  bool busy = false;             ///< as if somebody else were sampling
  bool ntp_fails = false;
};

}  // namespace mesura::smartmeter::twin
