// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A session of the plugin and one of the virtual meter on one virtual clock, and a host that takes commands.
#pragma once

#include "config/plugin_schema.hpp"
#include "tests/support.hpp"

#include "smartmeter_schema.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace smartmeter_test {

inline const std::vector<mesura::config::CommandSpec>& command_specs() {
  static const auto specs = mesura::config::parse_plugin_schema(mesura_schema, "schema.yaml").schema->commands;
  return specs;
}
inline const mesura::config::CommandSpec* command_spec(std::string_view name) {
  for (const auto& spec : command_specs())
    if (spec.name == name) return &spec;
  return nullptr;
}

/// What became of a command.
struct Outcome {
  int replies = 0;
  std::uint32_t status = 99;
  std::string message, json, bytes;
};

/// The host's table with what the harness lacks: commands with numbers of their own, send_for, progress.
class Tap {
 public:
  explicit Tap(const mesura_plugin& real) : real_(real), session_api_(*real.session), plugin_(real) {
    session_api_.create = &create;
    plugin_.session = &session_api_;
    making() = this;
  }
  ~Tap() { taps().erase(host_); }
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  [[nodiscard]] const mesura_plugin& plugin() const { return plugin_; }

  std::uint64_t command(std::string_view name, const PluginOptions& arguments, bool dry_run, std::uint32_t device) {
    const auto& abi = arguments.abi();
    mesura_request request{};
    request.struct_size = sizeof request;
    request.device = device;
    request.id = ++last_id_;
    request.command = {name.data(), name.size()};
    request.arguments = abi.data();
    request.argument_count = abi.size();
    request.dry_run = dry_run ? 1 : 0;
    const auto* spec = command_spec(name);
    open_[last_id_] = {dry_run, spec == nullptr || spec->danger == mesura::config::Danger::read};
    mesura_error error{};
    error.struct_size = sizeof error;
    if (real_.session->on_command(session_, &request, &error) != 0)
      throw std::runtime_error(std::string(error.message, error.size));
    return last_id_;
  }
  void cancel(std::uint64_t id, std::int64_t now_ns) {
    mesura_error error{};
    error.struct_size = sizeof error;
    if (real_.session->on_cancel(session_, id, now_ns, &error) != 0)
      throw std::runtime_error(std::string(error.message, error.size));
  }

  std::map<std::uint64_t, Outcome> outcomes;
  Lines told, told_to;  ///< through send_for
  Lines planned;        ///< of dry runs
  Lines progress;
  int forbidden = 0;  ///< send_for of commands that may change nothing
  bool deaf = false;  ///< nothing can be sent

 private:
  struct Open {
    bool dry_run, reads;
  };
  static Tap*& making() {
    static Tap* tap = nullptr;
    return tap;
  }
  static std::map<mesura_host*, Tap*>& taps() {
    static std::map<mesura_host*, Tap*> all;
    return all;
  }
  static void* create(mesura_host* host, const mesura_host_api* api, const mesura_session_info* info,
                      mesura_error* error) {
    Tap* const tap = making();
    tap->host_ = host;
    tap->below_ = api;
    taps()[host] = tap;
    tap->table_ = *api;
    tap->table_.struct_size = sizeof tap->table_;
    tap->table_.send = [](mesura_host* h, std::uint32_t link, mesura_bytes bytes, mesura_str to) -> std::int32_t {
      return taps()[h]->deaf ? -1 : taps()[h]->below_->send(h, link, bytes, to);
    };
    tap->table_.send_for = &send_for;
    tap->table_.progress = [](mesura_host* h, std::uint64_t, std::uint64_t, std::uint64_t, mesura_str text) {
      taps()[h]->progress.emplace_back(text.data, text.size);
    };
    tap->table_.reply = [](mesura_host* h, std::uint64_t id, const mesura_reply* reply) {
      Outcome& o = taps()[h]->outcomes[id];
      ++o.replies;
      o.status = reply->status;
      o.message.assign(reply->message.data, reply->message.size);
      o.json.assign(reply->json.data, reply->json.size);
      o.bytes.assign(reinterpret_cast<const char*>(reply->bytes.data), reply->bytes.size);
      taps()[h]->open_.erase(id);
    };
    tap->session_ = tap->real_.session->create(host, &tap->table_, info, error);
    return tap->session_;
  }
  static std::int32_t send_for(mesura_host* h, std::uint64_t id, std::uint32_t link, mesura_bytes bytes,
                               mesura_str to) {
    Tap& tap = *taps()[h];
    const auto open = tap.open_.find(id);
    if (open == tap.open_.end()) return -1;
    if (open->second.reads) {
      ++tap.forbidden;
      return -1;
    }
    std::string text(reinterpret_cast<const char*>(bytes.data), bytes.size);
    if (open->second.dry_run) {
      tap.planned.push_back(text);
      return 0;
    }
    if (tap.deaf) return -1;
    tap.told.push_back(std::move(text));
    tap.told_to.emplace_back(to.data, to.size);
    return tap.below_->send(h, link, bytes, to);
  }

