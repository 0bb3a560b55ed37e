// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// An inverter and its reader on one line and one clock, with the host's side of commands: what is planned, written and
// replied.
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "axpert_schema.hpp"
#include "config/plugin_schema.hpp"
#include "support/catch.hpp"
#include "support/plugin_harness.hpp"
#include "support/plugin_schema.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace rig {

using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginEvent::Kind;
using Words = std::vector<std::pair<std::string, std::string>>;
using namespace std::chrono_literals;

inline const mesura::config::PluginSchema& schema() {
  static const auto s = mesura::test::accepted_schema(mesura_schema);
  return s;
}

inline const mesura::config::CommandSpec& spec(const std::string& name) {
  for (const auto& c : schema().commands)
    if (c.name == name) return c;
  throw std::runtime_error("no command " + name);
}

/// The arguments as the core would hand them over, with their types and defaults.
inline PluginOptions arguments(const std::string& command, const Words& words) {
  using mesura::config::Type;
  PluginOptions out;
  for (const auto& field : spec(command).arguments) {
    const auto given = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == field.name; });
    if (given == words.end() && !field.fallback) continue;
    const std::string value = given != words.end() ? given->second : *field.fallback;
    switch (field.schema.type) {
      case Type::integer: out.integer(field.name, std::stoll(value)); break;
      case Type::number: out.number(field.name, std::stod(value)); break;
      default: out.text(field.name, value); break;
    }
  }
  return out;
}

struct Reply {
  std::uint64_t id = 0;
  std::uint32_t status = 0;
  std::string message, json, bytes;
};

class Rig {
 public:
  explicit Rig(PluginOptions twin_options, bool hid = false, PluginOptions options = {})
      : link_(hid ? 1 : 0),
        twin_(*mesura_plugin_query(nullptr, nullptr)->virtual_device, std::move(twin_options),
              config({{hid ? "" : "pty", ""}, {hid ? "seqpacket_listen" : "", ""}})),
        reader_((making() = this, shim()), std::move(options), config({{hid ? "hid" : "serial", ""}})) {
    twin_.open(link_);
    reader_.open();
  }
  ~Rig() { rigs().erase(host_); }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  static Rig of(const std::string& model, bool hid = false, const Words& more = {}) {
    PluginOptions o;
    o.text("model", model).text("profile", "constant:500").duration("latency", 0s).duration("latency_min", 0s);
    o.duration("report_interval", 0s);
    for (const auto& [name, value] : more) o.integer(name, std::stoll(value));
    return Rig{std::move(o), hid};
  }

  /// Until nothing moves at this instant.
  void carry() {
    for (bool moved = true; moved;) {
      moved = false;
      const auto& asked = reader_.events();
      for (; asked_ < asked.size(); ++asked_) {
        if (asked[asked_].kind != Kind::sent) continue;
        const std::string bytes = asked[asked_].text;
        note(bytes);
        if (!gone_) twin_.bytes(bytes, link_);
        moved = true;
      }
      const auto& told = twin_.events();
      for (; told_ < told.size(); ++told_) {
        if (told[told_].kind == Kind::reopened) lose();
        if (told[told_].kind != Kind::sent || gone_) continue;
        const std::string bytes = told[told_].text;
        reader_.bytes(bytes);
        moved = true;
      }
    }
  }

  void run(std::chrono::nanoseconds time, std::chrono::nanoseconds step = 5ms) {
    for (auto t = 0ns; t < time; t += step) {
      carry();
      reader_.advance(step);
      twin_.advance(step);
    }
    carry();
  }

  /// The line is cut.
  void lose() {
    if (gone_) return;
    gone_ = true;
    reader_.close(false, 0, "device gone");
  }

  std::uint64_t ask(const std::string& name, const Words& words = {}, bool dry_run = false) {
    const std::uint64_t id = ++last_id_;
    dry_[id] = dry_run;
    const PluginOptions args = arguments(name, words);
    const auto& abi = args.abi();
    mesura_request request{};
    request.struct_size = sizeof request;
    request.id = id;
    request.command = {name.data(), name.size()};
    request.arguments = abi.data();
    request.argument_count = abi.size();
    request.dry_run = dry_run ? 1 : 0;
    mesura_error error{};
    error.struct_size = sizeof error;
    REQUIRE(real().session->on_command(session_, &request, &error) == 0);
    return id;
  }
  void cancel(std::uint64_t id) {
    mesura_error error{};
    error.struct_size = sizeof error;
    REQUIRE(real().session->on_cancel(session_, id, reader_.now_ns(), &error) == 0);
  }
  /// Asks and waits.
  Reply command(const std::string& name, const Words& words = {}, bool dry_run = false) {
    return wait(ask(name, words, dry_run));
  }
  Reply wait(std::uint64_t id, std::chrono::nanoseconds most = 90s) {
    for (auto t = 0ns; t < most; t += 5ms) {
      carry();
      for (const Reply& r : replies)
        if (r.id == id) return r;
      reader_.advance(5ms);
      twin_.advance(5ms);
    }
    INFO("command " << id);
    FAIL("no reply");
    return {};
  }

