// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/mqtt_sink.hpp"

#include "sinks/mqtt/publisher.hpp"

#include <utility>

namespace mesura::sinks::mqtt {

MqttSink::MqttSink(Options options, const SeriesTable& series, runtime::Logger log)
    : options_(std::move(options)), problem_(problem_of(options_)) {
  std::string ignored;  // problem_of() has tried it
  const auto topic = TopicTemplate::parse(options_.topic, ignored);
  if (problem_.empty() && topic) publisher_ = std::make_unique<Publisher>(options_, *topic, series, std::move(log));
}

MqttSink::~MqttSink() = default;

std::string MqttSink::describe() const { return "mqtt " + address_of(options_).text(); }

void MqttSink::open() {
  if (!publisher_) throw SinkError(problem_);
  publisher_->open();
}

WriteResult MqttSink::write(std::span<const BatchPtr> batches) {
  return publisher_ ? publisher_->write(batches) : WriteResult::retry(problem_);
}

void MqttSink::close() {
  if (publisher_) publisher_->close();
}

}  // namespace mesura::sinks::mqtt
