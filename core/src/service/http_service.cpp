// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/http_service.hpp"

#include "http/api/api.hpp"
#include "http/api/exposition.hpp"
#include "http/listen_address.hpp"
#include "store/archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <utility>

namespace mesura::service {

namespace {

/// Connections to the database: one for each worker that may ask, and one for streams.
constexpr std::size_t kStores = 6;
constexpr std::chrono::milliseconds kReplaceGrace{500};
constexpr std::chrono::seconds kAccountsInterval{5};

const config::SinkConfig* store_sink(const config::Configuration& configuration) {
  const std::string& wanted = configuration.http->sink;
  for (const auto& sink : configuration.sinks)
    if (wanted.empty() ? store::can_read(sink.kind) : sink.name == wanted) return &sink;
  return nullptr;
}

}  // namespace

HttpService::HttpService(Parts parts)
    : parts_(std::move(parts)),
      log_(parts_.log, "http"),
      boot_(static_cast<std::uint64_t>(parts_.loop.clock().wall_ns() / 1'000'000)) {}

HttpService::~HttpService() { stop(std::chrono::milliseconds{0}); }

void HttpService::prepare(const config::Configuration& configuration) {
  next_.clear();
  next_wanted_.clear();
  next_source_ = {};
  if (!configuration.http) return;
  if (const auto* sink = store_sink(configuration); sink != nullptr && !store::can_read(sink->kind))
    throw http::ListenError(
        "http-sink",
        fmt::format("'http.sink' names '{}', a sink of kind {} that can't be read back\n  expected  a sink "
                    "of kind sqlite or mysql",
                    sink->name, sink->kind));
  state_ = configuration.state;
  observe(configuration);
  if (!authenticator_) {
    http::AuthenticatorOptions options;
    options.directory = configuration.state;
    authenticator_ = std::make_shared<http::Authenticator>(options, log_);
  }
  accounts_ = authenticator_->has_accounts();
  const http::api::CommandDesk::Quiet quiet{desk_.get()};  // nor one that waits for a device
  next_source_ = choose_source(configuration);
  next_wanted_ = wanted(configuration);
  if (snapshots_ && !listeners_.empty()) snapshots_->publish();  // a worker that waits for one must not hold up a stop
  std::vector<std::string> closed;
  try {
    for (const auto& [address, wanted] : next_wanted_) {
      const auto running = listeners_.find(address);
      if (running != listeners_.end() && running->second.wanted.print == wanted.print) continue;
      if (running != listeners_.end()) {
        // One address can't be had twice: the old one makes room first.
        running->second.server->stop(kReplaceGrace);
        closed.push_back(address);
      }
      next_.emplace(address, open(wanted, next_source_.stores));
    }
  } catch (...) {
    next_.clear();
    for (const auto& address : closed) {
      const std::scoped_lock lock{counters_mutex_};
      Listener& old = listeners_.at(address);
      old = open(old.wanted, old.stores);
      old.server->start();
      old.started = true;
    }
    throw;
  }
}

void HttpService::commit(const config::Configuration& configuration) {
  configuration_ = configuration;
  source_ = std::move(next_source_);
  configuration_text_ = std::make_shared<const std::string>(config::show_effective(configuration, parts_.catalog));
  if (live_ && configuration.http) live_->keep_waveforms(configuration.http->limits.waveform);
  if (snapshots_) snapshots_->publish();
  const http::api::CommandDesk::Quiet quiet{desk_.get()};
  for (auto it = listeners_.begin(); it != listeners_.end();) {
    if (next_wanted_.contains(it->first)) {
      ++it;
      continue;
    }
    log_.info("http-closed", "no longer listening at {}", it->first);
    it->second.server->stop(kReplaceGrace);
    const std::scoped_lock lock{counters_mutex_};
    it = listeners_.erase(it);
  }
  for (auto& [address, listener] : next_) {
    const std::scoped_lock lock{counters_mutex_};
    listeners_[address] = std::move(listener);
  }
  next_.clear();
  for (auto& [address, listener] : listeners_) {
    if (listener.started) continue;
    listener.server->start();
    listener.started = true;
    for (const auto& real : listener.server->addresses())
      log_.info("http-listen", "listening at {}://{}{}", listener.wanted.options.tls ? "https" : "http", real,
                listener.wanted.options.anonymous == http::Role::none ? "" : ", without login");
    for (const auto& warning : http::warn_listener(listener.wanted.options))
      log_.warn(warning.code, "{}", http::text_of(warning));
    if (listener.wanted.options.anonymous == http::Role::none && !accounts_)
      log_.warn(
          "http-no-accounts",
          "login is required at {}, and nobody can log in yet\n  hint      `mesura user add` or `mesura token add`",
          address);
  }
  if (!listeners_.empty() && accounts_timer_ == 0) watch_accounts();
}

void HttpService::stop(std::chrono::milliseconds grace) {
  stopping_ = true;
  parts_.loop.cancel(std::exchange(accounts_timer_, 0));
  if (subscription_ != 0) parts_.collector.unsubscribe(std::exchange(subscription_, 0));
  if (snapshots_) snapshots_->end();  // who waits for one waits for us
  if (desk_) desk_->end();
  for (auto& [address, listener] : listeners_) listener.server->stop(grace);
  next_.clear();
  {
    const std::scoped_lock lock{counters_mutex_};
    listeners_.clear();
  }
  snapshots_.reset();
  desk_.reset();
}

std::vector<std::string> HttpService::addresses() const {
  std::vector<std::string> all;
  for (const auto& [address, listener] : listeners_)
    for (const auto& real : listener.server->addresses())
      all.push_back(fmt::format("{}://{}", listener.wanted.options.tls ? "https" : "http", real));
  return all;
}

void HttpService::observe(const config::Configuration& configuration) {
  if (live_) return;
  starts_ns_ = http::compat::note_start(configuration.state + "/starts", parts_.loop.clock().wall_ns());
  live_ = std::make_shared<http::Live>(parts_.collector.series());
  live_->keep_waveforms(configuration.http->limits.waveform);
  demand_ = std::make_shared<http::api::LiveDemand>(parts_.collector.series());
  subscription_ = parts_.collector.subscribe([live = live_, demand = demand_](const BatchPtr& batch) {
    live->take(batch);
    demand->take(*batch);
  });
  snapshots_ = std::make_shared<http::api::Snapshots>(parts_.loop, [this] { return snapshot(); });
  desk_ = std::make_shared<http::api::CommandDesk>(parts_.loop, collector::backend_of(parts_.collector), boot_);
}

HttpService::Source HttpService::choose_source(const config::Configuration& configuration) const {
  const config::SinkConfig* sink = store_sink(configuration);
  if (sink == nullptr) return {};
  Source source{nullptr, sink->name, sink->section, configuration.timezone};
  if (source_.stores && source_.sink == source.sink && source_.section == source.section &&
      source_.zone == source.zone) {
    source.stores = source_.stores;
    return source;
  }
  source.stores = std::make_shared<store::StorePool>(
      [kind = sink->kind, options = sink->options, zone = configuration.timezone] {
        return store::open_archive(kind, options, zone);
      },
      kStores);
  return source;
}

std::map<std::string, HttpService::Wanted> HttpService::wanted(const config::Configuration& configuration) const {
  const config::HttpConfig& http = *configuration.http;
  const auto mounts = http::compat::compat_mounts(configuration);
  std::map<std::string, Wanted> all;
  const auto anonymous = [&](const std::string& auth, const std::string& address) {
    const bool free = auth == "off" || (auth == "auto" && !accounts_ && config::is_loopback_address(address));
    return free ? http::Role::read : http::Role::none;
  };
  const auto want = [&](const std::string& address) -> Wanted& {
    Wanted& wanted = all[address];
    wanted.options.listen = {address};
    if (!http.certificate.empty()) wanted.options.tls = http::TlsFiles{http.certificate, http.key};
    wanted.options.anonymous = anonymous(http.auth, address);
    wanted.options.allow_unauthenticated = http.allow_unauthenticated;
    wanted.options.host_names = http.host_names;
    wanted.answers.points = static_cast<std::size_t>(http.limits.points);
    wanted.answers.series = static_cast<std::size_t>(http.limits.series);
    wanted.answers.range = http.limits.range;
    wanted.limits.clients = static_cast<std::size_t>(http.limits.clients);
    wanted.limits.event_streams = static_cast<std::size_t>(http.limits.event_streams);
    return wanted;
  };
  for (const auto& address : http.listen) want(address).mounts = mounts;
  for (const auto& mount : mounts) {
    if (!mount.listen || all.contains(*mount.listen)) continue;
    Wanted& wanted = want(*mount.listen);
    wanted.options.name = mount.system == http::compat::System::p1_monitor ? "p1_monitor" : "godenerg";
    wanted.options.anonymous = anonymous(mount.auth, *mount.listen);
    wanted.options.allow_unauthenticated = mount.auth == "off";
    wanted.mounts = {mount};
    wanted.own_port = true;
  }
  for (auto& [address, wanted] : all) {
    const auto& o = wanted.options;
    wanted.print =
        fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", http.certificate, http.key, static_cast<int>(o.anonymous),
                    o.allow_unauthenticated, fmt::join(o.host_names, ","), wanted.answers.points, wanted.answers.series,
                    wanted.answers.range.count(), wanted.limits.clients, wanted.limits.event_streams, wanted.own_port);
    // The old systems' routes know their device and database from the beginning.
    for (const auto& m : wanted.mounts)
      wanted.print +=
          fmt::format("|{}|{}|{}|{}|{}|{}|{}", static_cast<int>(m.system), m.device, m.zone.name(),
                      m.stale_after.count(), m.interval.count(), m.auth, fmt::ptr(next_source_.stores.get()));
  }
  return all;
}

