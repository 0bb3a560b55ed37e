// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6's answers against the sheet's literal bytes.
#include "virtual_answer.hpp"

#include <cmath>
#include <string>

#include "support/catch.hpp"
#include "virtual_json.hpp"
#include "virtual_number.hpp"

using namespace mesura::ct6::twin;

namespace {

std::string printed(double v) {
  std::string out;
  append_float(out, v);
  return out;
}

/// The unit of the sheet's example, on four ports.
Config example_config(const Firmware& firmware) {
  Config c(firmware, 6);
  c.put("ASSY", Value{"ASY0398_V003.300_SN00001846"});
  c.put("YDEV_UNIT_NAME", Value{"Meter_Cupboard"});
  c.put("ACTIVE", Value{1.0F});
  c.put("CT1_NAME", Value{"Grid"});
  c.put("CT2_NAME", Value{"Solar"});
  c.put("CT3_NAME", Value{"Battery"});
  c.put("CT5_NAME", Value{"House"});
  return c;
}

Reading example_reading() {
  Reading r;
  r.ports = {{7.84215, 11.09037, 242.316, -1843.27, -461.967, 1900.278, -0.97, 31, 50.01},
             {9.168393, 12.96594, 242.316, 2210.54, 221.8869, 2221.648, 0.995, 31, 50.01},
             {1.830943, 2.589319, 242.316, -412.61, -163.0739, 443.6667, -0.93, 31, 50.01},
             {0, 0, 242.198, 0, 0, 0, 0, 30.6, 50.01},
             {15.30837, 21.64909, 242.198, -3640.918, -700.3054, 3707.656, -0.982, 30.6, 50.01},
             {0, 0, 242.198, 0, 0, 0, 0, 30.6, 50.01}};
  r.read_us = 29564.67;
  r.rssi_dbm = -51.4;
  r.board_celsius = 24.81;
  return r;
}

// Section 2.3, its lines joined.
const std::string kExample =
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

// Section 3, its lines joined.
const std::string kMessage =
    R"({"CT1": {"TYPE": "SCT013_100A", "NAME": "Grid", "IRMS": 7.84215, "IPEAK": 11.09037, "VRMS": 242.316, "PRMS": -1843.27, "PREACT": -461.967, "PAPPARENT": 1900.278, "PF": -0.97, "TEMP": 31.0, "FREQ": 50.01}, )"
    R"("CT2": {"TYPE": "SCT013_100A", "NAME": "Solar", "IRMS": 9.168393, "IPEAK": 12.96594, "VRMS": 242.316, "PRMS": 2210.54, "PREACT": 221.8869, "PAPPARENT": 2221.648, "PF": 0.995, "TEMP": 31.0, "FREQ": 50.01}, )"
    R"("CT3": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.316, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 31.0, "FREQ": 50.01}, )"
    R"("CT4": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01}, )"
    R"("CT5": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01}, )"
    R"("CT6": {"TYPE": "SCT013_100A", "NAME": "", "IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, "TEMP": 30.6, "FREQ": 50.01}, )"
    R"("READ_TIME_NS": 29570.1, "RSSI": -51.0, "BOARD_TEMPERATURE": 24.8, "ASSY": "ASY0398_V003.300_SN00001846", )"
    R"("YDEV_UNIT_NAME": "Meter_Cupboard", "FIRMWARE_VERSION": "3.1", "ACTIVE": 1.0, "PF_WATTS_THRESHOLD": 5, )"
    R"("TIMESENT": [2026, 6, 14, 12, 45, 2, 6, 165, 1781441102]})";

std::string answer_of(std::string_view version, const Reading& reading, const AnswerWriter::Shape& shape) {
  const Firmware firmware = find_firmware(version).value();
  AnswerWriter writer;
  writer.rebuild(example_config(firmware), firmware, 6, "192.168.0.34");
  std::string out;
  writer.write(out, reading, shape);
  return out;
}

}  // namespace

