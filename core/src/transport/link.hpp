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
/// Each attempt makes a fresh transport, so that names and symbolic links are resolved anew.
class Link final : private Listener {
 public:
  enum class State { idle, connecting, open, waiting, finished };

  struct Options {
    runtime::Backoff::Policy backoff;
    std::chrono::nanoseconds silence{0};  ///< no byte for so long: closed and opened again; 0: never
    std::uint64_t seed = 0;               ///< of the jitter
  };
  /// Called on the loop's thread, never from inside a call to the link.
  struct Callbacks {
    std::function<void()> on_open;
    std::function<void(Bytes, const Meta&)> on_bytes;
    std::function<void(const Reason&, bool final)> on_closed;
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
  bool set_lines(int rts, int dtr);
  /// Real data came through (the decoder said so): the back-off starts from its first step again.
  void confirm() { backoff_.reset(); }
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
  void on_closed(const Reason& reason, bool final) override;
  void attempt();
  void again();
  void watch_silence();

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
  std::int64_t last_bytes_ns_ = 0;
  runtime::EventLoop::TimerId timer_ = 0;
};

}  // namespace mesura::transport
