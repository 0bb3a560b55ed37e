// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/status_text.hpp"

#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

namespace mesura::service {

namespace {

/// "12 s", "3 min", "5 h", "2 d": how long ago, in the unit that a person would use.
std::string age(std::int64_t from_ns, std::int64_t now_ns) {
  if (from_ns == 0) return "never";
  const std::int64_t seconds = (now_ns - from_ns) / 1'000'000'000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86'400);
}

void time_or_null(runtime::JsonWriter& json, std::string_view key, std::int64_t ns) {
  json.key(key);
  if (ns == 0)
    json.null();
  else
    json.string(runtime::format_time(ns));
}

void counts(runtime::JsonWriter& json, const pipeline::SinkQueue::Counts& c) {
  json.key("pushed").unsigned_integer(c.pushed);
  json.key("committed").unsigned_integer(c.committed);
  json.key("rejected").unsigned_integer(c.rejected);
  json.key("dropped").unsigned_integer(c.dropped);
  json.key("waiting").unsigned_integer(c.waiting);
  json.key("spooled").unsigned_integer(c.spooled);
  json.key("found").unsigned_integer(c.found);
  json.key("retries").unsigned_integer(c.retries);
}

}  // namespace

std::string status_table(const collector::Collector& collector, const ServiceFacts& facts) {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "mesura {}, process {}, up {}, {}\n\n", facts.version, facts.pid,
                 age(facts.started_ns, facts.now_ns), facts.configuration);
  fmt::format_to(to, "{:<16} {:<12} {:<11} {:>10} {:>10} {:>9} {:>11}  {}\n", "DEVICE", "PLUGIN", "STATE", "LAST FRAME",
                 "FRAMES", "REJECTED", "RECONNECTS", "LINK");
  for (const auto& d : collector.devices()) {
    const auto& h = d.health;
    fmt::format_to(to, "{:<16} {:<12} {:<11} {:>10} {:>10} {:>9} {:>11}  {}\n", (d.fleet.empty() ? "" : "  ") + d.name,
                   d.plugin, to_string(h.state), age(h.last_frame_ns, facts.now_ns), h.frames, h.frames_rejected,
                   h.reconnects, h.link);
    if (!h.error.empty()) fmt::format_to(to, "{:<16} {}\n", "", h.error);
  }
  fmt::format_to(to, "\n{:<16} {:<10} {:>12} {:>10} {:>10} {:>9} {:>9}  {}\n", "SINK", "STATE", "COMMITTED", "WAITING",
                 "SPOOLED", "REJECTED", "DROPPED", "WHERE");
  for (const auto& s : collector.sinks()) {
    const auto& c = s.queue.counts;
    fmt::format_to(to, "{:<16} {:<10} {:>12} {:>10} {:>10} {:>9} {:>9}  {}\n", s.name, to_string(s.queue.state),
                   c.committed, c.waiting, c.spooled, c.rejected, c.dropped, s.where);
    if (s.queue.state == pipeline::SinkQueue::State::failing) fmt::format_to(to, "{:<16} {}\n", "", s.queue.last_error);
    if (!s.queue.spool_error.empty()) fmt::format_to(to, "{:<16} {}\n", "", s.queue.spool_error);
    if (s.queue.dead > 0)
      fmt::format_to(to, "{:<16} {} dead letters: `mesura spool ls {}`\n", "", s.queue.dead, s.name);
  }
  // Nothing, where all is well.
  const auto active = collector.alerts()->active();
  if (!active.empty()) fmt::format_to(to, "\n{:<16} {:<16} {:>10}  {}\n", "ALERT", "KIND", "FOR", "WHAT");
  for (const auto& a : active)
    fmt::format_to(to, "{:<16} {:<16} {:>10}  {}\n", a.rule, a.kind, age(a.since_ns, facts.now_ns), a.message);
  return out;
}

std::string status_json(const collector::Collector& collector, const ServiceFacts& facts) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object();
  json.key("version").string(facts.version);
  json.key("pid").integer(facts.pid);
  json.key("configuration").string(facts.configuration);
  json.key("state").string(facts.state);
  time_or_null(json, "started", facts.started_ns);
  time_or_null(json, "now", facts.now_ns);
  json.key("devices").begin_array();
  for (const auto& d : collector.devices()) {
    const auto& h = d.health;
    json.begin_object();
    json.key("name").string(d.name);
    json.key("plugin").string(d.plugin);
    if (d.is_fleet) json.key("is_fleet").boolean(true);
    if (!d.fleet.empty()) json.key("fleet").string(d.fleet);
    json.key("state").string(to_string(h.state));
    time_or_null(json, "since", h.since_ns);
    time_or_null(json, "last_frame", h.last_frame_ns);
    json.key("frames").unsigned_integer(h.frames);
    json.key("frames_rejected").unsigned_integer(h.frames_rejected);
    json.key("measurements").unsigned_integer(h.measurements);
    json.key("reconnects").unsigned_integer(h.reconnects);
    json.key("bytes").unsigned_integer(h.bytes);
    json.key("link").string(h.link);
    json.key("error").string(h.error);
    json.key("faults").begin_object();
    for (const auto& [code, count] : h.faults) json.key(code).unsigned_integer(count);
    json.end_object();
    json.key("attributes").begin_object();
    for (const auto& [key, value] : h.attributes) json.key(key).string(value);
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.key("sinks").begin_array();
  for (const auto& s : collector.sinks()) {
    json.begin_object();
    json.key("name").string(s.name);
    json.key("where").string(s.where);
    json.key("state").string(to_string(s.queue.state));
    json.key("queue_limit").unsigned_integer(s.queue_limit);
    counts(json, s.queue.counts);
    json.key("spool_bytes").unsigned_integer(s.queue.spool_bytes);
    json.key("spool_error").string(s.queue.spool_error);
    json.key("dead_letters").unsigned_integer(s.queue.dead);
    time_or_null(json, "last_commit", s.queue.last_commit_ns);
    time_or_null(json, "last_error_time", s.queue.last_error_ns);
    json.key("last_error").string(s.queue.last_error);
    json.end_object();
  }
  json.end_array();
  json.key("alerts").begin_array();
  for (const auto& a : collector.alerts()->active()) json.raw(alerts::alert_json(a));
  json.end_array();
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace mesura::service
