// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "runtime/log.hpp"
#include "sinks/mqtt/client.hpp"
#include "sinks/mqtt/entities.hpp"
#include "sinks/mqtt/plan.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mesura::sinks::mqtt {

/// Publishes through a window: at most options.inflight messages wait for the broker's answer at any time. All but
/// the public calls happens with the client's lock held, on the sink's thread or the client's.
class Publisher {
 public:
  Publisher(const Options& options, const TopicTemplate& topic, const SeriesTable& series, runtime::Logger log);

  void open() { client_.connect(); }
  WriteResult write(std::span<const BatchPtr> batches);
  void close();

 private:
  // Whom an answer of the broker is for: a message of the plan by its number, or
  using Target = std::uint32_t;
  static constexpr Target kNobody = UINT32_MAX;  // nothing is in flight under this id
  static constexpr Target kAvailability = UINT32_MAX - 1;
  static constexpr Target kEntity = 0x8000'0000;  // + the entity's number

  Client::Publish send(Target target, const std::string& topic, std::string_view payload, int qos, bool retain);
  void answered(Target target, int code);
  void message_answered(std::size_t message, int code);
  void on_up();
  void on_published(int id, int code);
  void say(std::string_view availability);
  void announce();
  void pump();
  void note_series();

  const Options& options_;
  const runtime::Logger log_;
  const std::string address_;
  const std::size_t window_;
  Plan plan_;
  Entities entities_;
  std::string payload_;

  std::vector<Target> in_flight_by_id_;  // MQTT's ids have 16 bits
  std::size_t in_flight_ = 0;
  bool publishing_ = false;
  int early_id_ = 0;
  std::uint64_t answers_ = 0;
  bool entity_refused_ = false;

  // Of the write() at hand.
  std::size_t next_ = 0;
  std::size_t open_messages_ = 0;  // not answered yet
  std::string again_;              // why some must come again

  Client client_;  // the last, so that its thread ends before what its handlers use
};

}  // namespace mesura::sinks::mqtt
