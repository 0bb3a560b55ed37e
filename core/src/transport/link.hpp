// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/backoff.hpp"
#include "transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace mesura::transport {

class CaptureWriter;

/// A transport kept alive: opens it again after every end, by the one back-off policy, and watches for silence.
///
/// Each attempt makes a fresh transport, so that names and symbolic links are resolved anew. Logs changes of state
/// only: the first failure, a summary a minute while it lasts, one line when bytes come again.
class Link final : private Listener {
 public:
  enum class State { idle, connecting, open, waiting, finished };

  struct Options {
    runtime::Backoff::Policy backoff;
    std::chrono::nanoseconds silence{0};  ///< no byte for so long: closed and opened again; 0: never
    std::uint64_t seed = 0;               ///< of the jitter
  };
  /// Called on the loop's thread, never from inside a call to the link. In each of them the link may be used and
  /// stopped, but not destroyed.
  struct Callbacks {
    std::function<void()> on_open;
    std::function<void(Bytes, const Meta&)> on_bytes;
    std::function<void(const Reason&, bool final)> on_closed;
    std::function<void(std::string_view peer, bool joined)> on_peer = {};
  };
  using Maker = std::function<std::unique_ptr<Transport>()>;

  Link(const Context& context, Maker make, Options options, Callbacks callbacks);
  ~Link() override;

  void start();
  /// For good; no callback follows.
  void stop();
  /// Closes now and opens again after the back-off.
  void reopen(std::string_view why);
  bool send(Bytes bytes, std::string_view to);
  /// Ends the connection of one peer; on_peer follows.
  void drop(std::string_view peer);
  bool set_lines(int rts, int dtr);
  /// Real data came through (the decoder said so): the back-off starts from its first step again. Cheap.
  void confirm();
  /// Stops reading, or goes on; also across a new connection. Silence does not count meanwhile.
  void pause(bool paused);
  /// Every received byte also goes there; null ends it.
  void capture_to(std::shared_ptr<CaptureWriter> writer) { capture_ = std::move(writer); }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] std::uint64_t opened() const { return opened_; }  ///< how often it has been open
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_; }
  [[nodiscard]] const Reason& last_reason() const { return reason_; }
  [[nodiscard]] std::string describe() const;

 private:
  void on_open() override;
  void on_bytes(Bytes bytes, const Meta& meta) override;
  void on_peer(std::string_view peer, bool joined) override;
  void on_closed(const Reason& reason, bool final) override;
  void attempt();
  void down(const Reason& reason, bool final);
  void retire();
  void watch_silence(std::chrono::nanoseconds wait);
  void cancel_timers();
  void log_down(std::chrono::nanoseconds delay, bool final);
  void log_recovery();

  Context context_;
  Maker make_;
  Options options_;
  Callbacks callbacks_;
  runtime::Backoff backoff_;
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<CaptureWriter> capture_;
  State state_ = State::idle;
  bool live_ = true;
  Reason reason_;
  std::uint64_t opened_ = 0;
  std::uint64_t bytes_ = 0;
  bool confirmed_ = false;
  bool paused_ = false;
  std::int64_t last_bytes_ns_ = 0;
  runtime::EventLoop::TimerId timer_ = 0;  // of the next attempt, or of what reopen() has to tell
  runtime::EventLoop::TimerId silence_timer_ = 0;
  runtime::EventLoop::TimerId settle_timer_ = 0;

  // The outage that is going on; failures 0: none.
  std::uint64_t failures_ = 0;
  std::int64_t outage_ns_ = 0;
  std::int64_t logged_ns_ = 0;
};

}  // namespace mesura::transport
