// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter's runs: what may be sampled, how a run begins and ends.
#include <fmt/format.h>

#include <algorithm>

#include "virtual_meter.hpp"
#include "virtual_time.hpp"
#include "virtual_wiring.hpp"

namespace mesura::smartmeter {

using namespace twin;

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr LinkId kNoLink = UINT32_MAX;

/// The address in front of a port.
std::string_view host_part(std::string_view peer) { return peer.substr(0, peer.rfind(':')); }

}  // namespace

const VirtualSmartMeter::Client* VirtualSmartMeter::raw_client() const {
  for (const auto& client : clients_)
    if (client->link == kRaw) return client.get();
  return nullptr;
}

std::string VirtualSmartMeter::check_sink(SampleRequest& request) const {
  constexpr std::int64_t kHighestPort = 80'000;  // the firmware checks this number and lets 65536 wrap to 0
  if (request.type == "UDP") {
    request.sink = Sink::udp;
    if (request.port <= 0 || request.port > kHighestPort) return fmt::format("Unsupported UDP port{}", request.port);
  } else if (request.type == "FFMPEG") {
    request.sink = Sink::raw;
    request.prefix = false;
    if (raw_client() == nullptr) return "Could not connect to TCP stream";
  } else if (request.type == "Serial") {
    request.sink = Sink::serial;
  } else if (request.type == "MQTT") {
    request.sink = Sink::mqtt;
  } else if (request.type != "TCP") {
    return fmt::format("Unsupported sampling type: {}", request.type);
  }
  return {};
}

std::variant<SampleRequest, std::string> VirtualSmartMeter::check(const Json& payload) const {
  SampleRequest request;
  const Json& type = payload["type"];
  request.rate = payload["rate"].integer();
  if (!type.is_text() || request.rate == 0) {
    std::string message = "Not a valid \"sample\" command";
    if (!type.is_text()) message += ", \"type\" missing";
    if (request.rate == 0) message += ", \"rate\" missing";
    return message;
  }
  request.type = type.text();
  const std::string& measures = payload["measures"].text();
  request.measures = find_measures(settings_.model, measures);
  if (request.measures == nullptr) return "Unsupported measures" + measures;
  if (!rate_allowed(settings_.model, *request.measures, request.rate)) {
    if (request.measures->latched && request.rate > 0)
      return fmt::format("SamplingRate cannot be higher than 50Hz in latch mode: {} sampling", measures);
    return fmt::format("SamplingRate could not be set to {}", request.rate);
  }
  if (payload["prefix"].exists()) request.prefix = payload["prefix"].boolean();
  request.flow_control = payload["flowCtr"].boolean();
  request.port = payload["port"].integer();
  if (std::string refusal = check_sink(request); !refusal.empty()) return refusal;
  if (const Json& slot = payload["slot"]; slot.type() == Json::Type::list) {
    request.slot = {0, 0};
    if (slot.items().size() >= 2) request.slot = {slot.items()[0].integer(), slot.items()[1].integer()};
  }
  if (payload["time"].exists()) request.time = payload["time"].integer();
  return request;
}

std::string VirtualSmartMeter::sample_json(const SampleRequest& request, std::int64_t start_ns,
                                           std::string_view message, bool accepted) const {
  const Measures& m = *request.measures;
  JsonObject out;
  out.boolean("error", !accepted).text("cmd", "sample");
  if (request.sink == Sink::udp) out.integer("port", request.port);
  if (request.slot) out.raw("slot", fmt::format("[{},{}]", request.slot->first, request.slot->second));
  out.text("measures", m.reply);
  out.integer("chunksize", static_cast<std::int64_t>(chunk_bytes(request.sink, request.rate, m.row_bytes())));
  out.integer("samplingrate", request.rate).text("conn_type", request.type);
  out.integer("measurements", static_cast<std::int64_t>(m.channels.size())).boolean("prefix", request.prefix);
  out.boolean("flowCtr", request.flow_control).text("unit", m.unit);
  if (accepted) out.text("startTs", unix_form(start_ns));
  if (!message.empty()) out.text("msg", message);
  return out.take();
}

