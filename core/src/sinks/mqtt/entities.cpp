// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/entities.hpp"

#include <utility>

namespace mesura::sinks::mqtt {

void Entities::add(std::uint32_t series) {
  std::string topic = discovery_topic(options_.discovery_prefix, series_.at(series));
  const auto [found, fresh] = by_topic_.emplace(topic, static_cast<std::uint32_t>(entities_.size()));
  const std::uint32_t entity = found->second;
  if (fresh) {
    entities_.push_back({std::move(topic), series, false});
  } else {
    // The same one with another label or role, perhaps at another topic.
    entities_[entity].series = series;
  }
  const std::uint32_t stream = plan_.slot(series).topic;
  if (stream >= streams_.size()) streams_.resize(stream + 1);
  streams_[stream].entities.push_back(entity);
  tell(entity);
}

void Entities::note(std::uint32_t topic, std::int64_t time_ns) {
  if (topic >= streams_.size() || !streams_[topic].cadence.note(time_ns)) return;
  for (const std::uint32_t entity : streams_[topic].entities) tell(entity);
}

void Entities::tell_all_again() {
  for (std::uint32_t entity = 0; entity < entities_.size(); ++entity) tell(entity);
}

void Entities::tell(std::uint32_t entity) {
  if (std::exchange(entities_[entity].waits, true)) return;
  queue_.push_back(entity);
}

Entities::Message Entities::next() {
  const std::uint32_t number = queue_.front();
  queue_.pop_front();
  Entity& entity = entities_[number];
  entity.waits = false;
  const std::uint32_t topic = plan_.slot(entity.series).topic;
  return {number, entity.topic,
          discovery_payload(options_, series_.at(entity.series), plan_.topic(topic), per_measurement_,
                            streams_[topic].cadence.expire_after_s())};
}

}  // namespace mesura::sinks::mqtt
