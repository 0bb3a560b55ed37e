// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "calibration.hpp"
#include "measures.hpp"

#include <mesura/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace mesura::smartmeter {

/// What is asked of the device.
enum class Activity : std::uint8_t {
  sample,  ///< a run of rows
  raw,     ///< the unframed rows of port 54322
  poll,    ///< one-shot values each `interval`
  listen,  ///< only what comes by itself
};

/// Over what the command channel runs.
enum class Channel : std::uint8_t { tcp, server, serial, mqtt, recording };

enum class FlowControl : std::uint8_t { off, cts, request };

/// The options of a session, checked together.
struct Settings {
  Channel channel = Channel::tcp;
  Activity activity = Activity::sample;
  Sink sink = Sink::tcp;
  std::optional<Model> model;  ///< nothing: what the greeting says
  std::string measures;        ///< in the words of the options
  std::int64_t rate = 0;       ///< 0: the measure's default
  std::int64_t udp_port = 54323;
  std::string host;             ///< of the command link, to reach the device by another port
  std::string data_address;     ///< of the configured data link; empty: the session opens it
  bool raw_on_command = false;  ///< the command link itself carries the raw stream
  bool derive = true;
  FlowControl flow_control = FlowControl::off;
  std::int64_t slot = 0, slots = 0;  ///< slots 0: none
  std::int64_t start_ns = 0;         ///< of start_at as an instant; 0: none
  std::int64_t grid_s = 0;           ///< of start_at as a grid; 0: none
  std::chrono::nanoseconds interval{std::chrono::seconds{10}};
  bool poll_mqtt = false;
  std::string topic_base = "powermeter";
  std::string mqtt_name;       ///< of the one device; empty: all
  std::size_t chunk_rows = 0;  ///< 0: what the device says, else what the frames show
  Calibration calibration;     ///< applied on this side
  bool fleet = false;
  bool key_is_address = false;

  /// Throws std::invalid_argument for options that contradict each other.
  static Settings from(const SessionInfo& info);
  /// What to ask a device of this model for; throws std::invalid_argument if it has no such measure or rate.
  struct Request {
    const Measure* measure;
    std::int64_t rate;
  };
  [[nodiscard]] Request request(Model of) const;
};

/// "1614697441.119" -> ns; exact. Nothing if it is no such number or out of range.
[[nodiscard]] std::optional<std::int64_t> parse_unix_seconds(std::string_view text);
/// "2026-03-02T15:04:01Z", also with a fraction -> ns. Nothing if it is none.
[[nodiscard]] std::optional<std::int64_t> parse_instant(std::string_view text);

/// "1/4": the second of four; up to 3600.
[[nodiscard]] bool parse_slot(std::string_view text, std::int64_t& slot, std::int64_t& slots);

}  // namespace mesura::smartmeter
