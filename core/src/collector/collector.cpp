// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "collector/collector.hpp"

#include "collector/device_setup.hpp"
#include "runtime/files.hpp"
#include "sinks/kinds.hpp"
#include "spool/spool.hpp"
#include "transport/capture.hpp"
#include "transport/relay.hpp"
#include "transport/transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::collector {

namespace {

/// The loop stands still for it: no longer than a stop may take.
constexpr std::chrono::seconds kReplaceGrace{3};
/// Values of a waveform come by the hundred thousand a second: `queue: {limit: ...}` counts so many of them as one.
constexpr std::size_t kWaveformFactor = 200;

pipeline::SyncMode sync_mode(const std::string& word) {
  if (word == "ignore") return pipeline::SyncMode::ignore;
  if (word == "require") return pipeline::SyncMode::require;
  return pipeline::SyncMode::automatic;
}

pipeline::Aggregate aggregate(const std::string& word) {
  if (word == "mean") return pipeline::Aggregate::mean;
  if (word == "min") return pipeline::Aggregate::min;
  if (word == "max") return pipeline::Aggregate::max;
  if (word == "sum") return pipeline::Aggregate::sum;
  return pipeline::Aggregate::last;
}

pipeline::FullPolicy full_policy(const std::string& word) {
  if (word == "block") return pipeline::FullPolicy::block;
  if (word == "drop_newest") return pipeline::FullPolicy::drop_newest;
  return pipeline::FullPolicy::drop_oldest;
}

/// Bytes on disk, where the configuration says nothing: a week of a house, twenty minutes of a thousand CT6 units at 1
/// Hz.
constexpr std::int64_t kSpoolLimit = 1LL << 30;

/// How old the file of integrated energy gets; what was committed since is found in the sinks.
constexpr std::chrono::seconds kKeepEnergy{10};

/// What a stop gives the doors of alerts: the sinks need the rest.
constexpr std::chrono::seconds kAlertGrace{2};

/// Whether the running thing `name` with `section` is wanted as it is.
template <class Configs>
bool unchanged(const Configs& configs, const std::string& name, const config::Value& section) {
  return std::any_of(configs.begin(), configs.end(),
                     [&](const auto& c) { return c.name == name && c.section == section; });
}

}  // namespace

Collector::Collector(runtime::EventLoop& loop, std::shared_ptr<runtime::Log> log, const plugin::PluginSet& plugins)
    : loop_(loop), log_(std::move(log)), logger_(log_, "core"), plugins_(plugins) {
  alerts_ = std::make_unique<alerts::Engine>(loop_, series_, log_, alert_sources());
}

Collector::~Collector() {
  loop_.cancel(ease_timer_);
  loop_.cancel(energy_timer_);
  loop_.cancel(missing_timer_);
  finish_energy();
  devices_.clear();
  pipeline_.reset();
  sinks_.clear();
}

bool Collector::apply(const config::Configuration& configuration) {
  remove_devices(configuration);
  if (pipeline_ && (configuration.clock.sync != clock_.sync || configuration.clock.hold != clock_.hold)) {
    pipeline_->flush();
    pipeline_.reset();
    routed_ = false;
  }
  clock_ = configuration.clock;
  if (!pipeline_) {
    pipeline::SyncHold::Limits limits;
    limits.hold = configuration.clock.hold;
    std::unique_ptr<pipeline::HoldKeeper> keeper;
    if (std::error_code error; std::filesystem::is_directory(configuration.state, error)) {
      pipeline::HoldKeeper::Options options;
      options.path = std::filesystem::path{configuration.state} / "spool" / "clock.held";
      keeper = std::make_unique<pipeline::HoldKeeper>(std::move(options), series_, logger_);
    }
    pipeline_ = std::make_unique<pipeline::Pipeline>(
        loop_, series_, integrator_,
        pipeline::kernel_synchronised(sync_mode(configuration.clock.sync), configuration.clock.hold), limits,
        std::move(keeper));
    pipeline_->set_observer([this](const BatchPtr& batch) { observe(batch); });
    pipeline_->set_watcher([this](const Batch& batch) { alerts_->take(batch); });
    pipeline_->set_derived(derived_.get());
    restore_energy(configuration);
  }
  apply_derived(configuration);
  bool complete = true;
  if (!sinks_and_routes_equal(configuration)) {
    pipeline_->set_routes({}, {});  // what waits in windows goes to the sinks that it was meant for
    complete = replace_sinks(configuration);
    set_routes(configuration);
  }
  add_devices(configuration);
  alerts_->apply(configuration);
  tell_ownerless(configuration);
  return complete;
}

