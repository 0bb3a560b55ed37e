// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include "http/api/exposition.hpp"
#include "http/api/process_facts.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace mesura::http::api {

namespace {

double seconds(std::int64_t time_ns) { return static_cast<double>(time_ns) / 1e9; }

/// "active_power_w": as the flat name, without the channel, which is a label.
std::string metric_name(const SeriesInfo& info) {
  const std::string& flat = info.flat_name;
  const bool fits = flat.compare(0, info.channel.size(), info.channel) == 0 && flat.size() > info.channel.size() &&
                    flat[info.channel.size()] == '_';
  std::string name = "mesura_" + (fits ? flat.substr(info.channel.size() + 1) : info.quantity);
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'); },
      '_');
  return name;
}

std::string help(const SeriesInfo& info) {
  std::string text = info.quantity;
  std::replace(text.begin(), text.end(), '_', ' ');
  return info.unit == "1" ? text : text + " in " + info.unit;
}

/// Names of devices whose values are of the past: their metrics are absent, as Prometheus wants it.
std::set<std::string, std::less<>> silent(const Snapshot& snapshot) {
  std::set<std::string, std::less<>> names;
  for (const auto& device : snapshot.devices)
    if (device.health.state == session::State::stale || device.health.state == session::State::failed)
      names.insert(device.name);
  return names;
}

void append_measurements(Exposition& out, const Call& call, const Snapshot& snapshot, Newest& newest) {
  const auto quiet = silent(snapshot);
  const SeriesTable& table = call.parts.live->series();
  for (const auto& value : newest.values()) {
    const SeriesInfo& info = table.at(value.series);
    if (quiet.contains(info.device)) continue;
    if (!snapshot.sources.contains(info.fleet.empty() ? info.device : info.fleet)) continue;  // no longer configured
    if (value.measurement.type == MESURA_TEXT) {
      out.gauge("mesura_text_info", "a text that a device sends, as a label; always 1",
                {{"device", info.device},
                 {"channel", info.channel},
                 {"quantity", info.quantity},
                 {"label", info.label},
                 {"role", info.role},
                 {"text", value.text}},
                1);
      continue;
    }
    const bool counter = info.kind == Kind::reg;
    out.add(metric_name(info) + (counter ? "_total" : ""),
            counter ? Exposition::Type::counter : Exposition::Type::gauge, help(info),
            {{"device", info.device},
             {"channel", info.channel},
             {"quantity", info.quantity},
             {"unit", info.unit == "1" ? "" : info.unit},
             {"label", info.label},
             {"role", info.role}},
            value.measurement.number);
  }
}

void append_devices(Exposition& out, const Snapshot& snapshot) {
  using session::State;
  for (const auto& device : snapshot.devices) {
    const auto& h = device.health;
    const std::string& name = device.name;
    out.gauge("mesura_device_up", "1 while verified frames come", {{"device", name}, {"plugin", device.plugin}},
              h.state == State::live ? 1 : 0);
    for (const State state : {State::connecting, State::live, State::stale, State::failed, State::finished})
      out.gauge("mesura_device_state", "1 for the state that the device is in",
                {{"device", name}, {"state", to_string(state)}}, h.state == state ? 1 : 0);
    if (h.last_frame_ns != 0) {
      out.gauge("mesura_device_last_frame_timestamp_seconds", "when the last verified frame came", {{"device", name}},
                seconds(h.last_frame_ns));
      out.gauge("mesura_device_last_frame_age_seconds", "time since the last verified frame", {{"device", name}},
                std::max(0.0, seconds(snapshot.taken_ns - h.last_frame_ns)));
    }
    const auto count = [&](std::string_view metric, std::string_view text, std::uint64_t value) {
      out.counter(metric, text, {{"device", name}}, static_cast<double>(value));
    };
    count("mesura_device_frames_total", "verified frames", h.frames);
    count("mesura_device_frames_rejected_total", "frames that were refused (checksum, form)", h.frames_rejected);
    count("mesura_device_measurements_total", "measurements made of frames", h.measurements);
    count("mesura_device_reconnects_total", "times that a link opened again", h.reconnects);
    count("mesura_device_received_bytes_total", "bytes received", h.bytes);
    for (const auto& [code, faults] : h.faults)
      out.counter("mesura_device_faults_total", "what went wrong, by code", {{"device", name}, {"code", code}},
                  static_cast<double>(faults));
  }
}