TEST_CASE("twin number: floats print as MicroPython prints them") {
  CHECK(printed(0) == "0.0");
  CHECK(printed(31) == "31.0");
  CHECK(printed(-1843.27) == "-1843.27");
  CHECK(printed(1900.278) == "1900.278");
  CHECK(printed(29564.67) == "29564.67");
  CHECK(printed(242.19800001) == "242.198");
  CHECK(printed(1.0 / 3) == "0.3333333");
  CHECK(printed(9999999) == "9999999.0");
  CHECK(printed(12345678) == "1.234568e+07");
  CHECK(printed(0.00032) == "0.00032");
  CHECK(printed(0.00001) == "1e-05");
  CHECK(printed(std::nan("")) == "nan");
  CHECK(printed(INFINITY) == "inf");
  CHECK(printed(-INFINITY) == "-inf");
}

TEST_CASE("twin number: what counts as a float") {
  for (const char* text : {"1", " 42 ", "+3", "-0.5", ".5", "5.", "1e3", "nan", "inf", "-Infinity"}) {
    INFO(text);
    CHECK(parse_python_float(text).has_value());
  }
  for (const char* text : {"", " ", "+", "+-1", "1,5", "0x10", "Solar", "1 2", "nan(1)", "12a"}) {
    INFO(text);
    CHECK_FALSE(parse_python_float(text).has_value());
  }
  CHECK(parse_python_float("1e3").value() == 1000.0F);
  CHECK(std::isinf(parse_python_float("1e400").value()));
}

TEST_CASE("twin answer: the sheet's UDP answer, byte for byte") {
  AnswerWriter::Shape shape;
  shape.header = true;
  shape.time_s = 1781441101;
  CHECK(answer_of("3.1", example_reading(), shape) == kExample);
}

TEST_CASE("twin answer: the sheet's MQTT payload, byte for byte") {
  const Firmware firmware = find_firmware("3.1").value();
  Config config = example_config(firmware);
  config.put("CT3_NAME", Value{""});
  config.put("CT5_NAME", Value{""});
  Reading reading = example_reading();
  reading.ports[2] = {0, 0, 242.316, 0, 0, 0, 0, 31, 50.01};
  reading.ports[4] = reading.ports[3];
  reading.read_us = 29570.1;
  reading.rssi_dbm = -51;
  reading.board_celsius = 24.8;
  AnswerWriter writer;
  writer.rebuild(config, firmware, 6, "192.168.0.34");
  AnswerWriter::Shape shape;
  shape.time_s = 1781441102;
  std::string out;
  writer.write(out, reading, shape);
  CHECK(out == kMessage);
}

TEST_CASE("twin answer: its truth is what its digits read") {
  const Firmware firmware = find_firmware("3.1").value();
  AnswerWriter writer;
  writer.rebuild(example_config(firmware), firmware, 6, "");
  Reading reading = example_reading();
  reading.ports[0].active_w = -1843.2712345;  // more than the wire shows
  AnswerWriter::Shape shape;
  shape.time_s = 1781441101;
  std::string out;
  writer.write(out, reading, shape);
  const auto truth = [&](std::string_view channel, std::string_view quantity) {
    for (std::size_t i = 0; i < truth_size(6); ++i)
      if (truth_name(i, 6) == std::pair{std::string(channel), quantity}) return writer.truth()[i];
    FAIL("no such series");
    return 0.0;
  };
  CHECK(truth("ct1", "active_power") == -1843.271);
  CHECK(truth("ct2", "apparent_power") == 2221.648);
  CHECK(truth("ct5", "current") == 15.30837);
  CHECK(truth("ct5", "power_factor") == -0.982);
  CHECK(std::isnan(truth("ct4", "power_factor")));  // taken away by the firmware
  CHECK(truth("ct6", "temperature") == 30.6);
  CHECK(truth("total", "read_time") == 29564.67 / 1e6);
  CHECK(truth("total", "signal_strength") == -51.4);
  CHECK(truth("board", "temperature") == 24.81);
  CHECK(truth("total", "active") == 1);
  CHECK(truth("total", "power_factor_threshold") == 5);
  CHECK(truth("total", "device_time") == 1781441101);
}

