// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the collector computes from its measurements, and what its alerts see of it.
#include "collector/collector.hpp"

#include <utility>

namespace mesura::collector {
namespace {

/// A device that has not sent a series by then will hardly do.
constexpr std::chrono::minutes kMissing{2};

pipeline::Formula formula(const config::DerivedConfig& derived) {
  SeriesInfo info;
  info.device = derived.device;
  info.channel = derived.channel;
  info.quantity = derived.quantity;
  info.unit = derived.result.unit;
  info.kind = derived.result.kind;
  info.decimals = derived.decimals;
  info.label = derived.label;
  info.role = derived.role;
  info.source = derived.text;
  return {std::move(info), derived.expression.value(), derived.facts};
}

}  // namespace

void Collector::apply_derived(const config::Configuration& configuration) {
  const config::Value& section = configuration.root["derived"];
  if (derived_section_ == section) return;
  derived_section_ = section;
  pipeline_->set_derived(nullptr);
  derived_.reset();
  loop_.cancel(std::exchange(missing_timer_, 0));
  if (configuration.derived.empty()) return;
  std::vector<pipeline::Formula> formulas;
  for (const auto& derived : configuration.derived) formulas.push_back(formula(derived));
  derived_ = std::make_unique<pipeline::Derived>(series_, std::move(formulas), logger_);
  pipeline_->set_derived(derived_.get());
  missing_timer_ = loop_.after(kMissing, [this] {
    missing_timer_ = 0;
    tell_missing();
  });
}

void Collector::tell_missing() {
  if (!derived_) return;
  for (const auto& missing : derived_->missing())
    logger_.warn("derived-missing",
                 "{}, which has not come yet\n  hint      `mesura latest` shows what does; is it spelled right?",
                 missing);
}

alerts::Sources Collector::alert_sources() const {
  using session::State;
  alerts::Sources sources;
  sources.devices = [this] {
    std::vector<alerts::Sources::Device> list;
    const auto add = [&list](const std::string& name, const session::Health& h) {
      list.push_back({name, h.state == State::stale || h.state == State::failed,
                      h.state == State::live || h.state == State::finished, h.since_ns, h.last_frame_ns, h.error});
    };
    for (const auto& [name, running] : devices_) {
      add(name, running.device->health());
      for (const auto& [member, health] : running.device->members()) add(member, health);
    }
    return list;
  };
  sources.sinks = [this] {
    using Queue = pipeline::SinkQueue;
    std::vector<alerts::Sources::Sink> list;
    for (const auto& [name, running] : sinks_) {
      const Queue::Status status = running.queue->status();
      list.push_back({name, status.state == Queue::State::failing, status.state == Queue::State::ready,
                      status.last_error, status.counts.spooled, status.spool_bytes});
    }
    return list;
  };
  sources.disk = alerts::disk_of;
  return sources;
}

}  // namespace mesura::collector
