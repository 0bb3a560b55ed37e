// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Mode 2: the MQTT client in the virtual CT6 (sheet, section 3).
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string>

#include "virtual_machine.hpp"

namespace mesura::ct6::twin {

/// Keeps the connection that the configuration asks for, and tells when a message is due. Owns two timers of the unit.
class Broker {
 public:
  struct Timers {
    LinkId link;
    TimerId connect, publish;
  };

  /// configured    address:port of a link that the host opens itself, else empty
  Broker(Host host, Timers timers, std::string configured)
      : host_(host), timers_(timers), configured_(std::move(configured)) {}

  /// To be called whenever configuration or state of the unit may have changed.
  void update(const Machine& machine, std::int64_t now_ns);
  void on_open(const Machine& machine, std::int64_t now_ns);
  void on_close();
  /// The connect timer: an attempt took too long, or it is time for the next.
  void on_retry(const Machine& machine, std::int64_t now_ns);
  /// The publish timer. true: a message is due now.
  bool on_due(const Machine& machine, std::int64_t now_ns);
  /// A message went out.
  void sent(std::int64_t now_ns) { last_sent_ns_ = now_ns; }
  [[nodiscard]] bool is_open() const { return state_ == State::open; }

  /// What the host is to open for a configuration: credentials only if both are there.
  [[nodiscard]] static std::string spec_of(const Config& config);

 private:
  enum class State { off, connecting, waiting, open };

  void connect(const Machine& machine);
  void disconnect();
  void schedule(const Machine& machine);

  Host host_;
  Timers timers_;
  std::string configured_;
  std::string address_;  ///< "host:port" in use; empty: none
  State state_ = State::off;
  bool armed_ = false;
  std::int64_t period_ns_ = 0;
  std::int64_t last_sent_ns_ = 0;
};

}  // namespace mesura::ct6::twin
