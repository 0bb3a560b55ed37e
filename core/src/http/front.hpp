// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/access_log.hpp"
#include "http/connection.hpp"
#include "http/exchange.hpp"
#include "http/options.hpp"
#include "http/slots.hpp"
#include "http/tls.hpp"
#include "http/workers.hpp"
#include "runtime/clock.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace mesura::http {

/// The inside of a Server: its thread, its listening sockets, its clients.
class Front {
 public:
  Front(const ServerOptions& options, std::shared_ptr<Authenticator> authenticator, runtime::Logger log);
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  void add_listener(ListenerOptions options, std::vector<Route> routes);
  void start();
  void stop(std::chrono::milliseconds grace);
  [[nodiscard]] std::vector<std::string> addresses() const;
  [[nodiscard]] Counters counters() const;

  // For connections.
  struct Tally {
    std::atomic<std::uint64_t> requests{0}, connections{0}, refused{0}, evicted{0}, no_descriptors{0}, timeouts{0},
        slow_readers{0}, tls_failures{0}, received{0}, sent{0}, handler_failures{0}, busy{0};
    std::array<std::atomic<std::uint64_t>, 6> by_class{};
    std::atomic<std::size_t> clients{0};
  };
  [[nodiscard]] runtime::EventLoop& loop() { return loop_; }
  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] Tally& tally() { return tally_; }
  [[nodiscard]] AccessLog& access_log() { return access_log_; }
  [[nodiscard]] Workers& workers() { return *workers_; }
  /// Bytes of bodies and of large answers that connections hold.
  struct Held {
    std::size_t bodies = 0, answers = 0;
  };
  [[nodiscard]] Held& held() { return held_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  [[nodiscard]] std::int64_t now_ns() const { return clock_.steady_ns(); }
  [[nodiscard]] std::array<char, 64 * 1024>& scratch() { return scratch_; }
  /// Null once it is closed.
  [[nodiscard]] Connection* find(std::uint64_t id);
  /// Forgets it; destroyed when the loop comes round.
  void drop(Connection& connection);
  /// Calls the route's handler; any thread. An exception becomes a 500.
  [[nodiscard]] Response call(const Exchange& exchange);
  /// Any thread.
  [[nodiscard]] Answer finish(Response&& response, const Exchange& exchange);
  /// What a handler has left may block as it goes: not here.
  void dispose(const std::string& key, std::shared_ptr<BodyStream> stream);
  void log_stream_failure(const Exchange& exchange, const std::string& error);

 private:
  struct Listener {
    Rules rules;
    std::unique_ptr<TlsContext> tls;
  };
  struct ListenSocket {
    runtime::UniqueFd fd;
    Listener* listener = nullptr;
    std::string address;
    runtime::EventLoop::WatchId watch = 0;
  };
  void bind(Listener& listener, const std::string& text);
  void run();
  void accept(ListenSocket& socket);
  void welcome(runtime::UniqueFd fd, Listener& listener);
  [[nodiscard]] bool make_room(const Peer& peer);
  bool evict(const std::string* key, bool idle_only);
  void pause_accepting();
  void sweep();
  void begin_stop(std::chrono::milliseconds grace);

  const ServerOptions options_;
  const std::shared_ptr<Authenticator> authenticator_;
  const runtime::Logger log_;
  runtime::SystemClock clock_;
  AccessLog access_log_;
  Tally tally_;
  std::shared_ptr<Slots> stream_slots_;
  std::shared_ptr<Slots> event_slots_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<ListenSocket> sockets_;
  std::array<char, 64 * 1024> scratch_{};
  Held held_;
  bool stopping_ = false;
  bool started_ = false;
  bool accepting_ = true;
  std::int64_t complained_ns_ = 0;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::string, std::size_t> by_key_;

  runtime::EventLoop loop_{clock_};
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> graveyard_;
  std::unique_ptr<Workers> workers_;  // after what their jobs touch
  std::thread thread_;
};

}  // namespace mesura::http
