// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"
#include "batch.hpp"

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::ct6 {

struct Target;

/// One CT6 unit as the host knows it: its series, and what was last said of its names.
class Unit {
 public:
  /// key: what it is known by, empty for the session's own device.
  Unit(Host host, DeviceId device, std::string key, bool wants_device_time);

  [[nodiscard]] DeviceId device() const { return device_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& serial() const { return serial_; }
  /// Whether `token` is the serial that it said last.
  [[nodiscard]] bool has_serial_token(std::string_view token) const { return tokens_[index(UnitText::assy)] == token; }
  /// As people would call it: by name, else by key, else by serial.
  [[nodiscard]] const std::string& called() const;

  /// Names and facts that differ from the last ones become attributes and labels. true: its name is another.
  bool take_texts(const Answer& answer, Problems& problems);
  /// Everything else; received_ns is the time of all of it. No allocation but for series never seen before.
  void emit(const Answer& answer, std::int64_t received_ns, Batch& batch);
  /// Only whether it is active, which an inactive unit tells over HTTP.
  void emit_active(const Answer& answer, std::int64_t received_ns, Batch& batch);

  Target* at = nullptr;  ///< where it answers from
  /// The name under which the host knows it.
  std::string known_as;
  bool unnamed_told = false, equal_name_told = false;

 private:
  struct PortState {
    std::array<SeriesId, kPortNumbers> series{};
    std::uint32_t resolved = 0;  ///< bit(PortNumber): series[...] was asked for
    std::array<std::string, kPortTexts> tokens;
    std::string label;
  };
  enum UnitSeries : std::size_t { signal, board, read_time, active, threshold, device_time, kUnitSeries };

  void take_port_texts(const Port& port, Problems& problems);
  void take_unit_text(UnitText which, std::string_view token, Problems& problems);
  void name_port(std::uint8_t number, PortState& state);
  void add_port(const Port& port, const Answer& answer, Batch& batch);
  void add_unit(UnitSeries which, double value, Batch& batch);
  void add_state(UnitSeries which, double value, double& told, Batch& batch);
  void take_clock(std::int64_t time_sent, std::int64_t received_ns, Batch& batch);
  SeriesId resolve(const PortState& state, std::uint8_t number, std::size_t which);

  Host host_;
  DeviceId device_;
  std::string key_;
  bool wants_device_time_;
  std::string name_, serial_;
  std::array<std::string, kUnitTexts> tokens_;
  std::array<SeriesId, kUnitSeries> series_{};
  std::uint32_t resolved_ = 0;
  std::vector<PortState> ports_;  ///< of CT1 and on
  double told_active_ = -1, told_threshold_ = -1;
  std::int64_t told_offset_s_ = INT64_MIN;
};

}  // namespace mesura::ct6
