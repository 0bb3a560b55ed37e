// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "runtime/log.hpp"
#include "sinks/mqtt/options.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace mesura::sinks::mqtt {

class Publisher;

/// Measurements as messages of an MQTT broker. The folder's README has topics and payloads.
///
/// Committed is what the broker has acknowledged (QoS 0: what is written to the connection).
class MqttSink final : public Sink {
 public:
  /// `series` must outlive the sink. Nothing is connected yet.
  MqttSink(Options options, const SeriesTable& series, runtime::Logger log);
  /// Without close() before, the broker publishes the last will.
  ~MqttSink() override;

  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  /// Says `offline`, and farewell.
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  const Options options_;
  const std::string problem_;  ///< of the options; nothing is connected then
  std::unique_ptr<Publisher> publisher_;
};

}  // namespace mesura::sinks::mqtt
