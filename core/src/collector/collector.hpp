// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "alerts/engine.hpp"
#include "collector/latest.hpp"
#include "command/command.hpp"
#include "config/configuration.hpp"
#include "pipeline/pipeline.hpp"
#include "pipeline/sink_queue.hpp"
#include "plugin/loader.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "session/device.hpp"

#include <mesura/measurement.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace mesura::collector {

/// How one device does.
struct DeviceStatus {
  std::string name;
  std::string plugin;
  std::string fleet;      ///< that it belongs to, or empty
  bool is_fleet = false;  ///< stands for the devices that follow it
  session::Health health;
};

/// How one sink does.
struct SinkStatus {
  std::string name;
  std::string where;  ///< "sqlite mesura.db"
  std::size_t queue_limit = 0;
  pipeline::SinkQueue::Status queue;
};

/// A configuration at work: its devices, pipeline and sinks.
///
/// apply() makes the running set what the configuration says: what is equal goes on untouched, what changed is stopped
/// and made anew, and nothing that was measured is lost on the way. Belongs to the loop's thread.
class Collector {
 public:
  /// `plugins` must outlive the collector.
  Collector(runtime::EventLoop& loop, std::shared_ptr<runtime::Log> log, const plugin::PluginSet& plugins);
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// The configuration has been checked against the same plugins. False when a sink that had to be replaced could not
  /// write what it still held; the log says which.
  bool apply(const config::Configuration& configuration);
  /// Stops the devices, then lets the sinks write what waits for at most `grace`. False when something was lost.
  bool stop(std::chrono::nanoseconds grace);

  [[nodiscard]] const SeriesTable& series() const { return series_; }
  [[nodiscard]] const Latest& latest() const { return latest_; }
  [[nodiscard]] std::vector<DeviceStatus> devices() const;
  [[nodiscard]] std::vector<SinkStatus> sinks() const;
  /// The queue of a running sink; null: no sink has that name.
  [[nodiscard]] pipeline::SinkQueue* queue(const std::string& sink);
  /// What is wrong now and what has changed lately; for any thread, also when the collector is gone.
  [[nodiscard]] std::shared_ptr<const alerts::Board> alerts() const { return alerts_->board(); }
  /// A sink has not come back from a write, and its thread goes on: end the process without destroying anything.
  [[nodiscard]] bool left_behind() const { return left_behind_; }
  /// What can be asked of a device or of a unit of a fleet; a null schema: there is none of that name (yet).
  struct Controls {
    const config::PluginSchema* schema = nullptr;
    command::Control control = command::Control::off;
  };
  [[nodiscard]] Controls controls(const std::string& device) const;
  /// A command at work; of a device that does not exist, none.
  struct Ticket {
    std::string device;  ///< as configured
    command::CommandId id = 0;
  };
  /// `on_result` comes later, also for a device that does not exist. The arguments were checked against controls().
  Ticket submit(const std::string& device, command::Request request, command::OnResult on_result,
                command::OnProgress on_progress = {});
  void cancel(const Ticket& ticket);

  using SubscriptionId = std::uint64_t;
  /// Every batch after the rules of time, until unsubscribe().
  SubscriptionId subscribe(std::function<void(const BatchPtr&)> callback);
  void unsubscribe(SubscriptionId id);

 private:
  [[nodiscard]] session::Device* find_device(const std::string& name) const;
  struct RunningDevice {
    config::Value section;
    std::string zone;
    std::unique_ptr<session::Device> device;
  };
  struct RunningSink {
    config::Value section;
    std::string zone;
    std::string where;
    std::size_t queue_limit = 0;
    bool measurements = true;
    bool waveforms = false;
    std::unique_ptr<pipeline::SinkQueue> queue;
    std::deque<BatchPtr> overflow;  ///< what a full queue with policy `block` did not take
  };

  /// Files and recordings can wait without loss: they are read only while the queues are at most half full, whatever
  /// the policy. Live devices are held back only by a queue whose policy is `block`.
  enum class Pressure : std::uint8_t { none, files, all };

  void remove_devices(const config::Configuration& configuration);
  /// Any thread; nobody else touches the sink meanwhile.
  bool stop_sink(const std::string& name, RunningSink& sink, std::chrono::nanoseconds grace);
  [[nodiscard]] bool sinks_and_routes_equal(const config::Configuration& configuration) const;
  bool replace_sinks(const config::Configuration& configuration);
  bool stop_sinks(const std::vector<std::string>& names, std::chrono::nanoseconds grace);
  void tell_ownerless(const config::Configuration& configuration);
  void set_routes(const config::Configuration& configuration);
  void add_devices(const config::Configuration& configuration);
  [[nodiscard]] std::unique_ptr<session::FleetNames> fleet_names(const config::DeviceConfig& fleet,
                                                                 const config::Configuration& configuration) const;
  void restore_energy(const config::Configuration& configuration);
  void finish_energy();
  void keep_energy();
  void save_energy();
  [[nodiscard]] std::unique_ptr<session::Device> make_device(const config::DeviceConfig& device,
                                                             const config::Configuration& configuration);
  [[nodiscard]] RunningSink make_sink(const config::SinkConfig& sink, const config::Configuration& configuration);
  void observe(const BatchPtr& batch);
  void apply_derived(const config::Configuration& configuration);
  void tell_missing();
  [[nodiscard]] alerts::Sources alert_sources() const;
  void deliver(RunningSink& sink, BatchPtr batch);
  void push_overflow(RunningSink& sink);
  [[nodiscard]] Pressure pressure(std::size_t divisor) const;
  [[nodiscard]] bool must_wait(const session::Device& device) const;
  void hold(Pressure pressure);

  runtime::EventLoop& loop_;
  std::shared_ptr<runtime::Log> log_;
  runtime::Logger logger_;
  const plugin::PluginSet& plugins_;
  SeriesTable series_;
  Latest latest_;
  std::map<SubscriptionId, std::function<void(const BatchPtr&)>> subscribers_;
  SubscriptionId next_subscription_ = 1;
  std::map<std::string, RunningSink, std::less<>> sinks_;
  config::ClockConfig clock_;
  config::Value routes_;  ///< as configured
  bool routed_ = false;
  std::shared_ptr<session::TakenNames> names_ = std::make_shared<session::TakenNames>();
  pipeline::Integrator integrator_{series_};
  config::Value derived_section_;               ///< as configured
  std::unique_ptr<pipeline::Derived> derived_;  ///< null: nothing is derived
  std::unique_ptr<alerts::Engine> alerts_;
  runtime::EventLoop::TimerId missing_timer_ = 0;
  std::unique_ptr<pipeline::Pipeline> pipeline_;  ///< after the sinks: it hands on to them until its end
  std::map<std::string, RunningDevice, std::less<>> devices_;
  std::shared_ptr<command::AuditLog> audit_;
  std::string energy_file_;    ///< where the totals of integrated energy are kept
  std::thread energy_writer_;  ///< a disk may be slow, and the loop must not wait for it
  runtime::EventLoop::TimerId energy_timer_ = 0;
  std::atomic<bool> left_behind_ = false;
  std::set<std::string> ownerless_;  ///< spools of sinks that are not configured, told of
  Pressure held_ = Pressure::none;
  runtime::EventLoop::TimerId ease_timer_ = 0;
};

}  // namespace mesura::collector
