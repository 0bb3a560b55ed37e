// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command/executor.hpp"
#include "config/plugin_schema.hpp"
#include "plugin/loader.hpp"
#include "runtime/backoff.hpp"
#include "runtime/event_loop.hpp"
#include "runtime/log.hpp"
#include "session/environment.hpp"
#include "session/health.hpp"
#include "session/plugin_session.hpp"
#include "session/series_binder.hpp"
#include "transport/capture.hpp"
#include "transport/link.hpp"
#include "transport/relay.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mesura::session {

/// A configured device, or a fleet of them behind one session: its links, its plugin session, its schedule and its
/// health.
///
/// Whatever goes wrong in it stays in it: a throwing plugin, a vanished port and a silent meter lead to a new session,
/// a new connection and the state `stale`, each by the back-off, each logged once. Belongs to the loop's thread.
class Device final : private Environment {
 public:
  struct Setup {
    std::string name;
    const plugin::LoadedPlugin* plugin = nullptr;
    struct Link {
      std::string kind;  ///< of transport
      transport::Link::Maker make;
    };
    std::map<std::string, Link, std::less<>>
        links;  ///< by the plugin's link name; what is not there may be opened later
    config::Value options;
    SeriesBinder::ChannelRules channels;
    std::chrono::nanoseconds stale_after{0};  ///< 0: never stale
    std::string zone;                         ///< of the site, or empty: not known
    std::shared_ptr<transport::CaptureWriter> capture;
    std::unique_ptr<transport::Relay> relay;
    std::optional<std::string> fleet_key = {};  ///< set: a fleet, with what tells its units apart
    std::unique_ptr<FleetNames> fleet = {};     ///< of a fleet: the names of its devices
    command::Control control = command::Control::off;
    std::shared_ptr<command::AuditLog> audit = {};  ///< null: nothing is written to the device
  };
  struct Context {
    runtime::EventLoop& loop;
    std::shared_ptr<runtime::Log> log;
    SeriesTable& series;
    /// `live` is false for files and recordings: the rules of time do not apply.
    std::function<void(std::shared_ptr<Batch>, bool live)> emit;
  };

  Device(Context context, Setup setup);
  ~Device() override;

  void start();
  /// Closes everything; nothing is emitted afterwards.
  void stop();

  [[nodiscard]] const std::string& name() const { return setup_.name; }
  [[nodiscard]] const std::string& plugin_name() const { return setup_.plugin->name; }
  /// Stops reading its links, or goes on: back-pressure from a sink that has no room.
  void pause(bool paused);
  /// False when its bytes are a file or a recording, which can wait without loss.
  [[nodiscard]] bool live() const { return live_; }
  [[nodiscard]] Health health() const;
  [[nodiscard]] bool is_fleet() const { return setup_.fleet_key.has_value(); }
  /// The devices that a session speaks for beside itself, by name.
  [[nodiscard]] const std::map<std::string, Health, std::less<>>& members() const { return members_; }
  /// Asks something of it, or of one of its units (`device`); see command::Executor.
  command::CommandId submit(const std::string& device, command::Request request, command::OnResult on_result,
                            command::OnProgress on_progress = {});
  void cancel(command::CommandId id);
  [[nodiscard]] const config::PluginSchema& schema() const { return setup_.plugin->schema; }
  [[nodiscard]] command::Control control() const { return setup_.control; }
  /// Called after each change of state.
  void on_state(std::function<void(State)> callback) { on_state_ = std::move(callback); }
  [[nodiscard]] bool finished() const { return health_.state == State::finished; }

 private:
  // Environment
  bool send(LinkId link, Bytes bytes, std::string_view to) override;
  bool send_for(std::uint64_t request, LinkId link, Bytes bytes, std::string_view to) override;
  void reply(std::uint64_t request, const Reply& reply) override;
  void progress(std::uint64_t request, std::uint64_t done, std::uint64_t total, std::string_view text) override;
  bool open(LinkId link, std::string_view spec) override;
  void close(LinkId link) override;
  void drop(LinkId link, std::string_view peer) override;
  void reopen(LinkId link, std::string_view reason) override;
  bool set_lines(LinkId link, int rts, int dtr) override;
  void arm(TimerId timer, std::int64_t delay_ns) override;
  void emit(std::shared_ptr<Batch> batch) override;
  void frame(LinkId link, Bytes verified) override;
  void fault(const Fault& fault) override;
  void attribute(std::string_view device, std::string_view key, std::string_view value) override;
  void log(mesura_log_level level, std::string_view message) override;
  void failed(std::string_view code, std::string_view message) override;

  [[nodiscard]] std::unique_ptr<command::Executor> make_executor();
  void make_session();
  void end_session(std::string_view code, std::string_view message);
  void make_links();
  [[nodiscard]] std::unique_ptr<transport::Link> make_link(LinkId id, transport::Link::Maker make,
                                                           std::string_view kind);
  [[nodiscard]] std::vector<LinkDescription> describe_links() const;
  Health& member(std::string_view device);
  void watch_members();
  void flush_later();
  void tear_down();
  /// There is a session and it has not failed.
  [[nodiscard]] bool usable() const;
  /// After every call into the session: acts on what it asked for meanwhile.
  void settle(bool ok);
  void set_state(State state);
  void watch_staleness();
  void summarise_faults();
  void trace(std::string_view what, Bytes bytes);
  [[nodiscard]] transport::Link* link_at(LinkId link);

  Context context_;
  Setup setup_;
  runtime::Logger log_;
  transport::Context transport_;
  SeriesBinder binder_;
  runtime::Backoff backoff_;
  std::unique_ptr<command::Executor> executor_;
  std::unique_ptr<PluginSession> session_;
  std::vector<std::unique_ptr<transport::Link>> links_;  ///< by LinkId; null where none is configured
  std::map<TimerId, runtime::EventLoop::TimerId> timers_;
  bool live_;
  bool paused_ = false;
  bool ended_ = false;  ///< the session failed; it is destroyed when the loop is back at the top
  runtime::EventLoop::TimerId teardown_timer_ = 0;
  runtime::EventLoop::TimerId restart_timer_ = 0;
  runtime::EventLoop::TimerId stale_timer_ = 0;
  runtime::EventLoop::TimerId summary_timer_ = 0;
  runtime::EventLoop::TimerId member_timer_ = 0;
  runtime::EventLoop::TimerId flush_timer_ = 0;
  std::map<std::string, Health, std::less<>> members_;
  std::optional<std::pair<std::string, std::string>> asked_to_fail_;
  std::map<std::string, std::uint64_t, std::less<>> reported_faults_;
  std::uint64_t reported_frames_ = 0;
  std::int64_t started_ns_ = 0;
  std::int64_t last_sign_ns_ = 0;  ///< steady time of the start or the last verified frame
  Health health_;
  std::function<void(State)> on_state_;
};

}  // namespace mesura::session
