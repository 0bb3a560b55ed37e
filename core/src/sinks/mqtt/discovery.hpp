// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What Home Assistant is told about a series (its MQTT discovery, one retained message each).
#pragma once

#include <mesura/measurement.hpp>

#include "sinks/mqtt/options.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::sinks::mqtt {

/// How Home Assistant classes a series; empty: not at all.
struct EntityClass {
  std::string_view device_class;  ///< "power", "energy", "gas"
  std::string_view state_class;   ///< "measurement", "total_increasing"
  std::string_view unit;          ///< in its spelling: "°C", "m³"
  bool diagnostic = false;
};
[[nodiscard]] EntityClass class_of(const SeriesInfo& series);

/// "homeassistant/sensor/mesura_grid/l1_active_power_w/config"
[[nodiscard]] std::string discovery_topic(std::string_view prefix, const SeriesInfo& series);

/// The message. state_topic: where its values go; per_measurement: nothing else goes there. expire_after_s: 0 for none.
[[nodiscard]] std::string discovery_payload(const Options& options, const SeriesInfo& series,
                                            const std::string& state_topic, bool per_measurement,
                                            std::int64_t expire_after_s);

/// How often messages come to a topic: after how many seconds without one its values are no longer to be believed.
///
/// Four times the middle one of the last five distances, at least 30 s; 0 until there have been five. It only changes
/// when the distances do, by half or double: each change is a message to Home Assistant.
class Cadence {
 public:
  /// True when expire_after_s() has changed.
  bool note(std::int64_t time_ns);
  [[nodiscard]] std::int64_t expire_after_s() const { return expire_s_; }

 private:
  std::int64_t last_ns_ = INT64_MIN;
  std::array<std::int64_t, 5> distances_{};
  std::uint8_t count_ = 0;
  std::int64_t expire_s_ = 0;
};

}  // namespace mesura::sinks::mqtt
