// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What goes wrong between the virtual meter and its reader.
#pragma once

#include <cstdint>
#include <string>

#include "virtual_house/random.hpp"

namespace mesura::dsmr_p1::twin {

using virtual_house::Random;

struct LineFaults {
  bool noise =
      false;  ///< 1 to 64 garbage bytes before each telegram; never a start or end byte, so that no telegram is lost
  double bitflip = 0;    ///< chance per byte that one of its bits flips
  double truncate = 0;   ///< chance per telegram that its tail is missing
  bool lf_only = false;  ///< a gateway strips each CR; the checksum stays that of the meter's CR LF
  bool parity = false;   ///< 7E1 read as 8N1: bit 7 of every byte makes the number of ones even
};

/// Applies the faults to whole frames, in the order in which a line would: the chances of one kind never move
/// another's.
class FaultyLine {
 public:
  FaultyLine(const LineFaults& faults, std::uint64_t seed);

  struct Result {
    std::string bytes;
    bool spoilt = false;  ///< the reader must reject the telegram
  };
  /// A telegram is cut before its '!' when it is plain text, else anywhere before its last byte.
  Result carry(std::string frame);

  [[nodiscard]] const LineFaults& faults() const { return faults_; }
  void change(const LineFaults& faults) { faults_ = faults; }

 private:
  void add_noise(std::string& bytes);

  LineFaults faults_;
  Random noise_;
  Random flips_;
  Random cuts_;
};

}  // namespace mesura::dsmr_p1::twin
