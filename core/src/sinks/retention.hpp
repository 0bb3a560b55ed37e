// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The options of sinks that keep rollups: whether, and how long.
#pragma once

#include "config/schema.hpp"
#include "config/value.hpp"

#include <chrono>
#include <optional>

namespace mesura::sinks {

/// What is older goes; nullopt: stays for ever.
struct Retention {
  using Age = std::optional<std::chrono::nanoseconds>;
  Age raw = {};
  Age minutes = {};  ///< rollups, by their start
  Age quarter_hours = {};
  Age hours = {};
  Age days = {};
  Age quarters = {};  ///< the five-second detail of quarter hours
};

/// Options `rollups` and `retention`, the same in each sink that has them.
[[nodiscard]] config::Field rollups_option();
[[nodiscard]] config::Field retention_option();
/// `options`: of the sink.
[[nodiscard]] Retention retention_of(const config::Value& options);

}  // namespace mesura::sinks
