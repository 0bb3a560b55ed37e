// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual P1 meter's options (virtual_schema.yaml) as types.
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "virtual_faults.hpp"
#include "virtual_frame.hpp"
#include "virtual_model.hpp"
#include "virtual_telegram.hpp"

namespace mesura::dsmr_p1::twin {

struct CipherSetup {
  CipherKey encryption_key{};
  CipherKey authentication_key{};
  SystemTitle title{};
  std::uint32_t frame_counter = 0;  ///< of the first frame
};

struct VirtualSettings {
  const Dialect* dialect = nullptr;
  std::string zone;
  std::string profile;
  std::int64_t pv_watts = 0;
  std::int64_t interval = 1;    ///< s
  std::uint64_t telegrams = 0;  ///< 0: without end
  std::int64_t clock_skew = 0;  ///< s that the meter's clock is ahead
  std::int64_t drop_link = 0;   ///< s between drops, 0: never
  std::size_t chunk = 0;        ///< bytes a send, 0: whole telegrams
  CrcStyle crc = CrcStyle::padded;
  LineFaults faults;
  MeterIdentity identity;
  std::optional<CipherSetup> cipher;
  ModelSetup model;  ///< without `start`, which the first opening tells; month peaks in `model` stay as configured
  bool invent_history = false;  ///< nothing configured: make up the peaks of the past months
};

/// errors  std::invalid_argument: option, what was expected, what was got; keys are never shown
VirtualSettings read_settings(const SessionInfo& info);

/// Thirteen plausible month peaks before `start`, for a meter that is supposed to have been there for years.
std::vector<MonthPeak> invent_peak_history(const MeterClock& clock, UtcSeconds start, std::uint64_t seed);

}  // namespace mesura::dsmr_p1::twin