TEST_CASE("twin answer: old firmware lacks keys") {
  using mesura::test::contains;
  AnswerWriter::Shape shape;
  shape.header = true;
  shape.time_s = 1781441101;
  const std::string v265 = answer_of("2.65", example_reading(), shape);
  CHECK_THAT(v265, contains("\"TIMESENT\": [2026,"));
  CHECK_THAT(v265, !contains("PF_WATTS_THRESHOLD"));
  const std::string v264 = answer_of("2.64", example_reading(), shape);
  CHECK_THAT(v264, !contains("TIMESENT"));
  CHECK(v264.find(R"("FIRMWARE_VERSION": "2.64", "ACTIVE": 1.0})") != std::string::npos);
}

TEST_CASE("twin answer: how each firmware takes power factors away") {
  Reading reading = example_reading();
  reading.ports[3].active_w = 4.9;
  reading.ports[3].factor = 0.5;
  reading.ports[5].active_w = -4.9;
  reading.ports[5].factor = -0.5;
  const auto factor = [&](std::string_view version, int port) {
    const auto json = parse_json(answer_of(version, reading, {})).value();
    const auto* unit = json.as<Object>();
    const auto* ct = find(*unit, port_key(port, ""))->as<Object>();
    return find(*ct, "PF")->number().value();
  };
  CHECK(factor("2.67", 1) == Approx(-0.97));
  CHECK(factor("2.67", 4) == Approx(0.5));
  CHECK(factor("2.68", 1) == 0);  // every negative power
  CHECK(factor("2.68", 2) == Approx(0.995));
  CHECK(factor("2.70", 1) == Approx(-0.97));
  CHECK(factor("2.70", 4) == 0);
  CHECK(factor("2.70", 6) == 0);
  CHECK(find_firmware("2.68")->factor_threshold == 50);
  CHECK(find_firmware("2.70")->factor_threshold == 5);
}

TEST_CASE("twin answer: ints before averaging, nan on demand") {
  using mesura::test::contains;
  AnswerWriter::Shape shape;
  shape.single = true;
  shape.nan_port = 2;
  const std::string text = answer_of("3.1", example_reading(), shape);
  CHECK_THAT(text, contains(R"("RSSI": -51, )"));
  CHECK_THAT(text, contains(R"("TEMP": 31, )"));
  CHECK_THAT(text, contains(R"("PRMS": nan, )"));
  CHECK_THAT(text, contains(R"("PRMS": -1843.27, )"));
}

TEST_CASE("twin firmware: versions are decimal numbers") {
  CHECK(find_firmware("2.8")->hundredths > find_firmware("2.70")->hundredths);
  CHECK(find_firmware("2.3")->averaging == Averaging::on_request);
  CHECK(find_firmware("2.61")->averaging == Averaging::cached);
  CHECK(find_firmware("2.64")->averaging == Averaging::running);
  CHECK(find_firmware("2.66")->averaging == Averaging::mean);
  CHECK(find_firmware("2.63")->sample_ms == 400);
  CHECK(find_firmware("2.70")->input_gain == 4);
  CHECK(find_firmware("2.8")->input_gain == 1);
  for (const char* text : {"", "x", "3.", "3.1.0", "3.123", "-1.0"}) {
    INFO(text);
    CHECK_FALSE(find_firmware(text).has_value());
  }
}

TEST_CASE("twin json: reads what it writes, and refuses the rest") {
  const std::string text = R"({"a": [1, 2.5, true, null], "b": {"c": "x\"y\\z\n"}, "d": ""})";
  CHECK(parse_json(text).value().dump() == text);
  CHECK(parse_json(R"("ä\u00e9")").value().dump() == R"("äé")");
  for (const char* bad : {"", "{", "[1,]", "{\"a\" 1}", "1 2", "nul", "\"x", "{\"a\":}", "\"\\u12\""}) {
    INFO(bad);
    CHECK_FALSE(parse_json(bad).has_value());
  }
  CHECK_FALSE(parse_json(std::string(100, '[')).has_value());
}
