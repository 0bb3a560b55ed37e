// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual P1 meter: plays the meter's side of a P1 port for `mesura simulate dsmr_p1`, tests and demos.
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtual_options.hpp"

namespace mesura::dsmr_p1 {

/// Sends one telegram per interval on link 0, on the interval's grid of UTC, and emits what it put into it as the
/// truth.
///
/// The meter lives in the host's time: it begins with the first grid instant at or after the session's `now_ns`, and
/// integrates every second up to each telegram, however late a timer comes. A late timer loses nothing: the telegrams
/// of the missed instants follow back to back. While the link is closed the meter goes on measuring and is silent.
///
/// A telegram that a fault spoilt, or that the host did not take, emits nothing. States, and values with a stamp of
/// their own (M-Bus readings, month peaks, the failure log) are emitted when they are new. A missing or unusual
/// checksum spoils nothing.
///
/// errors  the constructor throws std::invalid_argument for options that contradict each other or cannot be read
class VirtualMeter final : public Device {
 public:
  VirtualMeter(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  /// A P1 port is one-way: whatever a reader sends is ignored, as by the meter.
  void on_bytes(LinkId, Bytes, const Meta&) override {}
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  /// get: what the meter believes; set: what goes wrong on its line.
  void on_command(const Command& command) override;

 private:
  [[nodiscard]] std::string state() const;
  /// What was expected, or nothing.
  [[nodiscard]] std::string set_fault(std::string_view name, std::string_view value);
  void schedule(std::int64_t now_ns);
  void send_telegram(std::int64_t now_ns);
  bool send_pieces(std::string_view bytes);
  void emit_truth(const std::vector<twin::Truth>& truth, std::int64_t now_ns);
  SeriesId series_of(const twin::Truth& value);
  void finish();

  twin::VirtualSettings settings_;
  twin::MeterClock clock_;
  twin::UtcSeconds due_;  // true time of the next telegram; the meter's clock is `clock_skew` ahead of it
  std::unique_ptr<virtual_house::Profile> profile_;
  std::unique_ptr<twin::MeterModel> model_;
  twin::FaultyLine line_;
  twin::UtcSeconds last_drop_;
  std::uint64_t sent_ = 0;
  std::uint64_t next_counter_ = 0;  // of frames; wider than the wire's, to notice its end
  bool finished_ = false;
  std::map<std::pair<std::string, std::string_view>, SeriesId> series_;
  std::vector<twin::Truth> shown_;  // states, and values with a stamp of their own, that the last telegram showed
  std::vector<mesura_measurement> items_;
};

}  // namespace mesura::dsmr_p1
