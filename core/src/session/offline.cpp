// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/offline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::session {

Offline::Offline(const plugin::LoadedPlugin& plugin, SeriesTable& series, SeriesBinder::ChannelRules channels,
                 SessionSetup setup, Consumer consumer, std::int64_t now_ns)
    : binder_(series, plugin.schema, std::move(channels)), consumer_(std::move(consumer)), now_ns_(now_ns) {
  setup.schema = &plugin.schema.options;
  setup.join_waveforms = false;
  setup.links.resize(plugin.schema.links.size());
  setup.links.front().kind = "file";
  session_ =
      std::make_unique<PluginSession>(*plugin.descriptor, binder_, static_cast<Environment&>(*this), setup, now_ns);
  check(session_->on_open(0, now_ns));
}

Offline::~Offline() = default;

void Offline::check(bool ok) {
  if (!ok) throw SessionError(session_->error());
  if (!failure_.empty()) throw SessionError(failure_);
}

void Offline::fire_due(std::int64_t now_ns) {
  for (;;) {
    const auto due = std::min_element(timers_.begin(), timers_.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
    if (due == timers_.end() || due->second > now_ns) break;
    const auto [timer, time] = *due;
    timers_.erase(due);
    now_ns_ = std::max(now_ns_, time);
    check(session_->on_timer(timer, now_ns_));
  }
  now_ns_ = std::max(now_ns_, now_ns);
}

void Offline::feed(Bytes bytes, const Meta& meta, LinkId link) {
  fire_due(meta.received_ns);
  check(session_->on_bytes(link, bytes, meta));
}

void Offline::reopen(std::int64_t now_ns, std::string_view reason) {
  fire_due(now_ns);
  check(session_->on_close(0, now_ns_, reason, false));
  check(session_->on_open(0, now_ns_));
}

void Offline::finish(std::int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  check(session_->on_close(0, now_ns_, "eof", true));
}

void Offline::arm(TimerId timer, std::int64_t delay_ns) {
  if (delay_ns < 0)
    timers_.erase(timer);
  else
    timers_[timer] = now_ns_ + delay_ns;
}

void Offline::emit(std::shared_ptr<Batch> batch) {
  counts_.measurements += batch->items.size();
  if (consumer_.batch) consumer_.batch(*batch);
}

void Offline::fault(const Fault& fault) {
  if (fault.kind == MESURA_FAULT_FRAME) ++counts_.frames_rejected;
  if (consumer_.fault) consumer_.fault(fault);
}

void Offline::attribute(std::string_view, std::string_view key, std::string_view value) {
  if (consumer_.attribute) consumer_.attribute(key, value);
}

void Offline::log(mesura_log_level level, std::string_view message) {
  if (consumer_.log) consumer_.log(level, message);
}

void Offline::failed(std::string_view code, std::string_view message) {
  failure_ = fmt::format("{}: {}", code, message);
}

}  // namespace mesura::session
