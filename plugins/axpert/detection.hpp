// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dialect.hpp"
#include "engine.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::axpert {

/// Finds out, on a new connection, which inverter is there: protocol, serial, dialect.
class Detection {
 public:
  struct Probe {
    std::string_view command;
    Wire wire = Wire::plain;
  };
  enum class State : std::uint8_t {
    asking,
    failed,  ///< nobody answered in any protocol
    known
  };

  /// From the beginning; with a dialect that is known, who it is remains to be asked.
  void start(std::optional<Dialect> dialect);
  [[nodiscard]] State state() const { return state_; }
  /// While asking.
  [[nodiscard]] Probe probe() const { return probes_[at_]; }
  /// What came of the probe; evidence: of all replies so far.
  void answered(Outcome outcome, const Evidence& evidence);
  /// The serials have just been asked for, if there are any.
  [[nodiscard]] bool serials_known() const { return at_ == serials_end_ && serials_end_ != 0; }
  [[nodiscard]] Dialect dialect() const { return dialect_; }
  /// Commands that were refused.
  [[nodiscard]] const std::set<std::string>& refused() const { return refused_; }

 private:
  void found(int protocol);
  void ask(std::initializer_list<Probe> probes);

  State state_ = State::asking;
  std::vector<Probe> probes_;
  std::size_t at_ = 0;
  std::size_t protocols_end_ = 0;  ///< probes before it are for the protocol
  std::size_t serials_end_ = 0;
  bool fixed_ = false;
  Dialect dialect_ = Dialect::pi30;
  std::set<std::string> refused_;
};

/// How requests of a dialect are framed; Sorotec has a way of its own for some.
[[nodiscard]] Wire wire_of(Dialect dialect, std::string_view command);

}  // namespace mesura::axpert