HttpService::Listener HttpService::open(const Wanted& wanted, std::shared_ptr<store::StorePool> stores) {
  std::vector<http::Route> routes;
  if (!wanted.own_port) {
    http::api::Parts parts;
    parts.live = live_.get();
    parts.clock = &parts_.loop.clock();
    parts.boot = boot_;
    parts.snapshot = [snapshots = snapshots_](bool fresh) { return fresh ? snapshots->fresh() : snapshots->current(); };
    parts.server_metrics = [this](http::api::Exposition& out) { add_metrics(out); };
    parts.limits = wanted.answers;
    parts.commands = desk_;
    parts.audit_file = (std::filesystem::path{state_} / "audit.jsonl").string();
    routes = http::api::routes(parts, demand_);
  }
  for (auto& route : authenticator_->routes()) routes.push_back(std::move(route));
  const http::compat::Surroundings around{*live_, [stores] { return stores; }, parts_.loop.clock(), starts_ns_};
  for (const auto& mount : wanted.mounts)
    for (auto& route : http::compat::compat_routes(mount, around, wanted.own_port)) routes.push_back(std::move(route));
  Listener listener;
  listener.wanted = wanted;
  listener.stores = std::move(stores);
  listener.server = std::make_unique<http::Server>(wanted.limits, authenticator_, log_);
  listener.server->add_listener(wanted.options, std::move(routes));
  return listener;
}

