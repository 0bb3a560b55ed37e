// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decoder.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::dsmr_p1 {

/// Which measurements leave the session, and when.
struct EmissionSettings {
  enum class Every : std::uint8_t { telegram, interval, on_change };

  Every every = Every::telegram;
  std::chrono::nanoseconds interval{0};  ///< for Every::interval
  std::vector<std::string> include;      ///< globs; empty: everything
  std::vector<std::string> exclude;
  bool guard = false;      ///< drop registers that go back or leap
  double max_power = 0;    ///< W; a register may not grow faster
  bool meter_time = true;  ///< measurements carry the meter's time, where it can be trusted
  bool raw_telegram = false;
  std::array<std::string, 15> tariff_labels;
};

enum class RequestLine : std::uint8_t { always, per_telegram };

/// The options of a session, typed.
struct SessionSettings {
  Decoder::Settings decoder;
  EmissionSettings emission;
  RequestLine request_line = RequestLine::always;
  std::chrono::nanoseconds sample_interval{0};

  /// Throws std::invalid_argument that names the option, never a key's value.
  static SessionSettings from(const SessionInfo& info);
};

}  // namespace mesura::dsmr_p1