void Collector::tell_ownerless(const config::Configuration& configuration) {
  for (const auto& name : spool::spool_names(configuration.state)) {
    if (sinks_.contains(name) || !ownerless_.insert(name).second) continue;
    try {
      SeriesTable series;
      const spool::Spool spool{spool::spool_path(configuration.state, name), series, logger_,
                               spool::Spool::Mode::reader};
      if (const auto values = spool.contents().values; values > 0)
        logger_.warn(
            "spool-ownerless",
            "{} measurements wait in {} for sink '{}', which is not configured\n  hint      name a sink so again, "
            "or save them with `mesura spool export {}` and remove the file",
            values, spool.path().string(), name, name);
    } catch (const spool::SpoolError& e) {
      logger_.debug("spool-ownerless", "{}", e.what());
    }
  }
}

bool Collector::sinks_and_routes_equal(const config::Configuration& configuration) const {
  return routed_ && routes_ == configuration.root["routes"] && sinks_.size() == configuration.sinks.size() &&
         std::all_of(sinks_.begin(), sinks_.end(), [&](const auto& s) {
           return s.second.zone == configuration.timezone && unchanged(configuration.sinks, s.first, s.second.section);
         });
}

void Collector::remove_devices(const config::Configuration& configuration) {
  for (auto it = devices_.begin(); it != devices_.end();) {
    const bool keep =
        it->second.zone == configuration.site_zone && unchanged(configuration.devices, it->first, it->second.section);
    if (keep) {
      ++it;
      continue;
    }
    logger_.info("dev-removed", "device '{}': stopped, its configuration changed or is gone", it->first);
    it = devices_.erase(it);
  }
}

bool Collector::replace_sinks(const config::Configuration& configuration) {
  std::vector<std::string> gone;
  for (const auto& [name, sink] : sinks_)
    if (sink.zone != configuration.timezone || !unchanged(configuration.sinks, name, sink.section))
      gone.push_back(name);
  for (const auto& name : gone)
    logger_.info("sink-removed", "sink '{}': stopped, its configuration changed or is gone", name);
  const bool complete = stop_sinks(gone, kReplaceGrace);
  for (const auto& name : gone) sinks_.erase(name);
  for (const auto& sink : configuration.sinks)
    if (!sinks_.contains(sink.name)) sinks_.emplace(sink.name, make_sink(sink, configuration));
  return complete;
}

bool Collector::stop_sinks(const std::vector<std::string>& names, std::chrono::nanoseconds grace) {
  // All at once: a dead sink must not use up the time of the others.
  std::atomic<bool> complete = true;
  std::vector<std::thread> stopping;
  for (const auto& name : names)
    stopping.emplace_back([this, &complete, grace, &name, &sink = sinks_.at(name)] {
      if (!stop_sink(name, sink, grace)) complete = false;
    });
  for (auto& thread : stopping) thread.join();
  return complete;
}

bool Collector::stop_sink(const std::string& name, RunningSink& sink, std::chrono::nanoseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  push_overflow(sink);
  while (!sink.overflow.empty() && std::chrono::steady_clock::now() < deadline) {
    (void)sink.queue->wait_idle(std::chrono::milliseconds{50});
    push_overflow(sink);
  }
  if (!sink.overflow.empty())
    logger_.error("sink-overflow",
                  "sink '{}': {} batches were lost: its queue (limit {}, full: block) had no room until the end", name,
                  sink.overflow.size(), sink.queue_limit);
  const bool complete = sink.queue->stop(deadline - std::chrono::steady_clock::now()) && sink.overflow.empty();
  if (sink.queue->left_behind()) left_behind_ = true;
  sink.overflow.clear();
  return complete;
}

Collector::RunningSink Collector::make_sink(const config::SinkConfig& sink,
                                            const config::Configuration& configuration) {
  const sinks::Kind* kind = sinks::find_kind(sink.kind);
  if (kind == nullptr) throw std::logic_error("sink kind '" + sink.kind + "' passed the check but does not exist");
  const runtime::Logger log{log_, "sink." + sink.name};
  auto made = kind->make(sink.options, sinks::Context{series_, log, configuration.timezone});
  RunningSink running;
  running.section = sink.section;
  running.zone = configuration.timezone;
  running.where = made->describe();
  running.measurements = kind->takes_measurements;
  running.waveforms = kind->takes_waveforms;
  running.queue_limit = static_cast<std::size_t>(sink.queue_limit) * (running.measurements ? 1 : kWaveformFactor);
  pipeline::SinkQueue::Options options;
  options.name = sink.name;
  options.limit = running.queue_limit;
  options.policy = full_policy(sink.queue_full);
  options.commit_interval = sink.commit_interval;
  // A recording's own files are a disk as good as the spool's, and its stream many times as wide.
  const std::int64_t spool_limit = sink.spool_limit.value_or(kind->takes_measurements ? kSpoolLimit : 0);
  if (std::error_code error; spool_limit > 0 && std::filesystem::is_directory(configuration.state, error)) {
    options.spool = spool::spool_path(configuration.state, sink.name);
    options.spool_limit = static_cast<std::uint64_t>(spool_limit);
  }
  options.seed = std::hash<std::string>{}(sink.name);
  running.queue =
      std::make_unique<pipeline::SinkQueue>(std::move(made), std::move(options), series_, log, loop_.clock());
  running.queue->start();
  return running;
}

