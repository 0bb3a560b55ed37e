// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/mqtt/discovery.hpp"
#include "sinks/mqtt/plan.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::sinks::mqtt {

/// What Home Assistant has been told, and what it has still to be told, in the order in which it came up.
class Entities {
 public:
  Entities(const Options& options, const SeriesTable& series, const Plan& plan, bool per_measurement)
      : options_(options), series_(series), plan_(plan), per_measurement_(per_measurement) {}

  void add(std::uint32_t series);
  /// A message of this time goes to that topic of the plan.
  void note(std::uint32_t topic, std::int64_t time_ns);
  void tell_all_again();

  [[nodiscard]] bool waiting() const { return !queue_.empty(); }
  struct Message {
    std::uint32_t entity;
    std::string topic;
    std::string payload;
  };
  /// Takes the next one.
  [[nodiscard]] Message next();
  [[nodiscard]] const std::string& topic(std::uint32_t entity) const { return entities_[entity].topic; }

 private:
  struct Entity {
    std::string topic;
    std::uint32_t series;
    bool waits;
  };
  struct Stream {
    Cadence cadence;
    std::vector<std::uint32_t> entities;
  };

  void tell(std::uint32_t entity);

  const Options& options_;
  const SeriesTable& series_;
  const Plan& plan_;
  bool per_measurement_;
  std::vector<Entity> entities_;
  std::unordered_map<std::string, std::uint32_t> by_topic_;
  std::vector<Stream> streams_;  // by topic of the plan
  std::deque<std::uint32_t> queue_;
};

}  // namespace mesura::sinks::mqtt
