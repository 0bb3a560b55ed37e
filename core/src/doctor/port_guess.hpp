// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What may sit on a port, by what its USB device says of itself. Nothing is opened.
#pragma once

#include "transport/ports.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mesura::doctor {

struct Guess {
  enum class Trust : std::uint8_t {
    likely,   ///< its name or its numbers are those of such devices
    possible  ///< a chip that many cables have
  };
  std::string plugin;
  std::string address;  ///< as every verb takes it: "dsmr_p1+serial:/dev/serial/by-id/..."
  Trust trust = Trust::possible;
  std::string why;
};

struct PortGuess {
  std::vector<Guess> guesses;  ///< the likeliest first
  std::string stranger;        ///< set: surely none of ours, and what it is ("a Zigbee stick"): leave it alone
};
[[nodiscard]] PortGuess guess(const transport::Port& port);

}  // namespace mesura::doctor
