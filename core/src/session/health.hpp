// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace mesura::session {

/// connecting  no verified frame since the start
/// live        a verified frame within stale_after
/// stale       none for stale_after
/// failed      the plugin's session could not be made or failed; a new one follows after a back-off
/// finished    a file or recording has ended
enum class State : std::uint8_t { connecting, live, stale, failed, finished };

[[nodiscard]] std::string_view to_string(State state);

/// What is known of a device's well-being. Times are UTC ns; 0: never.
struct Health {
  State state = State::connecting;
  std::int64_t since_ns = 0;  ///< when this state began
  std::int64_t last_frame_ns = 0;
  std::uint64_t frames = 0;  ///< verified
  std::uint64_t frames_rejected = 0;
  std::uint64_t measurements = 0;
  std::uint64_t reconnects = 0;  ///< times that a link opened again after the first
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t, std::less<>> faults;    ///< by code
  std::map<std::string, std::string, std::less<>> attributes;  ///< serial, model, firmware, ...
  std::string link;                                            ///< "tcp p1.local:23"
  std::string error;                                           ///< why it is failed or not connected, or empty
};

}  // namespace mesura::session