void Collector::set_routes(const config::Configuration& configuration) {
  std::vector<pipeline::Output> outputs;
  std::map<std::string, std::size_t, std::less<>> index;
  for (auto& [name, sink] : sinks_) {
    index.emplace(name, outputs.size());
    outputs.push_back(
        {[this, &sink = sink](BatchPtr batch) { deliver(sink, std::move(batch)); }, sink.measurements, sink.waveforms});
  }
  std::vector<pipeline::Route> routes;
  for (const auto& configured : configuration.routes) {
    pipeline::Route route;
    for (const auto& text : configured.from)
      if (auto glob = model::Glob::parse(text)) route.from.push_back(std::move(*glob));
    for (const auto& to : configured.to) route.outputs.push_back(index.at(to));
    route.every = configured.every;
    route.aggregate = aggregate(configured.aggregate);
    routes.push_back(std::move(route));
  }
  pipeline_->set_routes(std::move(routes), std::move(outputs));
  routes_ = configuration.root["routes"];
  routed_ = true;
}

void Collector::add_devices(const config::Configuration& configuration) {
  names_->configured.clear();
  for (const auto& device : configuration.devices) names_->configured.insert(device.name);
  for (const auto& device : configuration.devices) {
    if (!device.enabled || devices_.contains(device.name)) continue;
    RunningDevice running;
    try {
      running = {device.section, configuration.site_zone, make_device(device, configuration)};
    } catch (const std::runtime_error& e) {
      logger_.error("dev-setup", "device '{}' is left out: {}", device.name, e.what());
      continue;
    }
    running.device->pause(must_wait(*running.device));
    running.device->start();
    devices_.emplace(device.name, std::move(running));
  }
}

std::unique_ptr<session::Device> Collector::make_device(const config::DeviceConfig& device,
                                                        const config::Configuration& configuration) {
  const transport::Context context{loop_, runtime::Logger{log_, "device." + device.name}};
  session::Device::Setup setup = device_setup(device, configuration.site_zone, plugins_, context);
  if (device.capture) {
    transport::CaptureWriter::Options options;
    options.directory = (std::filesystem::path{configuration.state} / "captures").string();
    options.name = device.name;
    options.keep = device.capture->keep;
    options.max_bytes = static_cast<std::uint64_t>(device.capture->max_bytes);
    setup.capture = std::make_shared<transport::CaptureWriter>(context, std::move(options));
  }
  if (device.fleet) setup.fleet = fleet_names(device, configuration);
  if (!audit_) audit_ = command::open_audit_log(configuration.state, loop_.clock());
  setup.audit = audit_;
  if (device.relay) {
    transport::Relay::Options options;
    options.listen = *device.relay;
    setup.relay = std::make_unique<transport::Relay>(context, options);
  }
  return std::make_unique<session::Device>(session::Device::Context{loop_, log_, series_,
                                                                    [this](std::shared_ptr<Batch> batch, bool live) {
                                                                      pipeline_->accept(std::move(batch), live);
                                                                    }},
                                           std::move(setup));
}

std::unique_ptr<session::FleetNames> Collector::fleet_names(const config::DeviceConfig& fleet,
                                                            const config::Configuration& configuration) const {
  std::string file;
  if (std::error_code error; std::filesystem::is_directory(configuration.state, error)) {
    const auto directory = std::filesystem::path{configuration.state} / "fleets";
    std::filesystem::create_directories(directory, error);
    file = (directory / (fleet.name + ".names")).string();
  }
  auto names = std::make_unique<session::FleetNames>(fleet.fleet->name_template, std::move(file), names_);
  for (const auto& warning : names->warnings()) logger_.warn("dev-name", "fleet '{}': {}", fleet.name, warning);
  return names;
}

void Collector::restore_energy(const config::Configuration& configuration) {
  if (!energy_file_.empty()) return;  // running already
  // `probe` has no state directory, and nothing to keep.
  if (std::error_code error; !std::filesystem::is_directory(configuration.state, error)) return;
  energy_file_ = (std::filesystem::path{configuration.state} / "energy.totals").string();
  try {
    if (const auto text = runtime::read_file(energy_file_)) integrator_.restore(*text);
  } catch (const std::runtime_error& e) {
    logger_.error("core-energy", "integrated energy starts from what the sinks have: {}", e.what());
  }
  // The file may be ten seconds older than the last commit, if the end was a kill.
  for (const auto& sink : configuration.sinks) {
    const sinks::Kind* kind = sinks::find_kind(sink.kind);
    if (kind == nullptr || kind->integrated == nullptr) continue;
    for (const auto& stored : kind->integrated(sink.options)) integrator_.raise(stored);
  }
  for (const auto& stored : spool::integrated_registers(configuration.state)) integrator_.raise(stored);
  keep_energy();
}

