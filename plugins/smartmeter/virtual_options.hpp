// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The options of `mesura simulate smartmeter`, read.
#pragma once

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <string>

#include "virtual_faults.hpp"
#include "virtual_measures.hpp"
#include "virtual_signal.hpp"

namespace mesura::smartmeter::twin {

struct VirtualSettings {
  Model model = Model::smartmeter;
  std::string name;
  std::string ip;
  std::uint64_t seed = 1;
  bool quirks = false;
  SignalSetup signal;
  Calibration calibration{};
  std::array<double, kLines> energy_wh{};

  std::size_t clients = 3;
  std::chrono::nanoseconds accept{};    ///< between two greetings
  std::chrono::nanoseconds liveness{};  ///< 0: never
  bool liveness_state = false;          ///< the line holds the MQTT state instead of nothing
  std::chrono::nanoseconds reboot{};    ///< during which nobody is served
  std::size_t buffer = 0;               ///< bytes of rows that wait at most

  std::string dial;  ///< stream server, "-" for none
  std::int64_t dial_port = 54322;
  std::chrono::nanoseconds redial{};
  std::string broker;  ///< "-" for none
  std::int64_t broker_port = 1883;
  std::string broker_user, broker_password;
  std::string base;  ///< of the topics
  std::chrono::nanoseconds state_every{};
  bool state_lines = false;  ///< the MQTT state also has values per line

  std::int64_t clock_offset_ns = 0;  ///< by which the meter's clock is ahead
  std::int64_t compression = 1;
  std::chrono::nanoseconds tick{};
  bool flood = false;
  std::uint64_t rows = 0;  ///< after which a run stops by itself; 0: never
  std::string measures;    ///< of the run that --output writes
  std::int64_t rate = 0;
  Faults faults;
};

/// errors  std::invalid_argument for what cannot be read or contradicts itself
[[nodiscard]] VirtualSettings read_settings(const SessionInfo& info);

/// "-2s", "150ms", "1h": with a sign, in nanoseconds; for options and the faults of a running meter.
/// errors  std::invalid_argument, naming `option`
[[nodiscard]] std::int64_t signed_duration(std::string_view option, std::string_view text);

/// Frame numbers of a list; see FrameSet.
[[nodiscard]] FrameSet frame_set(std::string_view option, std::span<const mesura_option_entry> entries);

}  // namespace mesura::smartmeter::twin
