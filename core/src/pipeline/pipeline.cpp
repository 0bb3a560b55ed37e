// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/pipeline.hpp"

#include <algorithm>
#include <utility>

namespace mesura::pipeline {

namespace {

constexpr std::size_t kNoSampler = static_cast<std::size_t>(-1);

/// The items of `batch` at `indexes`, as a batch of its own.
BatchPtr select(const Batch& batch, const std::vector<std::uint32_t>& indexes) {
  auto selected = std::make_shared<Batch>();
  selected->device = batch.device;
  selected->time_ns = batch.time_ns;
  selected->received_ns = batch.received_ns;
  selected->items.reserve(indexes.size());
  for (const std::uint32_t index : indexes) {
    Measurement m = batch.items[index];
    if (m.type == MESURA_TEXT) {
      const auto text = batch.text(m);
      m.text_offset = static_cast<std::uint32_t>(selected->texts.size());
      selected->texts.append(text);
    }
    selected->items.push_back(m);
  }
  return selected;
}

/// By the device's name, or by that of its fleet.
bool leads(const Route& route, const SeriesInfo& info) {
  const auto matches = [&](const SeriesInfo& i) {
    return std::any_of(route.from.begin(), route.from.end(), [&](const model::Glob& g) { return g.matches(i); });
  };
  if (matches(info)) return true;
  if (info.fleet.empty()) return false;
  SeriesInfo as_fleet = info;
  as_fleet.device = info.fleet;
  return matches(as_fleet);
}

}  // namespace

Pipeline::Pipeline(runtime::EventLoop& loop, const SeriesTable& series, Integrator& integrator,
                   std::function<bool()> synchronised, SyncHold::Limits limits, std::unique_ptr<HoldKeeper> keeper)
    : loop_(loop),
      series_(series),
      integrator_(integrator),
      hold_(loop.clock(), std::move(synchronised), limits, std::move(keeper)) {
  arm_hold();  // for what an earlier run has left
}

Pipeline::~Pipeline() {
  loop_.cancel(hold_timer_);
  for (const auto& sampled : samplers_) loop_.cancel(sampled.timer);
}

void Pipeline::set_routes(std::vector<Route> routes, std::vector<Output> outputs) {
  close_windows();
  for (const auto& sampled : samplers_) loop_.cancel(sampled.timer);
  routes_ = std::move(routes);
  outputs_ = std::move(outputs);
  plans_.clear();
  waveform_plans_.clear();
  samplers_.clear();
  sampler_of_route_.assign(routes_.size(), kNoSampler);
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    if (route.every.count() == 0) continue;
    sampler_of_route_[i] = samplers_.size();
    samplers_.push_back({Sampler{series_, route.every, route.aggregate}, route.outputs, route.every, 0, {}});
  }
  for (std::size_t i = 0; i < samplers_.size(); ++i) arm_idle(i);
}

void Pipeline::arm_idle(std::size_t index) {
  samplers_[index].timer = loop_.after(samplers_[index].every, [this, index] {
    std::vector<BatchPtr> closed;
    samplers_[index].sampler.close_idle(loop_.clock().steady_ns(), closed);
    deliver(closed, samplers_[index].outputs);
    arm_idle(index);
  });
}

void Pipeline::accept(std::shared_ptr<Batch> batch, bool live) {
  if (batch->waveform) {
    route_waveform(batch);
    return;
  }
  if (batch->items.empty()) return;
  // Before the rules of time: what waits for the clock is moved as a whole, its intervals stay.
  integrator_.apply(*batch);
  if (!live) {
    pass(batch, false);
    return;
  }
  if (batch->time_ns != batch->received_ns) {
    guard_.apply(*batch);
    pass(batch, true);
    return;
  }
  std::vector<BatchPtr> ready;
  hold_.add(std::move(batch), ready);
  for (const auto& b : ready) pass(b, true);
  arm_hold();
}

