// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"
#include "config/value.hpp"
#include "session/environment.hpp"
#include "session/fleet_names.hpp"
#include "session/series_binder.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::session {

/// The plugin could not make a session; the message is the plugin's own.
class SessionError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a link of the session runs over.
struct LinkDescription {
  std::string kind;     ///< "udp", or empty: not configured
  std::string address;  ///< "192.168.0.34:29340"
};

/// How a session is to be made.
struct SessionSetup {
  std::string device;                        ///< the configured name
  const std::vector<config::Field>* schema;  ///< the plugin's options; must outlive the constructor
  config::Value options;                     ///< validated by that schema
  std::string zone;                          ///< of the site, or empty: not known
  bool live = true;
  std::uint32_t index = 0;
  std::vector<LinkDescription> links = {};    ///< by LinkId
  std::optional<std::string> fleet_key = {};  ///< set: a fleet, with what tells its units apart
  FleetNames* fleet = nullptr;                ///< of a fleet; must outlive the session
  bool join_waveforms = true;                 ///< small blocks to large ones; otherwise each as the plugin gives it
};

/// One session of a plugin, seen from the host: turns C calls into C++ ones in both directions.
///
/// Every call answers false when the plugin failed; error() then tells why, and only destruction may follow.
class PluginSession {
 public:
  /// Throws SessionError. `plugin`, `binder` and `environment` must outlive the session.
  PluginSession(const mesura_plugin& plugin, SeriesBinder& binder, Environment& environment, const SessionSetup& setup,
                std::int64_t now_ns);
  ~PluginSession();
  PluginSession(const PluginSession&) = delete;
  PluginSession& operator=(const PluginSession&) = delete;

  bool on_open(LinkId link, std::int64_t now_ns);
  bool on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final);
  bool on_bytes(LinkId link, Bytes bytes, const Meta& meta);
  bool on_timer(TimerId timer, std::int64_t now_ns);
  bool on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns);
  /// `arguments` by the fields of the command. The answer comes to Environment::reply, now or later.
  /// `device`: of a fleet, the name of the unit that is meant; it must have turned up.
  bool on_command(std::uint64_t id, std::string_view name, const std::vector<config::Field>& fields,
                  const config::Value& arguments, bool dry_run = false, std::string_view device = {});
  /// Its time is over, or it was called off; its reply still comes.
  bool on_cancel(std::uint64_t id, std::int64_t now_ns);
  /// Hands on the rows of waveform that wait for more.
  void flush_waveforms();
  /// Rows of waveform wait.
  [[nodiscard]] bool holds_waveforms() const { return held_waveforms_ > 0; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Callbacks;
  bool result(std::int32_t status);
  std::uint32_t device(std::string_view key, std::string_view name);
  std::uint32_t series(const mesura_series_info& info);
  void emit(const mesura_batch& batch);
  std::uint32_t stream(const mesura_stream_info& info);
  void waveform(const mesura_waveform& block);

  const mesura_plugin& plugin_;
  SeriesBinder& binder_;
  Environment& environment_;
  void* self_ = nullptr;
  std::vector<std::string> devices_;  ///< by number; 0 is the configured one
  std::map<std::string, std::uint32_t, std::less<>> device_by_key_;
  std::vector<SeriesBinder::Bound> series_;  ///< by the plugin's number
  /// A run of waveform, and its rows that wait to become a block worth handing on.
  struct StreamState {
    std::shared_ptr<const WaveformStream> stream;
    std::shared_ptr<Waveform> pending;
  };
  void flush(StreamState& state);
  std::vector<StreamState> streams_;                               ///< by the plugin's number
  std::map<std::uint32_t, std::deque<std::uint32_t>> streams_of_;  ///< by device, the oldest first
  std::size_t held_waveforms_ = 0;
  FleetNames* fleet_ = nullptr;
  bool join_waveforms_ = true;
  mesura_error fault_{};
  std::string error_;
};

}  // namespace mesura::session
