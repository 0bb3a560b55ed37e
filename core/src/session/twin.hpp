// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/loader.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "session/environment.hpp"
#include "session/plugin_session.hpp"
#include "transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace mesura::session {

/// A virtual device at work: its session on a clock of its own (start, speed), served over a transport or written to a
/// file.
///
/// Belongs to the loop's thread. What the twin emits is the truth that it put into its bytes.
class Twin final : private Environment, private transport::Listener {
 public:
  struct Setup {
    const plugin::LoadedPlugin* plugin = nullptr;  ///< with a virtual device
    SessionSetup session;
    std::int64_t start_ns = 0;  ///< the virtual clock's start
    double speed = 1;           ///< virtual seconds per second; 0: as fast as possible
    std::function<std::unique_ptr<transport::Transport>()> serve;  ///< where it is reached; or empty, and
    std::function<bool(Bytes)> write;                              ///< takes the bytes
    std::function<void(const Batch&)> truth;                       ///< may be empty
    std::function<void()> finished;                                ///< the twin has sent what it was asked to
    std::function<void(const std::string& what)> opened;
  };

  /// Throws SessionError.
  Twin(runtime::EventLoop& loop, runtime::Logger log, SeriesTable& series, Setup setup);
  ~Twin() override;
  /// It ended because something went wrong (and said so in the log).
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool send(LinkId link, Bytes bytes, std::string_view to) override;
  bool open(LinkId, std::string_view) override { return true; }
  void close(LinkId link) override;
  void reopen(LinkId link, std::string_view reason) override;
  bool set_lines(LinkId, int, int) override { return false; }
  void arm(TimerId timer, std::int64_t delay_ns) override;
  void emit(std::shared_ptr<Batch> batch) override;
  void frame(LinkId, Bytes) override {}
  void fault(const Fault& fault) override;
  void attribute(std::string_view, std::string_view, std::string_view) override {}
  void log(mesura_log_level level, std::string_view message) override;
  void failed(std::string_view code, std::string_view message) override;

  void on_open() override;
  void on_bytes(transport::Bytes bytes, const transport::Meta& meta) override;
  void on_closed(const transport::Reason& reason, bool final) override;

  void start();
  void serve();
  void check(bool ok);
  void finish();
  void schedule();
  void fire_due();
  [[nodiscard]] std::int64_t now() const;

  runtime::EventLoop& loop_;
  runtime::Logger log_;
  Setup setup_;
  SeriesBinder binder_;
  std::int64_t steady_start_ns_;
  std::int64_t virtual_ns_;                 ///< the clock when speed is 0, and never behind a fired timer
  std::int64_t call_ns_;                    ///< the time that the session was last told
  std::map<TimerId, std::int64_t> timers_;  ///< due, in virtual time
  runtime::EventLoop::TimerId wake_ = 0;
  runtime::EventLoop::TimerId reopen_ = 0;
  std::unique_ptr<transport::Transport> transport_;
  bool started_ = false;
  bool finished_ = false;
  bool failed_ = false;
  std::unique_ptr<PluginSession> session_;
};

}  // namespace mesura::session
