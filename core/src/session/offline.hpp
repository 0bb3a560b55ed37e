// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/plugin_schema.hpp"
#include "plugin/loader.hpp"
#include "session/environment.hpp"
#include "session/plugin_session.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace mesura::session {

/// A plugin fed from a file or memory: no loop, no links, no clock but the receive times of the bytes.
///
/// The same plugin code as on a live line; what it sends goes nowhere. Timers fire when a later receive time has passed
/// them.
class Offline final : private Environment {
 public:
  struct Consumer {
    std::function<void(const Batch&)> batch;
    std::function<void(const Fault&)> fault;
    std::function<void(std::string_view key, std::string_view value)> attribute;
    std::function<void(mesura_log_level, std::string_view)> log;
  };
  struct Counts {
    std::uint64_t frames = 0;
    std::uint64_t frames_rejected = 0;
    std::uint64_t measurements = 0;
  };

  /// Throws SessionError. `options` are validated by the plugin's schema.
  Offline(const plugin::LoadedPlugin& plugin, SeriesTable& series, SeriesBinder::ChannelRules channels,
          SessionSetup setup, Consumer consumer, std::int64_t now_ns);
  ~Offline() override;

  /// Throws SessionError when the plugin fails.
  void feed(Bytes bytes, const Meta& meta, LinkId link = 0);
  /// The line was closed and opened again, as a capture tells.
  void reopen(std::int64_t now_ns, std::string_view reason);
  /// No more bytes: the plugin finishes what is pending.
  void finish(std::int64_t now_ns);
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  bool send(LinkId, Bytes, std::string_view) override { return true; }
  bool open(LinkId, std::string_view) override { return true; }
  void close(LinkId) override {}
  void reopen(LinkId, std::string_view) override {}
  bool set_lines(LinkId, int, int) override { return false; }
  void arm(TimerId timer, std::int64_t delay_ns) override;
  void emit(std::shared_ptr<Batch> batch) override;
  void frame(LinkId, Bytes) override { ++counts_.frames; }
  void fault(const Fault& fault) override;
  void attribute(std::string_view device, std::string_view key, std::string_view value) override;
  void log(mesura_log_level level, std::string_view message) override;
  void failed(std::string_view code, std::string_view message) override;

  void check(bool ok);
  void fire_due(std::int64_t now_ns);

  SeriesBinder binder_;
  Consumer consumer_;
  Counts counts_;
  std::int64_t now_ns_;
  std::map<TimerId, std::int64_t> timers_;  ///< due times
  std::string failure_;
  std::unique_ptr<PluginSession> session_;
};

}  // namespace mesura::session
