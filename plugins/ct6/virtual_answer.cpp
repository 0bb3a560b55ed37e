// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_answer.hpp"

#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include "virtual_number.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

constexpr std::array<std::string_view, 9> kPortQuantities = {"current",      "current_peak",   "voltage",
                                                             "active_power", "reactive_power", "apparent_power",
                                                             "power_factor", "temperature",    "frequency"};

struct UnitName {
  std::string_view channel, quantity;
};
constexpr std::array<UnitName, 6> kUnitNames = {{{"total", "read_time"},
                                                 {"total", "signal_strength"},
                                                 {"board", "temperature"},
                                                 {"total", "active"},
                                                 {"total", "power_factor_threshold"},
                                                 {"total", "device_time"}}};
constexpr std::size_t kReadTime = 0, kSignal = 1, kBoard = 2, kActive = 3, kThreshold = 4, kTime = 5;

void append_member(std::string& out, std::string_view key, const Config& config, std::string_view from) {
  append_quoted(out, key);
  out += ": ";
  const Value* value = config.find(from);
  (value != nullptr ? *value : Value{""}).dump(out);
  out += ", ";
}

/// As the device has it before any averaging: an int where the source of the value gives ints.
double append_whole(std::string& out, double value, bool single) {
  if (!single) return append_float(out, value);
  append_integer(out, static_cast<std::int64_t>(std::llround(value)));
  return std::round(value);
}

}  // namespace

std::size_t truth_size(int ports) {
  return static_cast<std::size_t>(ports) * kPortQuantities.size() + kUnitNames.size();
}

std::pair<std::string, std::string_view> truth_name(std::size_t index, int ports) {
  const std::size_t of_ports = static_cast<std::size_t>(ports) * kPortQuantities.size();
  if (index >= of_ports) {
    const UnitName& name = kUnitNames.at(index - of_ports);
    return {std::string(name.channel), name.quantity};
  }
  std::string channel = "ct";
  append_integer(channel, static_cast<std::int64_t>(index / kPortQuantities.size()) + 1);
  return {std::move(channel), kPortQuantities.at(index % kPortQuantities.size())};
}

void AnswerWriter::rebuild(const Config& config, const Firmware& firmware, int ports, std::string_view address) {
  header_ = "\"IP_ADDRESS\": ";
  append_quoted(header_, address);
  header_ += ", ";
  append_member(header_, "OS", config, "YDEV_OS");
  append_member(header_, "UNIT_NAME", config, "YDEV_UNIT_NAME");
  append_member(header_, "PRODUCT_ID", config, "YDEV_PRODUCT_ID");
  append_member(header_, "DEVICE_TYPE", config, "YDEV_DEVICE_TYPE");
  append_member(header_, "SERVICE_LIST", config, "YDEV_SERVICE_LIST");
  append_member(header_, "GROUP_NAME", config, "YDEV_GROUP_NAME");
  ports_.clear();
  for (int port = 1; port <= ports; ++port) {
    std::string& text = ports_.emplace_back();
    append_quoted(text, port_key(port, ""));
    text += ": {";
    append_member(text, "TYPE", config, port_key(port, "_TYPE"));
    append_member(text, "NAME", config, port_key(port, "_NAME"));
    text += "\"IRMS\": ";
  }
  tail_ = ", ";
  append_member(tail_, "ASSY", config, "ASSY");
  append_member(tail_, "YDEV_UNIT_NAME", config, "YDEV_UNIT_NAME");
  tail_ += "\"FIRMWARE_VERSION\": ";
  append_quoted(tail_, firmware.text);
  tail_ += ", ";
  append_member(tail_, "ACTIVE", config, "ACTIVE");
  if (firmware.factor_rule != FactorRule::none)
    append_member(tail_, "PF_WATTS_THRESHOLD", config, "PF_WATTS_THRESHOLD");
  tail_.resize(tail_.size() - 2);
  rule_ = firmware.factor_rule;
  time_sent_ = firmware.time_sent;
  threshold_ = config.number("PF_WATTS_THRESHOLD", firmware.factor_threshold);
  std::string digits;
  shown_threshold_ = append_float(digits, threshold_);
  active_ = config.truthy("ACTIVE") ? 1 : 0;
  truth_.assign(truth_size(ports), kNone);
}

