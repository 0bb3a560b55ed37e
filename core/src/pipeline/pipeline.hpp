// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "model/glob.hpp"
#include "pipeline/derived.hpp"
#include "pipeline/integrator.hpp"
#include "pipeline/sampler.hpp"
#include "pipeline/time_rules.hpp"
#include "runtime/event_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::pipeline {

/// Where a route's batches go: a sink's queue, a subscriber.
struct Output {
  std::function<void(BatchPtr)> push;
  bool measurements = true;
  bool waveforms = false;  ///< takes blocks of waveform
};

struct Route {
  std::vector<model::Glob> from;      ///< any of them
  std::vector<std::size_t> outputs;   ///< indexes into the outputs given to Pipeline::set_routes
  std::chrono::nanoseconds every{0};  ///< 0: everything as it comes
  Aggregate aggregate = Aggregate::last;
};

/// The one place that knows routes: takes the batches of all devices, applies the rules of time, thins, hands on.
///
/// A series that several unthinned routes lead to one output travels once. Belongs to the loop's thread.
class Pipeline {
 public:
  /// `series` and `integrator` must outlive it; the integrator's totals outlive it.
  Pipeline(runtime::EventLoop& loop, const SeriesTable& series, Integrator& integrator,
           std::function<bool()> synchronised, SyncHold::Limits limits, std::unique_ptr<HoldKeeper> keeper = nullptr);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Replaces all routes; open windows of the old ones are closed into the old outputs first.
  void set_routes(std::vector<Route> routes, std::vector<Output> outputs);
  /// Sees every batch after the rules of time, before routing (latest values, live streams).
  void set_observer(std::function<void(const BatchPtr&)> observer) { observer_ = std::move(observer); }
  /// Sees what is live among that, derived batches as well (alerts): what a file or recording says of the past is none.
  void set_watcher(std::function<void(const Batch&)> watcher) { watcher_ = std::move(watcher); }
  /// What is computed from each batch follows it, integrated and routed like any other; null: nothing. Must outlive the
  /// pipeline or be taken back.
  void set_derived(Derived* derived) { derived_ = derived; }

  /// `live`: made just now, so the rules of time apply.
  void accept(std::shared_ptr<Batch> batch, bool live);
  /// Hands on everything that waits in windows or for the clock.
  void flush();

 private:
  /// What a series' routes come to, worked out once.
  struct Plan {
    std::vector<bool> direct;          ///< per output
    std::vector<std::size_t> sampled;  ///< indexes into samplers_
  };
  struct SampledRoute {
    Sampler sampler;
    std::vector<std::size_t> outputs;
    std::chrono::nanoseconds every;
    runtime::EventLoop::TimerId timer = 0;
    std::vector<std::uint32_t> indexes;  ///< scratch: the items of the present batch that it takes
  };

  /// `batch` and what is derived from it.
  void pass(const BatchPtr& batch, bool live);
  void route(const BatchPtr& batch);
  void route_waveform(const BatchPtr& batch);
  const Plan& plan(std::uint32_t series);
  void arm_hold();
  void arm_idle(std::size_t index);
  void deliver(const std::vector<BatchPtr>& batches, const std::vector<std::size_t>& outputs);
  void close_windows();

  runtime::EventLoop& loop_;
  const SeriesTable& series_;
  Integrator& integrator_;
  ClockGuard guard_;
  SyncHold hold_;
  runtime::EventLoop::TimerId hold_timer_ = 0;
  std::vector<Route> routes_;
  std::vector<Output> outputs_;
  std::vector<SampledRoute> samplers_;
  std::vector<std::size_t> sampler_of_route_;
  std::vector<std::optional<Plan>> plans_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> waveform_plans_;  ///< outputs by device
  std::function<void(const BatchPtr&)> observer_;
  std::function<void(const Batch&)> watcher_;
  Derived* derived_ = nullptr;
};

}  // namespace mesura::pipeline
