// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The sheet's literal answers, and what to make of them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

namespace mesura::ct6::test {

/// Over UDP, firmware 3.1, a unit in use on four ports.
inline constexpr std::string_view kAnswer =
    R"({"IP_ADDRESS": "192.168.0.34", "OS": "micropython", "UNIT_NAME": "Meter_Cupboard", "PRODUCT_ID": "CT6", )"
    R"("DEVICE_TYPE": "6_CHNL_CT_SENSOR", "SERVICE_LIST": "WEB:80", "GROUP_NAME": "", )"
    R"("CT1": {"TYPE": "SCT013_100A", "NAME": "Grid", "IRMS": 7.84215, "IPEAK": 11.09037, "VRMS": 242.316, "PRMS": -1843.27, "PREACT": -461.967, "PAPPARENT": 1900.278, "PF": -0.97, "TEMP": 31.0, "FREQ": 50.01}, )"
    R"("CT2": {"TYPE": "SCT013_100A", "NAME": "Solar", "IRMS": 9.168393, "IPEAK": 12.96594, "VRMS": 242.316, "PRMS": 2210.54, "PREACT": 221.8869, "PAPPARENT": 2221.648, "PF": 0.995, "TEMP": 31.0, "FREQ": 50.01}, )"
    R"("CT3": {"TYPE": "SCT013_100A", "NAME": "Battery", "IRMS": 1.830943, "IPEAK": 2.589319, "VRMS": 242.316, "PRMS": -412.61, "PREACT": -163.0739, "PAPPARENT": 443.6667, "PF": -0.93, "TEMP": 31.0, "FREQ": 50.01}, )"
    R"("CT4": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01}, )"
    R"("CT5": {"TYPE": "SCT013_100A", "NAME": "House", "IRMS": 15.30837, "IPEAK": 21.64909, "VRMS": 242.198, "PRMS": -3640.918, "PREACT": -700.3054, "PAPPARENT": 3707.656, "PF": -0.982, "TEMP": 30.6, "FREQ": 50.01}, )"
    R"("CT6": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01}, )"
    R"("READ_TIME_NS": 29564.67, "RSSI": -51.4, "BOARD_TEMPERATURE": 24.81, "ASSY": "ASY0398_V003.300_SN00001846", )"
    R"("YDEV_UNIT_NAME": "Meter_Cupboard", "FIRMWARE_VERSION": "3.1", "ACTIVE": 1.0, "PF_WATTS_THRESHOLD": 5, )"
    R"("TIMESENT": [2026, 6, 14, 12, 45, 1, 6, 165, 1781441101]})";

/// Over MQTT, with the line breaks of the sheet.
inline constexpr std::string_view kPayload =
    R"({"CT1": {"TYPE": "SCT013_100A", "NAME": "Grid", "IRMS": 7.84215, "IPEAK": 11.09037, "VRMS": 242.316, "PRMS": -1843.27,
 "PREACT": -461.967, "PAPPARENT": 1900.278, "PF": -0.97, "TEMP": 31.0, "FREQ": 50.01},
 "CT2": {"TYPE": "SCT013_100A", "NAME": "Solar", "IRMS": 9.168393, "IPEAK": 12.96594, "VRMS": 242.316, "PRMS": 2210.54,
 "PREACT": 221.8869, "PAPPARENT": 2221.648, "PF": 0.995, "TEMP": 31.0, "FREQ": 50.01},
 "CT3": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.316, "PRMS": 0.0, "PREACT": 0.0,
 "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 31.0, "FREQ": 50.01},
 "CT4": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0,
 "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01},
 "CT5": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0,
 "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01},
 "CT6": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0,
 "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01},
 "READ_TIME_NS": 29570.1, "RSSI": -51.0, "BOARD_TEMPERATURE": 24.8, "ASSY": "ASY0398_V003.300_SN00001846",
 "YDEV_UNIT_NAME": "Meter_Cupboard", "FIRMWARE_VERSION": "3.1", "ACTIVE": 1.0, "PF_WATTS_THRESHOLD": 5,
 "TIMESENT": [2026, 6, 14, 12, 45, 2, 6, 165, 1781441102]})";

/// The moment of kAnswer's TIMESENT.
inline constexpr std::int64_t kAnswerTime_ns = 1'781'441'101'000'000'000;

/// `text` with the one occurrence of `from` replaced; a test that names something else is a mistake.
inline std::string with(std::string_view text, std::string_view from, std::string_view to) {
  std::string out{text};
  const std::size_t at = out.find(from);
  if (at == std::string::npos) throw std::logic_error("no '" + std::string{from} + "' in the vector");
  return out.replace(at, from.size(), to);
}

/// An answer of another unit: kAnswer with serial, names and address of its own.
inline std::string answer_of(int number, std::string_view name, std::string_view port = "Grid") {
  char serial[64];
  std::snprintf(serial, sizeof serial, "ASY0398_V003.300_SN%08d", number);
  std::string text = with(kAnswer, "ASY0398_V003.300_SN00001846", serial);
  for (int i = 0; i < 2; ++i) text = with(text, "Meter_Cupboard", name);
  return with(text, R"("Grid")", '"' + std::string{port} + '"');
}

}  // namespace mesura::ct6::test