  void fault(const std::string& kind, int count = 1, std::chrono::nanoseconds lasting = 0ns) {
    PluginOptions args;
    args.text("kind", kind).integer("count", count);
    if (lasting > 0ns) args.duration("duration", lasting);
    twin_.command("fault", args);
  }
  void set(const std::string& name, const std::string& value) {
    twin_.command("set", PluginOptions{}.text("name", name).text("value", value));
  }
  /// The twin's whole state.
  std::string state() {
    twin_.command("get", {});
    return twin_.events(Kind::reply).back().text;
  }

  [[nodiscard]] const PluginHarness& reader() const { return reader_; }
  [[nodiscard]] std::string written(std::uint64_t id) const { return found(written_, id); }
  [[nodiscard]] std::string planned(std::uint64_t id) const { return found(planned_, id); }
  [[nodiscard]] std::string first_written(std::uint64_t id) const {
    const std::string all = written(id);
    return all.substr(0, all.find('\r') + 1);
  }

  std::vector<Reply> replies;
  std::vector<std::string> requests;  ///< as the twin gets them, with CRC and CR
  std::vector<std::string> reports;   ///< pieces of what was written
  std::vector<std::string> progress;
  std::function<void()> on_write;      ///< called once, before the first byte of what changes the device
  std::function<void()> on_read_back;  ///< called once, when ACK or its lack is known
  bool link_takes = true;

 private:
  static PluginHarness::Config config(std::vector<std::pair<std::string, std::string>> links) {
    PluginHarness::Config c;
    c.live = true;
    c.links = std::move(links);
    return c;
  }
  static std::string found(const std::map<std::uint64_t, std::string>& map, std::uint64_t id) {
    const auto it = map.find(id);
    return it == map.end() ? std::string{} : it->second;
  }
  void note(const std::string& bytes) {
    request_ += bytes;
    const std::size_t end = request_.find('\r');
    if (end == std::string::npos) return;
    requests.push_back(request_.substr(0, end + 1));
    request_.clear();
  }

  // The plugin with the newest members of the host's table put in.
  static const mesura_plugin& real() { return *mesura_plugin_query(nullptr, nullptr); }
  static Rig*& making() {
    static Rig* rig = nullptr;
    return rig;
  }
  static std::map<mesura_host*, Rig*>& rigs() {
    static std::map<mesura_host*, Rig*> all;
    return all;
  }
  static const mesura_host_api*& base() {
    static const mesura_host_api* api = nullptr;
    return api;
  }
  static void on_reply(mesura_host* host, std::uint64_t id, const mesura_reply* r) {
    const auto text = [](const char* data, std::size_t size) { return data != nullptr ? std::string{data, size} : ""; };
    simdjson::dom::parser parser;
    const std::string json = text(r->json.data, r->json.size);
    INFO(json);
    if (!json.empty()) CHECK(parser.parse(json).error() == simdjson::SUCCESS);
    rigs().at(host)->replies.push_back({id, r->status, text(r->message.data, r->message.size),
                                        text(r->json.data, r->json.size),
                                        text(reinterpret_cast<const char*>(r->bytes.data), r->bytes.size)});
  }
  static void on_progress(mesura_host* host, std::uint64_t, std::uint64_t, std::uint64_t, mesura_str text) {
    Rig& r = *rigs().at(host);
    r.progress.emplace_back(text.data, text.size);
    if (!r.progress.back().starts_with("reading back")) return;
    if (auto hook = std::exchange(r.on_read_back, {})) hook();
  }
  static std::int32_t on_send_for(mesura_host* host, std::uint64_t id, std::uint32_t link, mesura_bytes bytes,
                                  mesura_str to) {
    Rig& r = *rigs().at(host);
    const auto known = r.dry_.find(id);
    const bool over =
        std::any_of(r.replies.begin(), r.replies.end(), [&](const Reply& reply) { return reply.id == id; });
    if (known == r.dry_.end() || over || !r.link_takes) return -1;
    const std::string text{reinterpret_cast<const char*>(bytes.data), bytes.size};
    if (known->second) {
      r.planned_[id] += text;
      return 0;
    }
    if (auto hook = std::exchange(r.on_write, {})) hook();
    r.written_[id] += text;
    r.reports.push_back(text);
    return base()->send(host, link, bytes, to);
  }
  static void* create(mesura_host* host, const mesura_host_api* api, const mesura_session_info* info,
                      mesura_error* error) {
    static mesura_host_api table;
    base() = api;
    table = *api;
    table.send_for = &on_send_for;
    table.progress = &on_progress;
    table.reply = &on_reply;
    Rig* rig = making();
    rig->host_ = host;
    rigs()[host] = rig;
    return rig->session_ = real().session->create(host, &table, info, error);
  }
  static const mesura_plugin& shim() {
    static const mesura_session_api session = [] {
      mesura_session_api s = *real().session;
      s.create = &create;
      return s;
    }();
    static const mesura_plugin plugin = [] {
      mesura_plugin p = real();
      p.session = &session;
      return p;
    }();
    return plugin;
  }

  std::uint32_t link_;
  mesura_host* host_ = nullptr;
  void* session_ = nullptr;
  std::map<std::uint64_t, bool> dry_;
  std::map<std::uint64_t, std::string> written_, planned_;
  std::string request_;
  std::uint64_t last_id_ = 0;
  std::size_t asked_ = 0, told_ = 0;
  bool gone_ = false;
  PluginHarness twin_;
  PluginHarness reader_;
};

}  // namespace rig
