// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What one answer of a CT6 unit says, before anything is known about the unit. Views point into the parser's buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::ct6 {

inline constexpr std::size_t kMaxPorts = 24;      ///< six, and four boards at most in a stack
inline constexpr std::size_t kUsualPorts = 6;     ///< "always, all six"
inline constexpr std::size_t kTimeSentItems = 9;  ///< year ... epoch seconds

inline constexpr double kEndOfTime_s = 1e12;  ///< what a clock says beyond this is no time

/// Numbers of a port, in the order in which they are emitted.
enum class PortNumber : std::uint8_t { prms, preact, papparent, pf, irms, ipeak, vrms, freq, temp };
inline constexpr std::size_t kPortNumbers = 9;

enum class PortText : std::uint8_t { name, type };
inline constexpr std::size_t kPortTexts = 2;

enum class UnitNumber : std::uint8_t { rssi, board_temperature, read_time, active, pf_threshold };
inline constexpr std::size_t kUnitNumbers = 5;

enum class UnitText : std::uint8_t {
  product_id,
  device_type,
  assy,
  unit_name,
  ydev_unit_name,
  group_name,
  firmware_version,
  ip_address,
  os,
  service_list
};
inline constexpr std::size_t kUnitTexts = 10;

template <class E>
constexpr std::size_t index(E e) {
  return static_cast<std::size_t>(e);
}
template <class E>
constexpr std::uint32_t bit(E e) {
  return 1U << static_cast<unsigned>(e);
}

/// One CTn object.
struct Port {
  std::uint8_t number = 0;  ///< n of CTn, from 1
  std::uint32_t seen = 0;   ///< bit(PortNumber), bit(PortText) << 16: keys that are there, whatever stands behind them
  std::uint32_t have = 0;   ///< bit(PortNumber) of those that have a value
  std::array<double, kPortNumbers> values;
  std::array<std::string_view, kPortTexts> texts;  ///< JSON tokens with their quotes; empty: not there

  [[nodiscard]] bool has(PortNumber n) const { return (have & bit(n)) != 0; }
  [[nodiscard]] double operator[](PortNumber n) const { return values[index(n)]; }
};

struct Answer {
  std::uint32_t seen = 0;  ///< bit(UnitNumber), bit(UnitText) << 16: keys that are there, whatever stands behind them
  std::uint32_t have = 0;  ///< bit(UnitNumber) of those that have a value
  std::array<double, kUnitNumbers> values;
  std::array<std::string_view, kUnitTexts> texts;  ///< JSON tokens with their quotes; empty: not there
  std::int64_t time_sent = 0;                      ///< epoch seconds; 0: not there
  std::uint32_t port_mask = 0;                     ///< bit n-1: the key CTn is there, whatever stands behind it
  std::size_t port_count = 0;
  std::array<Port, kMaxPorts> ports;  ///< the first port_count, in the order of the wire

  [[nodiscard]] bool has(UnitNumber n) const { return (have & bit(n)) != 0; }
  [[nodiscard]] double operator[](UnitNumber n) const { return values[index(n)]; }
  [[nodiscard]] std::string_view operator[](UnitText t) const { return texts[index(t)]; }

  void clear() {
    seen = have = 0;
    texts = {};
    time_sent = 0;
    port_mask = 0;
    port_count = 0;
  }
};

/// What was not taken, or taken with a remark. The codes are those of the counters.
struct Problem {
  enum class Kind : std::uint8_t { frame, object, noise, note };
  Kind kind = Kind::frame;
  std::string_view code;
  std::string message;       ///< expected and got
  std::uint64_t offset = 0;  ///< in the message, or in the stream
  std::uint64_t length = 0;
};
using Problems = std::vector<Problem>;

}  // namespace mesura::ct6
