// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/schema.hpp"
#include "config/value.hpp"
#include "session/environment.hpp"
#include "session/series_binder.hpp"

#include <cstdint>
#include <map>
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

/// How a session is to be made.
struct SessionSetup {
  std::string device;                        ///< the configured name
  const std::vector<config::Field>* schema;  ///< the plugin's options; must outlive the constructor
  config::Value options;                     ///< validated by that schema
  std::string zone;                          ///< of the site, or empty: not known
  bool live = true;
  std::uint32_t index = 0;
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
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Callbacks;
  bool result(std::int32_t status);
  std::uint32_t device(std::string_view key, std::string_view name);
  std::uint32_t series(const mesura_series_info& info);
  void emit(const mesura_batch& batch);

  const mesura_plugin& plugin_;
  SeriesBinder& binder_;
  Environment& environment_;
  void* self_ = nullptr;
  std::vector<std::string> devices_;  ///< by number; 0 is the configured one
  std::map<std::string, std::uint32_t, std::less<>> device_by_key_;
  std::vector<SeriesBinder::Bound> series_;  ///< by the plugin's number
  mesura_error fault_{};
  std::string error_;
};

}  // namespace mesura::session
