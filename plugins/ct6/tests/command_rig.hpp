// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A session and a virtual unit, wired directly, on one clock that jumps: what the session asks over HTTP reaches the
// unit as bytes of a connection, unless the test has something else in mind for it.
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "virtual_rig.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace mesura::ct6::test {

/// How a command ended; status -1: it has not.
struct Ended {
  int status = -1;
  std::string message, json, bytes;
};

/// What went out for a command, or would have.
struct Sent {
  std::string to, bytes;
  bool operator==(const Sent&) const = default;
};

/// What becomes of a request in place of an answer.
struct Trouble {
  enum class Kind {
    lost,     ///< the unit does it, its answer is lost
    silent,   ///< nothing reaches the unit, nothing comes back
    refused,  ///< no connection
    closed,   ///< the connection ends without a reply
    says,     ///< `body` comes back, and the unit has never heard of it
    off       ///< the unit loses its supply before the request, for good
  };
  Kind kind = Kind::lost;
  std::string path;  ///< of the request: "/set_config", or "FILE"; empty: any
  int skip = 0;      ///< so many of them pass first
  int count = 1;
  std::string body = {};
  bool changes = false;  ///< only what goes out on behalf of a command
};

class CommandRig {
 public:
  struct Config {
    std::string data = "udp";  ///< kind of the first link
    std::string http;          ///< address of the link http; empty: the session opens it itself
    bool fleet = false;
    PluginOptions options = {};
    bool opens = true;  ///< links can be opened
  };
  explicit CommandRig(PluginOptions unit_options = {}) : CommandRig(std::move(unit_options), Config{}) {}
  CommandRig(PluginOptions unit_options, Config config);
  ~CommandRig();
  CommandRig(const CommandRig&) = delete;
  CommandRig& operator=(const CommandRig&) = delete;

  /// Runs a command to its end, at most `limit` of the clock.
  Ended run(std::string_view name, const PluginOptions& arguments = {}, bool dry_run = false,
            std::chrono::nanoseconds limit = 40min);
  /// Hands one in.
  std::uint64_t begin(std::string_view name, const PluginOptions& arguments = {}, bool dry_run = false,
                      DeviceId device = MESURA_PRIMARY_DEVICE);
  [[nodiscard]] Ended ended(std::uint64_t id) const;
  void cancel(std::uint64_t id);
  void advance(std::chrono::nanoseconds by);
  /// Until a request for this path has gone out.
  bool until_asked(std::string_view path, std::chrono::nanoseconds limit = 5min);

  void trouble(Trouble t) { troubles_.push_back(std::move(t)); }
  void calm() { troubles_.clear(); }
  /// The hand on the unit, as Rig::set and Rig::fault, but while a command is at work.
  void set(std::string name, std::string value);
  void fault(std::string kind, std::int64_t count = 1);
  /// As the core does where it cannot write to the audit log.
  void refuse_writes(bool on) { refuses_writes_ = on; }

  /// Takes requests elsewhere; answer() brings what came of them.
  std::function<bool(std::string_view to, std::string_view bytes)> send_elsewhere;
  /// What the unit does to connections that are not of this rig.
  std::function<void(const PluginEvent& event)> on_foreign_event;
  void answer(std::string_view to, int status, std::string_view body);

  Rig unit;
  std::vector<Sent> wrote;         ///< by send_for, for good
  std::vector<Sent> planned;       ///< by send_for in dry runs
  std::vector<std::string> asked;  ///< `to` of everything that went out, in order
  std::vector<std::string> progress;
  std::vector<std::string> logs;
  std::vector<std::string> opened;  ///< what the session opened
  std::uint64_t frames = 0;         ///< answers of the unit that the session took over UDP
  std::vector<std::string> devices{"device"};

  twin::Value state() { return Rig::json(look("get")); }
  /// A key of the unit's configuration, as JSON.
  std::string config(std::string_view key) { return at(at(state(), "config"), key).dump(); }
  bool has_file(std::string_view path);

 private:
  struct Flight {
    std::string to, peer, bytes;
    std::int64_t began_ns = 0;
    bool lost = false;
    bool hung_up = false;
    std::optional<std::pair<int, std::string>> answer;
    std::int64_t due_ns = 0;
  };
  struct Api;

  std::string look(std::string_view command, const PluginOptions& arguments = {});
  bool send(std::uint32_t link, std::string bytes, std::string to, bool changes);
  Trouble* trouble_for(std::string_view to, bool changes);
  void step(std::chrono::nanoseconds by);
  void take_from_unit();
  void judge_silence();
  void deliver();
  void fire();
  void finish(Flight& flight, int status, std::string body, std::chrono::nanoseconds delay);

  Config config_;
  void* session_ = nullptr;
  std::map<std::uint32_t, std::int64_t> timers_;
  std::map<std::uint64_t, Ended> ended_;
  std::map<std::uint64_t, bool> dry_;
  std::vector<Flight> flights_;
  std::vector<Trouble> troubles_;
  std::vector<std::uint32_t> opening_;
  std::size_t seen_ = 0;  ///< events of the unit
  std::uint64_t next_id_ = 1;
  int next_port_ = 50000;
  bool refuses_writes_ = false;
};

/// "/set_config?A=1" of "GET http://127.0.0.2:80/set_config?A=1".
std::string path_of(std::string_view to);

}  // namespace mesura::ct6::test
