// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The HTTP side of a running service: listeners, their routes, and what their handlers see of the collector.
#pragma once

#include "collector/collector.hpp"
#include "config/configuration.hpp"
#include "http/api/command_desk.hpp"
#include "http/api/endpoint.hpp"
#include "http/api/live_demand.hpp"
#include "http/api/snapshot.hpp"
#include "http/auth/authenticator.hpp"
#include "http/compat/mount.hpp"
#include "http/live.hpp"
#include "http/server.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "service/status_text.hpp"
#include "store/pool.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace mesura::service {

/// Listeners as the configuration wants them, each a server of its own: a reload touches only those that changed.
///
/// prepare() binds what is new, commit() answers there and closes what is gone. Belongs to the loop's thread; the
/// servers' threads see the collector only through Live and snapshots, so the collector waits for no client.
class HttpService {
 public:
  struct Parts {
    runtime::EventLoop& loop;
    std::shared_ptr<runtime::Log> log;
    collector::Collector& collector;
    const config::Catalog& catalog;
    std::function<ServiceFacts()> facts;
  };
  explicit HttpService(Parts parts);
  ~HttpService();
  HttpService(const HttpService&) = delete;
  HttpService& operator=(const HttpService&) = delete;

  /// Throws http::ListenError; then everything is as it was. `configuration` must live until commit().
  void prepare(const config::Configuration& configuration);
  /// After the collector has applied the same configuration.
  void commit(const config::Configuration& configuration);
  /// Answers nobody any more; waits at most so long for requests at work.
  void stop(std::chrono::milliseconds grace);

  /// "http://127.0.0.1:8080", with the real port; "https" with TLS.
  [[nodiscard]] std::vector<std::string> addresses() const;

 private:
  /// What makes one listener; equal ones go on untouched.
  struct Wanted {
    http::ListenerOptions options;
    http::ServerOptions limits;
    http::api::Limits answers;
    std::vector<http::compat::Mount> mounts;  ///< routes of the systems before us
    bool own_port = false;                    ///< for them alone
    std::string print;                        ///< of everything that it is made of
  };
  struct Listener {
    Wanted wanted;
    std::shared_ptr<store::StorePool> stores;  ///< that the routes of the systems before us refer to
    std::unique_ptr<http::Server> server;
    bool started = false;
  };
  /// The database that answers about the past.
  struct Source {
    std::shared_ptr<store::StorePool> stores;  ///< null: there is none
    std::string sink;
    config::Value section;
    std::string zone;
  };

  void observe(const config::Configuration& configuration);
  [[nodiscard]] Source choose_source(const config::Configuration& configuration) const;
  [[nodiscard]] std::map<std::string, Wanted> wanted(const config::Configuration& configuration) const;
  [[nodiscard]] Listener open(const Wanted& wanted, std::shared_ptr<store::StorePool> stores);
  [[nodiscard]] http::api::Snapshot snapshot() const;
  void add_metrics(http::api::Exposition& out);
  void watch_accounts();

  Parts parts_;
  runtime::Logger log_;
  std::shared_ptr<http::Live> live_;  ///< null until there is a listener; then to the end
  std::shared_ptr<http::api::LiveDemand> demand_;
  collector::Collector::SubscriptionId subscription_ = 0;
  std::shared_ptr<http::Authenticator> authenticator_;
  std::shared_ptr<http::api::Snapshots> snapshots_;
  std::shared_ptr<http::api::CommandDesk> desk_;
  std::map<std::string, Listener> listeners_;  ///< by address as configured
  std::mutex counters_mutex_;                  ///< of listeners_, for the metrics' thread
  std::map<std::string, Listener> next_;
  std::map<std::string, Wanted> next_wanted_;
  Source source_;
  Source next_source_;
  std::vector<std::int64_t> starts_ns_;  ///< when the program has started, the latest last
  config::Configuration configuration_;  ///< in force
  std::shared_ptr<const std::string> configuration_text_;
  std::string state_;  ///< its directory, the same from start to end
  std::uint64_t boot_ = 0;
  bool accounts_ = false;
  bool stopping_ = false;
  runtime::EventLoop::TimerId accounts_timer_ = 0;
};

}  // namespace mesura::service
