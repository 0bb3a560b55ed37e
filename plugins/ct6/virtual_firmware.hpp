// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the versions of the CT6 firmware do differently on the wire (sheet, section 13).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::ct6::twin {

/// How a version makes the values of an answer.
enum class Averaging {
  on_request,  ///< the chips are read for each answer
  cached,      ///< the latest reading
  running,     ///< 2.64, 2.65: (mean + new) / 2, which is not the mean
  mean         ///< since the answer before
};

/// How a version takes the power factor away from small powers.
enum class FactorRule { none, by_sign, by_magnitude };

struct Firmware {
  std::string text;      ///< "3.1", as the unit reports it
  int hundredths = 310;  ///< versions are decimal numbers: 2.8 is later than 2.70
  bool silent_inactive = true;
  bool mqtt = true;
  bool time_sent = true;  ///< TIMESENT and /fw_version
  bool led_and_uptime = true;
  bool restarts_without_wifi = true;
  bool keeps_slot = true;  ///< over a reset to defaults
  Averaging averaging = Averaging::mean;
  FactorRule factor_rule = FactorRule::by_magnitude;
  int factor_threshold = 5;      ///< W, the default
  std::int64_t sample_ms = 200;  ///< between readings of the chips
  int input_gain = 1;            ///< of the metering chips; 4 before 2.8
};

/// Nothing if `text` is no decimal number such as "2.69".
[[nodiscard]] std::optional<Firmware> find_firmware(std::string_view text);

}  // namespace mesura::ct6::twin
