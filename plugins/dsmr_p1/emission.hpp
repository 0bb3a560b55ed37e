// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings.hpp"
#include "telegram.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace mesura::dsmr_p1 {

/// Turns the readings of telegrams into the measurements that the options ask for: which series, how often, at which
/// time.
///
/// Series are resolved when they first appear. States and texts leave when they change; what has a time of its own
/// leaves at once, whatever the cadence. cost  a few ns a reading; no allocation once every series of the meter has
/// appeared
class Emission {
 public:
  /// live: the meter's clock is compared with ours.
  Emission(EmissionSettings settings, bool live, Host host);

  void telegram(const Telegram& telegram, std::int64_t received_ns);

 private:
  struct Series {
    bool resolved = false;
    bool wanted = false;
    bool told = false;        ///< `number` or `text` left already
    bool guarded = false;     ///< `guard_value` holds
    bool guard_told = false;  ///< that a value was dropped was logged
    SeriesId id = MESURA_NO_SERIES;
    Kind kind = Kind::gauge;
    bool is_energy = false;
    double number = 0;
    double guard_value = 0;
    std::int64_t guard_time_ns = 0;
    std::string text;
  };

  void forget_values(const Telegram& telegram);
  void decide_time(const Telegram& telegram, std::int64_t received_ns);
  [[nodiscard]] bool due(std::int64_t time_ns);
  void resolve(FieldId field, Profile profile);
  [[nodiscard]] std::string_view label(const Field& field, Profile profile) const;
  [[nodiscard]] bool wants(const Field& field) const;
  [[nodiscard]] bool changed(Series& series, const Reading& reading, double value) const;
  [[nodiscard]] bool guard(Series& series, const Reading& reading, double value, const Telegram& telegram,
                           std::int64_t time_ns);
  void add(const Series& series, const Reading& reading, double value, std::uint8_t quality);
  void add_raw(const Telegram& telegram);

  EmissionSettings settings_;
  bool live_;
  Host host_;
  const ObisTable& table_;
  std::vector<Series> series_;
  std::vector<mesura_measurement> batch_;
  std::string raw_;

  std::int64_t batch_time_ns_ = kNoTime;
  std::uint8_t batch_quality_ = MESURA_GOOD;
  std::int64_t latest_ns_ = kNoTime;  ///< the latest stamp that a telegram had
  std::uint16_t latest_crc_ = 0;
  std::int64_t window_ = kNoTime;  ///< of Every::interval: number of the last one that was served
};

}  // namespace mesura::dsmr_p1