void Collector::keep_energy() {
  energy_timer_ = loop_.after(kKeepEnergy, [this] {
    save_energy();
    keep_energy();
  });
}

void Collector::save_energy() {
  if (energy_file_.empty() || !integrator_.changed()) return;
  finish_energy();
  energy_writer_ = std::thread{[this, text = integrator_.save()] {
    try {
      runtime::replace_file(energy_file_, text);
    } catch (const std::runtime_error& e) {
      logger_.error("core-energy", "the totals of integrated energy are not kept: {}", e.what());
    }
  }};
}

void Collector::finish_energy() {
  if (energy_writer_.joinable()) energy_writer_.join();
}

void Collector::deliver(RunningSink& sink, BatchPtr batch) {
  // In order: nothing overtakes what waits before a full queue.
  if (!sink.overflow.empty() || sink.queue->push(batch) == pipeline::SinkQueue::Push::full)
    sink.overflow.push_back(std::move(batch));
  hold(std::max(held_, pressure(2)));
}

void Collector::push_overflow(RunningSink& sink) {
  while (!sink.overflow.empty() && sink.queue->push(sink.overflow.front()) != pipeline::SinkQueue::Push::full)
    sink.overflow.pop_front();
}

Collector::Pressure Collector::pressure(std::size_t divisor) const {
  Pressure worst = Pressure::none;
  for (const auto& [name, sink] : sinks_) {
    if (!sink.overflow.empty()) return Pressure::all;
    if (sink.queue->waiting() > sink.queue_limit / divisor) worst = Pressure::files;
  }
  return worst;
}

bool Collector::must_wait(const session::Device& device) const {
  return held_ == Pressure::all || (held_ == Pressure::files && !device.live());
}

void Collector::hold(Pressure wanted) {
  if (wanted != held_) {
    held_ = wanted;
    for (auto& [name, running] : devices_) running.device->pause(must_wait(*running.device));
  }
  if (held_ == Pressure::none || ease_timer_ != 0) return;
  ease_timer_ = loop_.after(std::chrono::milliseconds{10}, [this] {
    ease_timer_ = 0;
    for (auto& [name, sink] : sinks_) push_overflow(sink);
    // Half of where it began, so that reading does not start and stop with every batch.
    hold(pressure(4));
  });
}

void Collector::observe(const BatchPtr& batch) {
  latest_.take(*batch);
  // A subscriber may unsubscribe from inside its callback.
  for (auto it = subscribers_.begin(); it != subscribers_.end();) {
    const auto present = it++;
    present->second(batch);
  }
}

bool Collector::stop(std::chrono::nanoseconds grace) {
  devices_.clear();
  if (pipeline_) pipeline_->flush();
  save_energy();
  finish_energy();
  loop_.cancel(std::exchange(energy_timer_, 0));
  loop_.cancel(std::exchange(ease_timer_, 0));
  loop_.cancel(std::exchange(missing_timer_, 0));
  alerts_->stop(std::min<std::chrono::nanoseconds>(grace / 4, kAlertGrace));
  std::vector<std::string> names;
  for (const auto& [name, sink] : sinks_) names.push_back(name);
  return stop_sinks(names, grace);
}

std::vector<DeviceStatus> Collector::devices() const {
  std::vector<DeviceStatus> list;
  for (const auto& [name, running] : devices_) {
    const auto& device = *running.device;
    list.push_back({name, device.plugin_name(), {}, device.is_fleet(), device.health()});
    for (const auto& [member, health] : device.members())
      list.push_back({member, device.plugin_name(), name, false, health});
  }
  return list;
}

std::vector<SinkStatus> Collector::sinks() const {
  std::vector<SinkStatus> list;
  for (const auto& [name, running] : sinks_)
    list.push_back({name, running.where, running.queue_limit, running.queue->status()});
  return list;
}

pipeline::SinkQueue* Collector::queue(const std::string& sink) {
  const auto found = sinks_.find(sink);
  return found != sinks_.end() ? found->second.queue.get() : nullptr;
}

Collector::SubscriptionId Collector::subscribe(std::function<void(const BatchPtr&)> callback) {
  subscribers_.emplace(next_subscription_, std::move(callback));
  return next_subscription_++;
}

void Collector::unsubscribe(SubscriptionId id) { subscribers_.erase(id); }

}  // namespace mesura::collector
