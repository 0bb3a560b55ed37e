// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "telegram.hpp"

#include <array>
#include <cstdint>

namespace mesura::dsmr_p1 {

/// What one line says about an M-Bus channel.
struct MbusPart {
  enum class What : std::uint8_t { nothing, type, valve, reading };
  What what = What::nothing;
  std::uint8_t channel = 0;  ///< 1..4
  std::int16_t type = -1;    ///< -1: "()", no device
  std::uint8_t object = 0;   ///< E of the reading's code: 24.2.1, 24.2.3, 24.3.0, 24.3.1
  bool profile = false;      ///< 24.3.x
  Unit unit = Unit::none;    ///< none: the line had no unit
  Decimal value;
  Stamp stamp;
};

/// Binds the readings of M-Bus devices to media by the device's type, never by the channel, and finds those worth
/// telling: a device brings a new reading every five minutes or hour and its telegrams repeat the last one all the
/// time.
class MbusTracker {
 public:
  void begin();
  void apply(const MbusPart& part);
  /// Appends the state of each channel that was mentioned, and its reading if that is new.
  void finish(const StampClock& clock, std::int64_t period_s, std::int64_t received_ns, std::vector<Reading>& out);

 private:
  struct Channel {
    bool mentioned = false;
    bool has_type = false;
    std::int16_t type = -1;
    MbusPart valve;
    MbusPart reading;
    // remembered from telegram to telegram
    std::int64_t last_time_ns = kNoTime;
    Decimal last_value;
    Medium last_medium = Medium::other_volume;
    bool told = false;
  };

  [[nodiscard]] bool is_stale(const Channel& channel, std::int64_t period_s) const;

  std::array<Channel, kMbusChannels> channels_;
};

}  // namespace mesura::dsmr_p1
