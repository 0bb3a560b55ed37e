// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/collector.hpp"

#include <cstdint>
#include <string>

namespace mesura::service {

/// What `mesura status` says beside devices and sinks.
struct ServiceFacts {
  std::string version;
  std::string configuration;  ///< path of the file
  std::string state;          ///< state directory
  std::int64_t pid = 0;
  std::int64_t started_ns = 0;
  std::int64_t now_ns = 0;
};

/// For people: a line per device and sink.
[[nodiscard]] std::string status_table(const collector::Collector& collector, const ServiceFacts& facts);
/// For programs: one JSON object with everything that is known.
[[nodiscard]] std::string status_json(const collector::Collector& collector, const ServiceFacts& facts);

}  // namespace mesura::service
