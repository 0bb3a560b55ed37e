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
#include <optional>
#include <string>

namespace mesura::session {

/// A virtual device at work: its session on a clock of its own (start, speed), its links served over transports, or
/// the first of them written to a file.
///
/// Belongs to the loop's thread. What the twin emits is the truth that it put into its bytes.
class Twin final : private Environment {
 public:
  using Maker = std::function<std::unique_ptr<transport::Transport>()>;

  struct Setup {
    const plugin::LoadedPlugin* plugin = nullptr;  ///< with a virtual device
    SessionSetup session;
    std::optional<std::int64_t> start_ns;  ///< the virtual clock's start; otherwise now
    double speed = 1;                      ///< virtual seconds per second; 0: as fast as possible
    /// By link: where it is served; empty where it is not. None at all: `write` takes what the first link sends, with
    /// the virtual clock's time.
    std::vector<Maker> serve;
    std::function<bool(Bytes, std::int64_t time_ns)> write;
    std::function<void(const Batch&)> truth;  ///< may be empty
    std::function<void()> finished;           ///< the twin has sent what it was asked to
    std::function<void(LinkId link, const std::string& what)> opened;
    std::function<void(std::uint64_t id, const Reply& reply)> reply;  ///< to command()
  };

  /// Throws SessionError.
  Twin(runtime::EventLoop& loop, runtime::Logger log, SeriesTable& series, Setup setup);
  ~Twin() override;
  /// Tells the virtual device something while it runs; the answer comes to Setup::reply.
  void command(std::uint64_t id, const config::CommandSpec& command, const config::Value& arguments);
  /// It ended because something went wrong (and said so in the log).
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool send(LinkId link, Bytes bytes, std::string_view to) override;
  bool open(LinkId link, std::string_view spec) override;
  void close(LinkId link) override;
  void drop(LinkId link, std::string_view peer) override;
  void reopen(LinkId link, std::string_view reason) override;
  bool set_lines(LinkId, int, int) override { return false; }
  void arm(TimerId timer, std::int64_t delay_ns) override;
  void emit(std::shared_ptr<Batch> batch) override;
  void frame(LinkId, Bytes) override {}
  void fault(const Fault& fault) override;
  void attribute(std::string_view, std::string_view, std::string_view) override {}
  void log(mesura_log_level level, std::string_view message) override;
  void failed(std::string_view code, std::string_view message) override;
  void reply(std::uint64_t request, const Reply& reply) override;

  /// A link and what it runs over.
  struct Place final : transport::Listener {
    Place(Twin& twin, LinkId link) : owner(twin), id(link) {}
    void on_open() override { owner.link_open(*this); }
    void on_bytes(transport::Bytes bytes, const transport::Meta& meta) override { owner.link_bytes(id, bytes, meta); }
    void on_closed(const transport::Reason& reason, bool) override { owner.link_closed(*this, reason); }
    void on_peer(std::string_view peer, bool joined) override;

    Twin& owner;
    LinkId id;
    Maker make;                                       ///< served from the start, or opened by the session
    bool served = false;                              ///< its end is the twin's
    std::unique_ptr<transport::Transport> transport;  ///< null: closed
    runtime::EventLoop::TimerId reopen = 0;
  };
  void link_open(Place& place);
  void link_bytes(LinkId link, transport::Bytes bytes, const transport::Meta& meta);
  void link_closed(Place& place, const transport::Reason& reason);
  void retire(Place& place);
  void serve(Place& place);

  void start();
  void check(bool ok);
  void finish();
  void schedule();
  void fire_due();
  [[nodiscard]] std::int64_t now() const;

  runtime::EventLoop& loop_;
  runtime::Logger log_;
  Setup setup_;
  SeriesBinder binder_;
  std::int64_t start_ns_;
  std::int64_t steady_start_ns_;
  std::int64_t virtual_ns_;                 ///< the clock when speed is 0, and never behind a fired timer
  std::int64_t call_ns_;                    ///< the time that the session was last told
  std::map<TimerId, std::int64_t> timers_;  ///< due, in virtual time
  runtime::EventLoop::TimerId wake_ = 0;
  std::vector<std::unique_ptr<Place>> places_;  ///< by link
  bool started_ = false;
  bool finished_ = false;
  bool failed_ = false;
  std::unique_ptr<PluginSession> session_;
};

}  // namespace mesura::session
