// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Numbers of the virtual SmartMeter's links and timers.
#pragma once

#include <mesura/plugin.hpp>

namespace mesura::smartmeter::twin {

inline constexpr LinkId kCommand = 0, kRaw = 1, kUdp = 2, kDial = 3, kBroker = 4;

enum Timer : TimerId {
  kTick,  // the running run
  kLiveness,
  kAccept,
  kRedial,
  kState,  // periodic MQTT state
  kRetry,  // what a link did not take
  kDaily,
  kRestart,  // the daily one, a second after its announcement
  kBooted,
  kScheduled,  // a run begins
  kNtp,
  kBrokerAgain,
};

inline constexpr std::size_t kLongestLine = 599;

}  // namespace mesura::smartmeter::twin
