// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/collector.hpp"
#include "pipeline/alert.hpp"
#include "runtime/event_loop.hpp"
#include "store/pool.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mesura::http::api {

/// The terms of the capacity tariff, from the configuration.
struct CapacityTerms {
  std::optional<double> limit_w;  ///< in place of the month's peak
  double floor_w = 2500;
  std::optional<double> eur_per_kw_year;
};

/// How the collector stood at one moment, for those who ask over the network. Immutable.
struct Snapshot {
  std::string version;
  std::string configuration_file;
  std::int64_t started_ns = 0;
  std::int64_t taken_ns = 0;
  std::string zone = "UTC";  ///< of the site
  std::vector<collector::DeviceStatus> devices;
  std::vector<collector::SinkStatus> sinks;
  std::set<std::string, std::less<>> sources;        ///< names of devices, fleets and derived devices
  std::vector<std::string> devices_left_out;         ///< configured and enabled, but not running
  std::vector<pipeline::Alert> alerts;               ///< active
  std::vector<pipeline::Alert> recent_alerts;        ///< changes, newest first
  std::shared_ptr<const std::string> configuration;  ///< in force, as YAML, secrets masked
  std::shared_ptr<store::StorePool> stores;          ///< null: no sink can be read back
  std::string store_sink;                            ///< whose stores
  CapacityTerms capacity;
  bool stopping = false;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// The newest snapshot, made on the collector's thread when somebody asks and the last one is old: the collector waits
/// for nobody, and nothing is copied while nobody asks.
class Snapshots {
 public:
  struct Options {
    std::chrono::milliseconds max_age{500};
    std::chrono::milliseconds patience{2000};
  };
  /// `make` runs on the loop's thread, where this must be made and destroyed.
  Snapshots(runtime::EventLoop& loop, std::function<Snapshot()> make, Options options);
  Snapshots(runtime::EventLoop& loop, std::function<Snapshot()> make) : Snapshots(loop, std::move(make), Options{}) {}
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  /// Makes one now. The loop's thread.
  void publish();
  /// No more are made: fresh() answers null, at once and to those who wait. The loop's thread.
  void end();
  /// The newest one there is; asks for a newer one when it is old, for whoever comes next. Any thread, never waits.
  [[nodiscard]] SnapshotPtr current() const;
  /// One that is not old; null when the collector does not answer. Any thread but the loop's.
  [[nodiscard]] SnapshotPtr fresh() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mesura::http::api
