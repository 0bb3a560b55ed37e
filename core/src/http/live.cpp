// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/live.hpp"

#include <algorithm>

namespace mesura::http {

namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

std::int64_t time_of(const Batch& batch) {
  return batch.waveform ? batch.waveform->stream->time_ns(batch.waveform->first_row) : batch.time_ns;
}

/// Puts a batch where its time belongs, nearly always at the end, and lets go of what is too old.
void put(std::deque<BatchPtr>& batches, const BatchPtr& batch, std::int64_t how_long_ns) {
  const auto later = [](std::int64_t time, const BatchPtr& b) { return time < time_of(*b); };
  batches.insert(std::upper_bound(batches.begin(), batches.end(), time_of(*batch), later), batch);
  // By the time of what comes: one batch from a clock that was ahead does not outlaw all that follow.
  const std::int64_t oldest = time_of(*batch) - how_long_ns;
  while (time_of(*batches.front()) < oldest) batches.pop_front();
}

std::vector<BatchPtr> from(const std::deque<BatchPtr>& batches, std::int64_t from_ns) {
  const auto earlier = [](const BatchPtr& b, std::int64_t time) { return time_of(*b) < time; };
  return {std::lower_bound(batches.begin(), batches.end(), from_ns, earlier), batches.end()};
}

}  // namespace

Live::Live(const SeriesTable& series, std::size_t ring_values) : series_(series), ring_values_(ring_values) {}

void Live::keep(const std::string& device, std::chrono::nanoseconds how_long) {
  const std::scoped_lock lock{mutex_};
  auto& kept = kept_[device];
  kept.how_long_ns = std::max<std::int64_t>(kept.how_long_ns, how_long.count());
}

void Live::keep_waveforms(std::chrono::nanoseconds how_long) {
  const std::scoped_lock lock{mutex_};
  keep_waveforms_ns_ = how_long.count();
  if (keep_waveforms_ns_ == 0) waveforms_.clear();
}

void Live::take(const BatchPtr& batch) {
  const std::scoped_lock lock{mutex_};
  if (batch->waveform) {  // too much for everybody; who wants them asks for them
    if (keep_waveforms_ns_ > 0) put(waveforms_[batch->device], batch, keep_waveforms_ns_);
    return;
  }
  if (const auto kept = kept_.find(batch->device); kept != kept_.end())
    put(kept->second.batches, batch, kept->second.how_long_ns);
  ring_.push_back({++newest_, batch});
  values_ += batch->values();
  while (values_ > ring_values_ && ring_.size() > 1) {
    values_ -= ring_.front().batch->values();
    ring_.pop_front();
  }
  for (const Measurement& m : batch->items) {
    if (m.series >= latest_.size()) latest_.resize(m.series + 1, Value{kNone, {}, 0, {}});
    Value& value = latest_[m.series];
    if (value.series != kNone && m.time_ns < value.measurement.time_ns) continue;
    value.series = m.series;
    value.measurement = m;
    value.received_ns = batch->received_ns;
    value.text = batch->text(m);
  }
}

std::vector<Live::Event> Live::since(std::uint64_t id, std::size_t max) const {
  const std::scoped_lock lock{mutex_};
  if (ring_.empty() || id >= newest_) return {};
  const std::uint64_t first = ring_.front().id;
  const std::size_t begin = id < first ? 0 : static_cast<std::size_t>(id + 1 - first);
  const std::size_t end = std::min(ring_.size(), begin + max);
  return {ring_.begin() + static_cast<std::ptrdiff_t>(begin), ring_.begin() + static_cast<std::ptrdiff_t>(end)};
}

std::uint64_t Live::newest_id() const {
  const std::scoped_lock lock{mutex_};
  return newest_;
}

std::vector<Live::Value> Live::latest() const {
  const std::scoped_lock lock{mutex_};
  std::vector<Value> values;
  values.reserve(latest_.size());
  for (const Value& value : latest_)
    if (value.series != kNone) values.push_back(value);
  return values;
}

std::vector<BatchPtr> Live::recent(const std::string& device, std::int64_t from_ns) const {
  const std::scoped_lock lock{mutex_};
  const auto kept = kept_.find(device);
  return kept == kept_.end() ? std::vector<BatchPtr>{} : from(kept->second.batches, from_ns);
}

std::vector<BatchPtr> Live::recent_waveforms(const std::string& device, std::int64_t from_ns) const {
  const std::scoped_lock lock{mutex_};
  const auto kept = waveforms_.find(device);
  return kept == waveforms_.end() ? std::vector<BatchPtr>{} : from(kept->second, from_ns);
}

}  // namespace mesura::http