  const mesura_plugin& real_;
  mesura_session_api session_api_;
  mesura_plugin plugin_;
  mesura_host_api table_{};
  const mesura_host_api* below_ = nullptr;
  mesura_host* host_ = nullptr;
  void* session_ = nullptr;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Open> open_;
};

enum class Way { tcp, dial_in, mqtt, serial };

class CommandBench {
 public:
  explicit CommandBench(PluginOptions meter = {}, PluginOptions options = {}, Way way = Way::tcp)
      : way_(way),
        twin_(*plugin().virtual_device, with_broker(std::move(meter), way), twin_config(way)),
        tap_(plugin()),
        session_(tap_.plugin(), std::move(options), session_config(way)) {
    twin_.open();
    session_.open();
    if (way == Way::mqtt) twin_.open(kBroker);
    join();
    advance(300ms);
  }

  /// Runs a command to its end, or for two minutes of the virtual clock.
  Outcome run(std::string_view name, const PluginOptions& arguments = {}, bool dry_run = false) {
    const std::uint64_t id = begin(name, arguments, dry_run);
    return finish(id);
  }
  std::uint64_t begin(std::string_view name, const PluginOptions& arguments = {}, bool dry_run = false) {
    asked.clear();
    tap_.told.clear();
    tap_.planned.clear();
    return tap_.command(name, arguments, dry_run, device());
  }
  Outcome finish(std::uint64_t id, std::chrono::milliseconds most = 125s) {
    auto passed = 0ms;
    while (tap_.outcomes[id].replies == 0 && passed < most) {
      const auto step = passed < 3s ? 10ms : 100ms;
      advance(step, step);
      passed += step;
    }
    advance(20ms);
    return tap_.outcomes[id];
  }
  void advance(std::chrono::milliseconds time, std::chrono::milliseconds step = 10ms) {
    for (auto passed = 0ms; passed < time; passed += step) {
      twin_.advance(step);
      carry();
      session_.advance(step);
      carry();
      if (rejoin_at_ != 0 && session_.now_ns() >= rejoin_at_) join();
    }
  }
  /// The connection breaks; it is there again after `away`.
  void cut(std::chrono::milliseconds pause = 1s) {
    if (!joined_) return;
    leave(true);
    rejoin_at_ = session_.now_ns() + std::chrono::nanoseconds{pause}.count();
  }
  void set(const std::string& name, const std::string& value) {
    twin_.command("set", PluginOptions{}.text("name", name).text("value", value));
    carry();
  }
  /// The events of both were cleared.
  void rewind() { session_seen_ = twin_seen_ = 0; }
  [[nodiscard]] std::uint32_t device() const { return session_.devices().size() > 1 ? 1 : 0; }

  PluginHarness& session() { return session_; }
  PluginHarness& twin() { return twin_; }
  Tap& tap() { return tap_; }

  Lines asked;                                           ///< lines that the device got since begin()
  std::function<std::string(const std::string&)> alter;  ///< of each piece that the device says
  std::function<bool(const std::string&)> swallow;       ///< of each line to the device: true: it is lost
  std::function<void(const std::string&)> overheard;     ///< of each line to the device, before it gets there
  std::chrono::milliseconds away = 4s;                   ///< after the device has dropped the connection
  bool comes_back = true;

 private:
  static constexpr const char* kPeer = "127.0.0.1:4000";
  static constexpr std::uint32_t kBroker = 4;

