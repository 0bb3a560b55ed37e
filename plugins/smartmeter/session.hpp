// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker.hpp"
#include "commands.hpp"
#include "connection.hpp"
#include "emitter.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mesura::smartmeter {

/// A SmartMeter, or all those that dial in or publish to a broker.
class SmartMeterSession final : public Device, private Connection::Owner {
 public:
  SmartMeterSession(Host host, const SessionInfo& info);
  /// A run of its own is stopped: over USB the device would go on for nobody.
  ~SmartMeterSession() override;
  SmartMeterSession(const SmartMeterSession&) = delete;
  SmartMeterSession& operator=(const SmartMeterSession&) = delete;

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  void on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) override;
  void on_command(const Command& command) override;
  void on_cancel(std::uint64_t request, std::int64_t now_ns) override;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  Emitter* name_device(Connection& connection, std::string_view name) override;
  bool send_line(Connection& connection, std::string_view line) override;
  void give_up(Connection& connection, std::string_view reason) override;
  bool open_data(Connection& connection) override;
  bool tell_line(Connection& connection, std::uint64_t request, std::string_view line) override;
  bool command_reply(Connection& connection, const JsonObject& reply, std::string_view text) override;
  bool command_line(Connection& connection, std::string_view text) override;
  [[nodiscard]] bool command_waits(const Connection& connection) const override;
  void command_rows(Connection& connection, std::int64_t rows) override;
  void greeted(Connection& connection, const JsonObject& info) override;
  void renamed(Connection& connection, std::string_view name) override;

  [[nodiscard]] Job::Services command_services();
  [[nodiscard]] CommandPort* port_of(DeviceId device);
  [[nodiscard]] std::string absence_of(DeviceId device) const;
  void lost(Connection& connection, std::int64_t now_ns);
  void run_commands(std::int64_t now_ns);

  [[nodiscard]] Connection* connection_of(std::string_view peer, std::int64_t now_ns);
  [[nodiscard]] Connection* sender_of(std::string_view peer);
  void end_connection(const std::string& peer, std::int64_t now_ns, bool drop);
  [[nodiscard]] std::string unit_key(const Connection& connection, std::string_view name);
  Emitter& emitter_of(DeviceId device);
  void on_data(Bytes bytes, const Meta& meta);
  void arm(std::int64_t due_ns, std::int64_t now_ns);
  void rearm(std::int64_t now_ns);

  Settings settings_;
  bool live_;
  std::map<DeviceId, std::unique_ptr<Emitter>> emitters_;
  std::unique_ptr<Connection> single_;
  std::unique_ptr<Broker> broker_;
  std::unordered_map<std::string, std::unique_ptr<Connection>, Hash, std::equal_to<>> peers_;
  std::unordered_map<std::string, std::string, Hash, std::equal_to<>> peer_by_key_;
  std::map<std::string, std::string, std::less<>> renamed_;  ///< new name to the key under which the unit is known
  std::vector<std::unique_ptr<Connection>> ended_;           ///< until no call into them can be under way
  std::string command_peer_;                                 ///< address from which the command link's bytes come
  std::int64_t now_ns_ = 0;
  std::int64_t armed_due_ = Connection::kNever;
  bool data_asked_ = false, data_open_ = false;
  Commands commands_;
};

}  // namespace mesura::smartmeter