VirtualSmartMeter::Client* VirtualSmartMeter::owner_for(Sink sink, Asker asker) {
  if (sink == Sink::mqtt) return nullptr;
  if (sink == Sink::raw) {
    const Client* raw = raw_client();
    return raw != nullptr ? find(raw->id) : nullptr;
  }
  if (sink == Sink::serial) {
    Client* client = find(kCommand, {});
    return client != nullptr && !is_tcp(*client) ? client : nullptr;
  }
  Client* client = find(asker);
  return client != nullptr && is_tcp(*client) ? client : last_tcp_client();
}

Run VirtualSmartMeter::make_run(SampleRequest request, std::int64_t start_ns, const Client* owner) {
  const Measures* rows = request.measures;
  // A scheduled latched run starts as a waveform run by mistake.
  if (settings_.quirks && request.time && rows->latched) rows = find_measures(settings_.model, {});
  const std::int64_t rate = request.rate;
  Run run{std::move(request), RowWriter{signal_, *rows, rate, house_second(start_ns)}, start_ns, settings_.compression};
  run.owner_link = owner != nullptr ? owner->link : kNoLink;
  if (owner == nullptr) return run;
  run.owner = owner->peer;
  if (run.request.sink == Sink::udp)
    run.destination =
        fmt::format("{}:{}", owner->link == kDial ? stream_server_ : host_part(owner->peer), run.request.port % 65'536);
  return run;
}

void VirtualSmartMeter::sample(Asker asker, const Json& document) {
  auto checked = check(document["payload"]);
  if (const auto* refusal = std::get_if<std::string>(&checked)) return refuse(asker, "sample", *refusal);
  const auto& request = std::get<SampleRequest>(checked);
  const Client* owner = owner_for(request.sink, asker);
  if (owner == nullptr && (request.sink == Sink::tcp || request.sink == Sink::udp))
    return refuse(asker, "sample", "Could not connect to TCP stream");
  if (request.sink == Sink::udp) open_udp();
  if (request.time) return schedule_run(asker, request);
  // Row 0 belongs to the time in the reply, which has milliseconds.
  const std::int64_t start = floor_to(device_ns(), kMillisecond);
  Run run = make_run(request, start - offset_, owner);
  reply(asker, sample_json(request, start, {}, true));
  if (run_) {  // the raw stream goes on with other rows
    out_.clear();
    run_.reset();
  }
  begin(std::move(run));
}

void VirtualSmartMeter::schedule_run(Asker asker, const SampleRequest& request) {
  constexpr std::int64_t kSoonest = 500, kLatest = 20'000;
  const std::int64_t wanted = std::clamp<std::int64_t>(*request.time, 0, 9'000'000'000);
  const std::int64_t start = wanted * kSecond;
  const std::int64_t delta = wanted * 1000 - floor_to(device_ns(), kMillisecond) / kMillisecond;
  const std::string at = fmt::format("Should sample at: {}", long_form(start));
  if (delta < kSoonest || delta > kLatest) {
    // The firmware's number has 32 bits and no sign.
    const auto shown = static_cast<std::uint32_t>(delta);
    reply(asker, sample_json(request, 0, fmt::format("{}//nCannot start sampling in: {}ms", at, shown), false));
    return;
  }
  scheduled_.emplace(make_run(request, start - offset_, owner_for(request.sink, asker)));
  reply(asker, sample_json(request, start, fmt::format("{}//nStart sampling in: {}ms", at, delta), true));
  host().arm(kScheduled, std::chrono::nanoseconds{start - offset_ - now_});
}

void VirtualSmartMeter::begin_scheduled() {
  if (!scheduled_ || rebooting_) return;
  Run run = std::move(*scheduled_);
  scheduled_.reset();
  const bool owned = run.owner_link == kNoLink || find(run.owner_link, run.owner) != nullptr;
  if (!run_ && owned) begin(std::move(run));
  read_all();
}

void VirtualSmartMeter::begin(Run&& run) {
  run_.emplace(std::move(run));
  ++runs_;
  last_rate_ = run_->request.rate;
  if (run_->request.sink == Sink::tcp || run_->request.sink == Sink::udp) tcp_sampled_ = true;
  host().disarm(kLiveness);
  host().attribute("run_start", unix_form(run_->start_ns + offset_));
  publish("state/sample", "on");
  tick();
}

void VirtualSmartMeter::start_raw() {
  const Client* client = raw_client();
  if (client == nullptr || busy() || rebooting_) return;
  SampleRequest request;
  request.sink = Sink::raw;
  request.type = "FFMPEG";
  request.prefix = false;
  request.rate = default_rate(settings_.model);
  request.measures = find_measures(settings_.model, {});
  begin(make_run(std::move(request), now_, client));
}

void VirtualSmartMeter::start_file(std::int64_t now_ns) {
  now_ = now_ns;
  auto client = std::make_unique<Client>();
  client->id = next_id_++;
  client->greeted = true;
  clients_.push_back(std::move(client));
  SampleRequest request;
  request.rate = settings_.rate;
  request.measures = find_measures(settings_.model, settings_.measures);
  const std::int64_t start = floor_to(device_ns(), kMillisecond);
  reply(clients_.back()->id, sample_json(request, start, {}, true));
  begin(make_run(std::move(request), start - offset_, clients_.back().get()));
}

void VirtualSmartMeter::end_run() {
  if (!run_) return;
  rows_total_ += run_->taken;
  frames_total_ += run_->frames;
  host().attribute("run_samples", fmt::format("{}", run_->produced));
  host().attribute("run_sent", fmt::format("{}", run_->taken));
  host().attribute("run_frames", fmt::format("{}", run_->frames));
  run_.reset();
  out_.clear();
  datagram_.clear();
  host().disarm(kTick);
  publish("state/sample", "off");
  arm_liveness();
  if (broker_open_ && settings_.state_every.count() > 0) host().arm(kState, settings_.state_every);
  start_raw();
  read_all();
}

std::string VirtualSmartMeter::stop_json() {
  const Run& run = *run_;
  const std::int64_t elapsed = std::max<std::int64_t>(0, now_ - run.start_ns), duration = elapsed / kMillisecond;
  const double rate =
      elapsed > 0 ? static_cast<double>(run.produced) * static_cast<double>(kSecond) / static_cast<double>(elapsed) : 0;
  JsonObject out;
  out.text("msg", "Received stop command").integer("sample_duration", duration);
  out.integer("samples", static_cast<std::int64_t>(run.produced));
  out.integer("sent_samples", static_cast<std::int64_t>(run.taken)).text("start_ts", unix_form(run.start_ns + offset_));
  out.text("stop_ts", unix_form(device_ns())).text("ip", settings_.ip).number("avg_rate", static_cast<float>(rate));
  return out.text("cmd", "stop").boolean("error", false).take();
}

void VirtualSmartMeter::stop(Asker asker, const Json&) {
  if (!run_) return refuse(asker, "stop", {});
  produce();
  if (run_->request.sink == Sink::raw) {
    // The firmware hangs up before it flushes: what is in the buffer is lost.
    const std::string json = stop_json();
    drop(raw_client()->id);
    reply(asker, json);
    return;
  }
  send_tail();
  if (run_) reply(asker, stop_json());
  end_run();
}

void VirtualSmartMeter::finish_run() {
  const Client* owner = find(run_->owner_link, run_->owner);
  const Asker id = owner != nullptr ? owner->id : kBrokerAsker;
  const bool raw = run_->request.sink == Sink::raw;
  send_tail();
  if (raw) {
    drop(id);
    return;
  }
  if (run_) reply(id, stop_json());
  end_run();
  if (command_kind_ == "file") host().close(kCommand);
}

void VirtualSmartMeter::clear_to_send(Asker asker, const Json& document) {
  const Json& value = document["value"];
  if (!value.exists()) return refuse(asker, "cts", "Info:Not a valid \"cts\" command");
  done(asker, "cts", {});
  if (!run_) return;
  run_->paused = !value.boolean();
  tick();
}

void VirtualSmartMeter::request_samples(Asker asker, const Json& document) {
  constexpr std::int64_t kFewest = 11, kMost = 2000;
  if (!run_ || run_->request.measures->latched) return refuse(asker, "reqSamples", {});
  const std::int64_t rows = document["samples"].integer();
  if (rows < kFewest || rows > kMost)
    return refuse(asker, "reqSamples", fmt::format("stay between 10 and 100000 samples, not <{}>", rows));
  produce();
  const auto wanted = static_cast<std::size_t>(rows);
  const bool lost = settings_.quirks && run_->request.sink == Sink::udp;
  run_->paused = true;
  if (run_->buffered() >= wanted && !lost) {
    send_frame(wanted);
    flush_out();
  }
  // After the first request the firmware forgets that it was asked to wait.
  if (run_ && settings_.quirks) run_->paused = false;
  if (run_) arm_tick();
}

}  // namespace mesura::smartmeter