  static PluginOptions with_broker(PluginOptions meter, Way way) {
    meter.duration("accept", 0s);
    if (way == Way::mqtt) meter.text("broker", "127.0.0.1");
    return meter;
  }
  static PluginHarness::Config twin_config(Way way) {
    PluginHarness::Config config;
    config.live = true;
    config.now_ns = kStart - 3'000'000'000;
    config.links = {
        {way == Way::serial ? "pty" : "tcp_listen", "127.0.0.2:54321"}, {"", ""}, {"udp", ""}, {"", ""}, {"mqtt", ""}};
    return config;
  }
  static PluginHarness::Config session_config(Way way) {
    switch (way) {
      case Way::tcp: return live("tcp", "127.0.0.2:54321");
      case Way::serial: return live("serial", "/dev/ttyUSB0");
      case Way::mqtt: {
        auto config = live("mqtt", "127.0.0.1:1883");
        config.fleet = true;
        return config;
      }
      default: break;
    }
    auto config = live("tcp_listen", "0.0.0.0:54322");
    config.fleet = true;
    return config;
  }

  void join() {
    rejoin_at_ = 0;
    joined_ = true;
    if (way_ == Way::mqtt) return;
    if (way_ == Way::dial_in) session_.peer(peer(), true);
    if (way_ == Way::tcp && closed_) session_.open();
    closed_ = false;
    if (way_ != Way::serial) twin_.peer(peer(), true);
    carry();
  }
  void leave(bool tell_twin) {
    joined_ = false;
    const std::string gone = peer();
    ++connections_;
    if (tell_twin && way_ != Way::serial && way_ != Way::mqtt) twin_.peer(gone, false);
    if (way_ == Way::dial_in) {
      session_.peer(gone, false);
    } else {
      closed_ = true;
      session_.close(false);
      if (way_ == Way::mqtt || way_ == Way::serial) {
        session_.open();
        closed_ = false;
      }
    }
  }
  [[nodiscard]] std::string peer() const {
    return way_ == Way::serial ? "" : "127.0.0.1:" + std::to_string(4000 + connections_);
  }

  void to_twin(const PluginEvent& e) {
    for (std::size_t at = 0; at < e.text.size();) {
      const std::size_t end = std::min(e.text.find('\n', at), e.text.size() - 1) + 1;
      const std::string line = e.text.substr(at, end - at);
      at = end;
      if (!line.starts_with('!')) asked.push_back(line);
      if (overheard) overheard(line);
      if ((swallow && swallow(line)) || !joined_) continue;
      PluginHarness::From from;
      from.peer = peer();
      if (way_ == Way::mqtt) {
        from.peer.clear();
        from.topic = e.to;
        twin_.bytes(line, from, kBroker);
      } else {
        twin_.bytes(line, from);
      }
    }
  }
  void to_session(const PluginEvent& e) {
    if (!joined_) return;
    const std::string text = alter ? alter(e.text) : e.text;
    if (text.empty()) return;
    PluginHarness::From from;
    from.peer = way_ == Way::dial_in ? peer() : "127.0.0.2:54321";
    if (way_ == Way::mqtt) from.topic = e.to;
    session_.bytes(text, from);
  }
  void carry() {
    for (bool more = true; more;) {
      more = false;
      for (; session_seen_ < session_.events().size(); ++session_seen_) {
        const PluginEvent e = session_.events()[session_seen_];
        if (e.kind == Kind::sent && e.link == 0) to_twin(e);
        if (e.kind == Kind::reopened || e.kind == Kind::dropped) cut();
        more = more || e.kind == Kind::sent;
      }
      for (; twin_seen_ < twin_.events().size(); ++twin_seen_) {
        const PluginEvent e = twin_.events()[twin_seen_];
        if (e.kind == Kind::sent && e.link == (way_ == Way::mqtt ? kBroker : 0U)) to_session(e);
        if (e.kind == Kind::dropped && joined_ && way_ != Way::serial && way_ != Way::mqtt) {
          leave(false);
          if (comes_back) rejoin_at_ = session_.now_ns() + std::chrono::nanoseconds{away}.count();
        }
        if (e.kind == Kind::opened && e.link == kBroker && started_) twin_.open(kBroker);
        more = more || e.kind == Kind::sent;
      }
      started_ = true;
    }
  }

  Way way_;
  PluginHarness twin_;
  Tap tap_;
  PluginHarness session_;
  std::size_t session_seen_ = 0, twin_seen_ = 0;
  int connections_ = 0;
  std::int64_t rejoin_at_ = 0;
  bool joined_ = false, closed_ = false, started_ = false;
};

}  // namespace smartmeter_test
