// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dialect.hpp"
#include "engine.hpp"

#include <mesura/plugin.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace date {
class time_zone;
}

namespace mesura::axpert {

/// When a query leaves, other than usual.
struct Pace {
  enum class Kind : std::uint8_t { every, once, off };
  Kind kind = Kind::every;
  std::chrono::nanoseconds period{};
};

/// "10s", "1m30s", "500ms", "once", "off"; nothing for anything else.
[[nodiscard]] std::optional<Pace> pace_from(std::string_view text);

/// The options of a session, checked.
struct Settings {
  std::optional<Dialect> dialect;  ///< nothing: to be recognised
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds ratings_interval{};
  std::vector<std::pair<std::string, Pace>> schedule;  ///< by pattern or command: "QPIRI", "QPGS"
  std::string serial_number;                           ///< of the inverter that is meant; empty: any
  std::string command;                                 ///< offline: what was asked; empty: to be recognised
  const date::time_zone* zone = nullptr;               ///< of the inverter's clock; null: UTC
  bool offline = false;                                ///< nothing can be asked: a file or a recording
  Engine::Settings engine;

  /// Throws std::invalid_argument with what, expected, got and a hint.
  static Settings from(const SessionInfo& info);
};

}  // namespace mesura::axpert