void Pipeline::arm_hold() {
  if (hold_.held() == 0 || hold_timer_ != 0) return;
  hold_timer_ = loop_.after(std::chrono::seconds{1}, [this] {
    hold_timer_ = 0;
    std::vector<BatchPtr> ready;
    hold_.tick(ready);
    for (const auto& b : ready) pass(b, true);
    arm_hold();
  });
}

const Pipeline::Plan& Pipeline::plan(std::uint32_t series) {
  if (series >= plans_.size()) plans_.resize(std::max<std::size_t>(series + 1, plans_.size() * 2));
  auto& slot = plans_[series];
  if (slot) return *slot;
  slot.emplace();
  slot->direct.assign(outputs_.size(), false);
  const SeriesInfo& info = series_.at(series);
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const Route& route = routes_[i];
    if (!leads(route, info)) continue;
    if (sampler_of_route_[i] != kNoSampler) {
      slot->sampled.push_back(sampler_of_route_[i]);
    } else {
      for (const std::size_t output : route.outputs)
        if (outputs_[output].measurements) slot->direct[output] = true;
    }
  }
  return *slot;
}

void Pipeline::pass(const BatchPtr& batch, bool live) {
  route(batch);
  if (live && watcher_) watcher_(*batch);
  if (derived_ == nullptr) return;
  std::vector<std::shared_ptr<Batch>> results;
  derived_->apply(*batch, live, results);
  for (const auto& result : results) {
    integrator_.apply(*result);
    route(result);
    if (live && watcher_) watcher_(*result);
  }
}

void Pipeline::route(const BatchPtr& batch) {
  if (observer_) observer_(batch);
  std::vector<std::vector<std::uint32_t>> direct(outputs_.size());
  for (auto& sampled : samplers_) sampled.indexes.clear();
  for (std::uint32_t i = 0; i < batch->items.size(); ++i) {
    const Plan& p = plan(batch->items[i].series);
    for (std::size_t output = 0; output < outputs_.size(); ++output)
      if (p.direct[output]) direct[output].push_back(i);
    for (const std::size_t sampler : p.sampled) samplers_[sampler].indexes.push_back(i);
  }
  for (std::size_t output = 0; output < outputs_.size(); ++output) {
    if (direct[output].empty()) continue;
    outputs_[output].push(direct[output].size() == batch->items.size() ? batch : select(*batch, direct[output]));
  }
  for (auto& sampled : samplers_) {
    if (sampled.indexes.empty()) continue;
    std::vector<BatchPtr> closed;
    sampled.sampler.add(*batch, sampled.indexes, loop_.clock().steady_ns(), closed);
    deliver(closed, sampled.outputs);
  }
}

void Pipeline::route_waveform(const BatchPtr& batch) {
  if (observer_) observer_(batch);
  auto plan = waveform_plans_.find(batch->device);
  if (plan == waveform_plans_.end()) {
    SeriesInfo info;
    info.device = batch->device;
    info.channel = info.quantity = "waveform";
    std::vector<std::size_t> outputs;
    for (const auto& route : routes_)
      for (const std::size_t output : route.outputs)
        if (outputs_[output].waveforms && leads(route, info) &&
            std::find(outputs.begin(), outputs.end(), output) == outputs.end())
          outputs.push_back(output);
    plan = waveform_plans_.emplace(batch->device, std::move(outputs)).first;
  }
  for (const std::size_t output : plan->second) outputs_[output].push(batch);
}

void Pipeline::deliver(const std::vector<BatchPtr>& batches, const std::vector<std::size_t>& outputs) {
  for (const auto& batch : batches)
    for (const std::size_t output : outputs)
      if (outputs_[output].measurements) outputs_[output].push(batch);
}

void Pipeline::close_windows() {
  for (auto& sampled : samplers_) {
    std::vector<BatchPtr> closed;
    sampled.sampler.close_all(closed);
    deliver(closed, sampled.outputs);
  }
}

void Pipeline::flush() {
  std::vector<BatchPtr> ready;
  hold_.release_all(ready);
  for (const auto& b : ready) pass(b, true);
  close_windows();
}

}  // namespace mesura::pipeline