void append_sinks(Exposition& out, const Snapshot& snapshot) {
  using State = pipeline::SinkQueue::State;
  for (const auto& sink : snapshot.sinks) {
    const auto& q = sink.queue;
    const std::string& name = sink.name;
    out.gauge("mesura_sink_up", "1 while the sink takes what it is given", {{"sink", name}},
              q.state == State::ready || q.state == State::idle ? 1 : 0);
    const auto value = [&](std::string_view metric, std::string_view text, std::uint64_t number) {
      out.gauge(metric, text, {{"sink", name}}, static_cast<double>(number));
    };
    value("mesura_sink_queue_measurements", "measurements that wait in memory", q.counts.waiting);
    value("mesura_sink_queue_limit_measurements", "measurements that may wait in memory", sink.queue_limit);
    value("mesura_sink_spool_measurements", "measurements that wait on disk", q.counts.spooled);
    value("mesura_sink_spool_bytes", "size of the spool", q.spool_bytes);
    value("mesura_sink_dead_letters", "measurements that the sink will never take", q.dead);
    const auto count = [&](std::string_view metric, std::string_view text, std::uint64_t number) {
      out.counter(metric, text, {{"sink", name}}, static_cast<double>(number));
    };
    count("mesura_sink_pushed_total", "measurements handed to the sink's queue", q.counts.pushed);
    count("mesura_sink_committed_total", "measurements that the sink has confirmed", q.counts.committed);
    count("mesura_sink_rejected_total", "measurements that the sink has refused", q.counts.rejected);
    count("mesura_sink_dropped_total", "measurements lost to a full queue", q.counts.dropped);
    count("mesura_sink_retries_total", "failed tries to open or write", q.counts.retries);
    if (q.last_commit_ns != 0)
      out.gauge("mesura_sink_last_commit_timestamp_seconds", "when the sink last confirmed", {{"sink", name}},
                seconds(q.last_commit_ns));
  }
}

void append_process(Exposition& out, const Snapshot& snapshot, const Live& live) {
  const ProcessFacts facts = process_facts();
  out.gauge("mesura_build_info", "version of the program; always 1", {{"version", snapshot.version}}, 1);
  out.gauge("process_start_time_seconds", "when the process started", {}, seconds(snapshot.started_ns));
  out.counter("process_cpu_seconds_total", "processor time, user and system", {}, facts.cpu_s);
  out.gauge("process_resident_memory_bytes", "memory in use", {}, static_cast<double>(facts.resident_bytes));
  out.gauge("process_open_fds", "open file descriptors", {}, static_cast<double>(facts.open_files));
  out.gauge("process_max_fds", "file descriptors that may be open", {}, static_cast<double>(facts.most_files));
  out.gauge("process_threads", "threads", {}, static_cast<double>(facts.threads));
  out.counter("mesura_batches_total", "telegrams collected", {}, static_cast<double>(live.newest_id()));
  for (const auto& alert : snapshot.alerts)
    out.gauge("mesura_alert_active", "1 for every alert that is active",
              {{"rule", alert.rule}, {"kind", alert.kind}, {"subject", alert.subject}}, 1);
}

Response print(const Call& call, Newest& newest) {
  const auto snapshot = call.snapshot();
  Exposition out;
  append_measurements(out, call, *snapshot, newest);
  append_devices(out, *snapshot);
  append_sinks(out, *snapshot);
  append_process(out, *snapshot, *call.parts.live);
  Response response;
  response.etag = false;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (call.parts.server_metrics) call.parts.server_metrics(out);
  response.body = out.text();
  return response;
}

}  // namespace

Endpoint metrics_endpoint(std::shared_ptr<Newest> newest) {
  Endpoint e;
  e.path = "/metrics";
  e.summary = "Measurements and the program's own health, for Prometheus";
  e.details =
      "Registers are counters. Values of devices that are stale or failed are absent: mesura_device_up tells of them.";
  e.answers = {{200, "text format 0.0.4", {"text/plain"}, {}}};
  e.errors = {503};
  e.handler = [newest = std::move(newest)](const Call& call) { return print(call, *newest); };
  return e;
}

}  // namespace mesura::http::api