http::api::Snapshot HttpService::snapshot() const {
  http::api::Snapshot s;
  const ServiceFacts facts = parts_.facts();
  s.version = facts.version;
  s.configuration_file = facts.configuration;
  s.started_ns = facts.started_ns;
  s.taken_ns = facts.now_ns;
  s.zone = configuration_.timezone.empty() ? "UTC" : configuration_.timezone;
  s.devices = parts_.collector.devices();
  s.sinks = parts_.collector.sinks();
  for (const auto& device : configuration_.devices) {
    if (!device.enabled) continue;
    s.sources.insert(device.name);
    if (std::none_of(s.devices.begin(), s.devices.end(), [&](const auto& d) { return d.name == device.name; }))
      s.devices_left_out.push_back(device.name);
  }
  for (const auto& derived : configuration_.derived) s.sources.insert(derived.device);
  s.configuration = configuration_text_;
  s.stores = source_.stores;
  s.store_sink = source_.sink;
  const auto board = parts_.collector.alerts();
  s.alerts = board->active();
  s.recent_alerts = board->history();
  std::reverse(s.recent_alerts.begin(), s.recent_alerts.end());
  if (configuration_.capacity)
    s.capacity = {configuration_.capacity->limit_w, configuration_.capacity->floor_w,
                  configuration_.capacity->eur_per_kw_year};
  s.stopping = stopping_;
  return s;
}

void HttpService::add_metrics(http::api::Exposition& out) {
  const std::scoped_lock lock{counters_mutex_};
  for (const auto& place : listeners_) {  // clang 14 lets no lambda see a structured binding
    const std::string& address = place.first;
    const http::Counters c = place.second.server->counters();
    const auto count = [&](std::string_view name, std::string_view help, std::uint64_t value) {
      out.counter(name, help, {{"listener", address}}, static_cast<double>(value));
    };
    const auto gauge = [&](std::string_view name, std::string_view help, std::size_t value) {
      out.gauge(name, help, {{"listener", address}}, static_cast<double>(value));
    };
    for (std::size_t i = 1; i < std::size(c.by_class); ++i)
      out.counter("mesura_http_responses_total", "requests answered, by the class of the status",
                  {{"listener", address}, {"class", fmt::format("{}xx", i)}}, static_cast<double>(c.by_class[i]));
    count("mesura_http_connections_total", "connections accepted", c.connections);
    count("mesura_http_connections_refused_total", "connections refused: all places taken", c.refused_connections);
    count("mesura_http_connections_evicted_total", "connections closed to make room", c.evicted_connections);
    count("mesura_http_timeouts_total", "clients too slow to send", c.timeouts);
    count("mesura_http_slow_readers_total", "clients too slow to read", c.slow_readers);
    count("mesura_http_tls_failures_total", "TLS handshakes that failed", c.tls_failures);
    count("mesura_http_busy_total", "requests refused for want of a worker or a stream", c.busy);
    count("mesura_http_handler_failures_total", "requests that failed inside", c.handler_failures);
    count("mesura_http_received_bytes_total", "bytes received", c.bytes_received);
    count("mesura_http_sent_bytes_total", "bytes sent", c.bytes_sent);
    gauge("mesura_http_clients", "open connections", c.clients);
    gauge("mesura_http_event_streams", "readers of the live stream", c.event_streams);
    gauge("mesura_http_waiting_requests", "requests that wait for a worker", c.waiting);
  }
}

void HttpService::watch_accounts() {
  accounts_timer_ = parts_.loop.after(kAccountsInterval, [this] {
    accounts_timer_ = 0;
    if (configuration_.http && authenticator_->has_accounts() != accounts_) {
      // The first user or token ends the time without login, and the last one's removal brings it back.
      try {
        prepare(configuration_);
        commit(config::Configuration{configuration_});
      } catch (const http::ListenError& e) {
        log_.error("http-accounts", "who may ask has changed, but {}", e.what());
      }
    }
    if (!listeners_.empty() && accounts_timer_ == 0) watch_accounts();
  });
}

}  // namespace mesura::service