bool AnswerWriter::factor_forced(double active_w) const {
  switch (rule_) {
    case FactorRule::none: return false;
    case FactorRule::by_sign: return active_w < threshold_;
    case FactorRule::by_magnitude: break;
  }
  return std::abs(active_w) < threshold_;
}

void AnswerWriter::write(std::string& out, const Reading& reading, const Shape& shape) {
  out += '{';
  if (shape.header) out += header_;
  for (std::size_t i = 0; i < ports_.size(); ++i) write_port(out, reading.ports[i], i, shape);
  write_unit(out, reading, shape);
  out += '}';
}

void AnswerWriter::write_port(std::string& out, const PortReading& r, std::size_t index, const Shape& shape) {
  double* truth = &truth_[index * kPortQuantities.size()];
  const bool no_number = shape.nan_port == static_cast<int>(index) + 1;
  out += ports_[index];
  *truth++ = append_float(out, r.irms_a);
  out += ", \"IPEAK\": ";
  *truth++ = append_float(out, r.ipeak_a);
  out += ", \"VRMS\": ";
  *truth++ = append_float(out, r.vrms_v);
  out += ", \"PRMS\": ";
  *truth++ = append_float(out, no_number ? kNone : r.active_w);
  out += ", \"PREACT\": ";
  *truth++ = append_float(out, r.reactive_var);
  out += ", \"PAPPARENT\": ";
  *truth++ = append_float(out, r.apparent_va);
  out += ", \"PF\": ";
  const bool forced = factor_forced(r.active_w);
  const double factor = append_float(out, forced ? 0 : r.factor);
  *truth++ = forced ? kNone : factor;  // a factor that was taken away says nothing
  out += ", \"TEMP\": ";
  *truth++ = append_whole(out, r.chip_celsius, shape.single);
  out += ", \"FREQ\": ";
  *truth++ = append_float(out, r.frequency_hz);
  out += "}, ";
}

void AnswerWriter::write_unit(std::string& out, const Reading& r, const Shape& shape) {
  double* const truth = &truth_[ports_.size() * kPortQuantities.size()];
  out += "\"READ_TIME_NS\": ";
  truth[kReadTime] = append_float(out, r.read_us) / 1e6;  // microseconds, whatever the key says
  out += ", \"RSSI\": ";
  truth[kSignal] = append_whole(out, r.rssi_dbm, shape.single);
  out += ", \"BOARD_TEMPERATURE\": ";
  truth[kBoard] = append_float(out, r.board_celsius);
  out += tail_;
  truth[kActive] = active_;
  truth[kThreshold] = rule_ == FactorRule::none ? kNone : shown_threshold_;
  truth[kTime] = kNone;
  if (!shape.time_s || !time_sent_) return;
  write_time(out, *shape.time_s);
  truth[kTime] = static_cast<double>(*shape.time_s);
}

void AnswerWriter::write_time(std::string& out, std::int64_t time_s) {
  const std::chrono::sys_seconds moment{std::chrono::seconds{time_s}};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{moment - day};
  const auto new_year = std::chrono::sys_days{date.year() / std::chrono::January / 1};
  const unsigned weekday = std::chrono::weekday{day}.iso_encoding() - 1;  // 0 is Monday
  const std::array<std::int64_t, 9> parts = {static_cast<int>(date.year()),
                                             static_cast<unsigned>(date.month()),
                                             static_cast<unsigned>(date.day()),
                                             clock.hours().count(),
                                             clock.minutes().count(),
                                             clock.seconds().count(),
                                             weekday,
                                             (day - new_year).count() + 1,
                                             time_s};
  out += ", \"TIMESENT\": [";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) out += ", ";
    append_integer(out, parts[i]);
  }
  out += ']';
}

}  // namespace mesura::ct6::twin
