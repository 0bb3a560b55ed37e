// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_unit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace mesura::ct6 {
namespace {

using namespace twin;
using std::chrono::nanoseconds;

constexpr LinkId kData = 0, kBroadcast = 1, kHttp = 2, kBroker = 3;
constexpr TimerId kLook = 0, kReplies = 1, kPublish = 2, kConnect = 3, kDown = 4, kBack = 5, kWrite = 6, kOrders = 7;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kLookPeriod = 100 * kMillisecond;
constexpr std::int64_t kLookJitter = 50 * kMillisecond;
constexpr std::int64_t kBeforeReboot = 500 * kMillisecond;
constexpr std::int64_t kBeforePowerCycle = 250 * kMillisecond;
constexpr std::int64_t kWifiPatience = 10 * kSecond;
constexpr std::size_t kSocketBuffer = 32;
constexpr std::size_t kLongestDatagram = 2048;
constexpr std::uint64_t kLookChance = 30;

constexpr std::string_view kMagic = "-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra";
constexpr std::string_view kUsualRequest = R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})";

bool is_ayt(std::string_view datagram) {
  if (datagram == kUsualRequest) return true;
  const auto value = parse_json(datagram.substr(0, kLongestDatagram));
  const auto* object = value ? value->as<Object>() : nullptr;
  const Value* ayt = object != nullptr ? find(*object, "AYT") : nullptr;
  const auto* text = ayt != nullptr ? ayt->as<std::string>() : nullptr;
  return text != nullptr && *text == kMagic;
}

std::string configured_broker(const UnitSettings& settings) {
  if (!settings.has_broker) return {};
  const Value* host = find(settings.machine.config, "MQTT_SERVER_ADDRESS");
  const Value* port = find(settings.machine.config, "MQTT_SERVER_PORT");
  if (host == nullptr || port == nullptr || host->as<std::string>() == nullptr) return {};
  return fmt::format("{}:{}", *host->as<std::string>(), static_cast<std::int64_t>(port->number().value_or(0)));
}

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

VirtualCt6::VirtualCt6(Host host, const SessionInfo& info)
    : Device(host, info),
      settings_(read_settings(info)),
      machine_(settings_.machine),
      faults_(settings_.machine.seed),
      broker_(host, {kBroker, kConnect, kPublish}, configured_broker(settings_)),
      random_(settings_.machine.seed),
      look_phase_ns_(static_cast<std::int64_t>(chance_of(settings_.machine.seed, kLookChance, -1) % 100) *
                     kMillisecond),
      series_(truth_size(settings_.machine.ports)),
      resolved_(series_.size(), false) {
  read_faults(info.options, faults_);
}

void VirtualCt6::on_open(LinkId link, std::int64_t now_ns) {
  if (link == kBroker) {
    broker_.on_open(machine_, now_ns);
  } else if (link == kData) {
    if (settings_.to_file) host().arm(kWrite, nanoseconds{settings_.interval_ns});
    if (!settings_.to_file) broker_.update(machine_, now_ns);
  }
}

void VirtualCt6::on_close(LinkId link, std::int64_t, std::string_view, bool) {
  if (link == kBroker) broker_.on_close();
  if (link == kHttp) connections_.clear();
  if (link == kData) host().disarm(kWrite);
}

void VirtualCt6::on_bytes(LinkId link, Bytes bytes, const Meta& meta) {
  if (link == kHttp) {
    request(meta.peer, text_of(bytes), meta.received_ns);
  } else if (link == kData || link == kBroadcast) {
    hear(text_of(bytes), meta);
  }
}

void VirtualCt6::on_timer(TimerId timer, std::int64_t now_ns) {
  switch (timer) {
    case kLook: return look_at_socket(now_ns);
    case kReplies: return send_replies(now_ns);
    case kPublish:
      if (broker_.on_due(machine_, now_ns)) publish(now_ns);
      return;
    case kConnect: return broker_.on_retry(machine_, now_ns);
    case kDown: return go_down(now_ns, outage_ns(), true);
    case kBack: return come_back(now_ns);
    case kWrite: return write_answer(now_ns);
    case kOrders:
      for (; !orders_.empty(); orders_.pop_front()) do_command(orders_.front(), now_ns);
      return;
    default: return;
  }
}

// ---------------------------------------------------------------- Mode 1

void VirtualCt6::hear(std::string_view datagram, const Meta& meta) {
  if (!machine_.online()) return;
  if (!is_ayt(datagram)) {
    ++counters_.foreign;
    return;
  }
  ++counters_.ayt;
  if (machine_.firmware().silent_inactive && !machine_.active()) return;
  if (asked_.size() >= kSocketBuffer) return;
  asked_.emplace_back(meta.peer);
  if (!look_armed_) arm_look(meta.received_ns);
}

/// The unit looks at its socket every 100 ms, and takes up to 50 ms more until its answer is out.
void VirtualCt6::arm_look(std::int64_t now_ns) {
  const std::int64_t from = std::max(now_ns, busy_until_ns_);
  const std::int64_t tick = (from - look_phase_ns_) / kLookPeriod + 1;
  const auto jitter = static_cast<std::int64_t>(chance_of(settings_.machine.seed, kLookChance, tick) %
                                                static_cast<std::uint64_t>(kLookJitter));
  look_armed_ = true;
  host().arm(kLook, nanoseconds{look_phase_ns_ + tick * kLookPeriod + jitter - now_ns});
}

void VirtualCt6::look_at_socket(std::int64_t now_ns) {
  look_armed_ = false;
  if (asked_.empty()) return;
  const std::string peer = std::move(asked_.front());
  asked_.pop_front();
  answer(peer, now_ns);
  if (!asked_.empty()) arm_look(now_ns);
}

int VirtualCt6::nan_port() { return faults_.happens(FaultKind::nan) ? faults_.port(machine_.ports()) : 0; }

void VirtualCt6::answer(std::string_view peer, std::int64_t now_ns) {
  out_.clear();
  if (!machine_.answer(Machine::Path::udp, now_ns, nan_port(), out_)) return;
  ++counters_.answers;
  if (faults_.happens(FaultKind::lost)) return;
  if (faults_.happens(FaultKind::truncate)) {
    host().send(kData, std::string_view(out_).substr(0, faults_.cut(out_.size())), peer);
    return;
  }
  if (!host().send(kData, out_, peer)) return;
  if (faults_.happens(FaultKind::duplicate)) host().send(kData, out_, peer);
  emit_truth(now_ns);
}

void VirtualCt6::write_answer(std::int64_t now_ns) {
  const bool speaks = machine_.online() && (machine_.active() || !machine_.firmware().silent_inactive);
  out_.clear();
  if (speaks && machine_.answer(Machine::Path::udp, now_ns, nan_port(), out_)) {
    ++counters_.answers;
    const bool cut = faults_.happens(FaultKind::truncate);
    if (cut) out_.resize(faults_.cut(out_.size()));
    const bool twice = faults_.happens(FaultKind::duplicate);
    out_ += '\n';
    if (!faults_.happens(FaultKind::lost) && host().send(kData, out_)) {
      if (twice) host().send(kData, out_);
      if (!cut) emit_truth(now_ns);
    }
  }
  ++written_;
  if (settings_.answers != 0 && written_ >= settings_.answers) {
    host().close(kData);
  } else {
    host().arm(kWrite, nanoseconds{settings_.interval_ns});
  }
}

// ---------------------------------------------------------------- Mode 2

void VirtualCt6::publish(std::int64_t now_ns) {
  out_.clear();
  const bool measured =
      machine_.answer(Machine::Path::mqtt, now_ns, nan_port(), out_) && !faults_.happens(FaultKind::null_payload);
  if (!measured) out_ = "null";
  if (!host().send(kBroker, out_, machine_.config().text("MQTT_TOPIC"))) return;
  broker_.sent(now_ns);
  ++counters_.mqtt_messages;
  if (measured) emit_truth(now_ns);
}

// ---------------------------------------------------------------- HTTP

void VirtualCt6::on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t) {
  if (link != kHttp) return;
  if (const auto old = connections_.find(peer); old != connections_.end()) connections_.erase(old);
  if (!joined) return;
  if (machine_.online()) {
    connections_.try_emplace(std::string(peer));
  } else {
    host().drop(kHttp, peer);
  }
}

void VirtualCt6::request(std::string_view peer, std::string_view bytes, std::int64_t now_ns) {
  if (!machine_.online()) return host().drop(kHttp, peer);
  auto at = connections_.find(peer);
  if (at == connections_.end()) at = connections_.try_emplace(std::string(peer)).first;
  if (at->second.served) return;
  auto read = at->second.reader.feed(bytes);
  if (!read) return;
  at->second.served = true;
  ++counters_.http_requests;
  Reply reply{std::max(now_ns, busy_until_ns_) + settings_.http_latency_ns, std::string(peer), {}};
  if (!faults_.happens(FaultKind::http_drop)) {
    const bool upload = read->kind == HttpRequest::Kind::upload;
    if (upload) ++counters_.uploads;
    const bool spoil = upload && faults_.happens(FaultKind::hash_mismatch);
    reply.reply = answer_request(machine_, std::move(*read), now_ns, spoil);
    if (reply.reply.live_stats) emit_truth(now_ns);
    broker_.update(machine_, now_ns);
  }
  reply.due_ns += reply.reply.busy_ns;
  busy_until_ns_ = std::max(busy_until_ns_, reply.due_ns);
  replies_.push_back(std::move(reply));
  send_replies(now_ns);
}

/// One CPU: replies go out in the order of the requests.
void VirtualCt6::send_replies(std::int64_t now_ns) {
  while (!replies_.empty() && replies_.front().due_ns <= now_ns) {
    const Reply reply = std::move(replies_.front());
    replies_.pop_front();
    finish_reply(reply);
  }
  if (!replies_.empty()) host().arm(kReplies, nanoseconds{replies_.front().due_ns - now_ns});
}

void VirtualCt6::finish_reply(const Reply& reply) {
  if (reply.reply.bytes) host().send(kHttp, *reply.reply.bytes, reply.peer);
  host().drop(kHttp, reply.peer);
  if (reply.reply.after == ApiReply::After::reboot) host().arm(kDown, nanoseconds{kBeforeReboot});
  if (reply.reply.after == ApiReply::After::power_cycle) host().arm(kDown, nanoseconds{kBeforePowerCycle});
}

// ---------------------------------------------------------------- life

std::int64_t VirtualCt6::outage_ns() {
  return 4 * kSecond + static_cast<std::int64_t>(random_.below(1000)) * kMillisecond;
}

void VirtualCt6::go_down(std::int64_t now_ns, std::int64_t outage, bool restarts) {
  machine_.shut_down();
  restarts_ = restarts;
  asked_.clear();
  look_armed_ = false;
  replies_.clear();
  for (const TimerId timer : {kLook, kReplies, kDown}) host().disarm(timer);
  for (const auto& connection : connections_) host().drop(kHttp, connection.first);
  connections_.clear();
  broker_.update(machine_, now_ns);
  if (outage >= 0) host().arm(kBack, nanoseconds{outage});
}

void VirtualCt6::come_back(std::int64_t now_ns) {
  if (switched_off_) return;
  busy_until_ns_ = now_ns;
  if (restarts_) {
    machine_.boot(now_ns);
    ++counters_.restarts;
  } else {
    machine_.resume();
  }
  if (machine_.state() == Machine::State::bricked)
    host().log(MESURA_LOG_WARN, fmt::format("the unit does not start: {}; `set` mends it", machine_.why()));
  broker_.update(machine_, now_ns);
}

void VirtualCt6::emit_truth(std::int64_t now_ns) {
  const TruthValues& truth = machine_.truth();
  items_.clear();
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (std::isnan(truth[i])) continue;
    if (!resolved_[i]) {
      const auto [channel, quantity] = truth_name(i, machine_.ports());
      Series series;
      series.channel = channel;
      series.quantity = quantity;
      series_[i] = host().series(series);
      resolved_[i] = true;
    }
    if (series_[i] != MESURA_NO_SERIES) items_.push_back(number(series_[i], truth[i]));
  }
  host().emit(items_, MESURA_NO_TIME, now_ns);
}

// ---------------------------------------------------------------- commands

/// The host tells no time with a command, but with a timer.
void VirtualCt6::on_command(const Command& command) {
  const Options& o = command.arguments;
  Order& order = orders_.emplace_back();
  order.id = command.id;
  order.command = std::string(command.name);
  order.name = std::string(o.text("name"));
  order.value = std::string(o.text("value"));
  order.kind = std::string(o.text("kind"));
  order.count = o.integer("count", 1);
  order.seconds = o.integer("seconds", 5);
  host().arm(kOrders, nanoseconds{0});
}

void VirtualCt6::do_command(const Order& order, std::int64_t now_ns) {
  if (order.command == "get") {
    host().reply(order.id, MESURA_REPLY_DONE, "", describe(machine_, counters_, faults_, broker_.is_open(), now_ns));
  } else if (order.command == "set") {
    do_set(order, now_ns);
  } else if (order.command == "fault") {
    do_fault(order, now_ns);
  } else {
    host().reply(order.id, MESURA_REPLY_REFUSED,
                 fmt::format("command: expected get, set or fault, got '{}'", order.command));
  }
}

void VirtualCt6::switch_power(const Order& order, std::int64_t now_ns) {
  if (order.value != "on" && order.value != "off")
    return host().reply(order.id, MESURA_REPLY_REFUSED,
                        fmt::format("power: expected on or off, got '{}'", order.value));
  const bool off = order.value == "off";
  if (off != switched_off_) go_down(now_ns, off ? -1 : outage_ns(), true);
  switched_off_ = off;
  host().reply(order.id, MESURA_REPLY_DONE, "");
}

void VirtualCt6::do_set(const Order& order, std::int64_t now_ns) {
  if (order.name == "power") return switch_power(order, now_ns);
  const std::string why = set_by_hand(machine_, faults_, order.name, order.value, now_ns);
  if (!why.empty()) return host().reply(order.id, MESURA_REPLY_REFUSED, why);
  const bool dead = machine_.state() == Machine::State::bricked || machine_.state() == Machine::State::off_network;
  // A unit that lay dead starts at once; new firmware takes a restart.
  if (dead) {
    restarts_ = true;
    come_back(now_ns);
  } else if (order.name == "firmware" && !switched_off_) {
    go_down(now_ns, outage_ns(), true);
  }
  broker_.update(machine_, now_ns);
  host().reply(order.id, MESURA_REPLY_DONE, "");
}

void VirtualCt6::do_fault(const Order& order, std::int64_t now_ns) {
  if (const auto known = find_fault(order.kind)) {
    faults_.order(*known, static_cast<std::uint64_t>(order.count));
  } else if (order.kind == "reboot" || order.kind == "power_cycle") {
    if (!switched_off_) go_down(now_ns, outage_ns(), true);
  } else if (order.kind == "wifi") {
    const std::int64_t outage = order.seconds * kSecond;
    if (machine_.online())
      go_down(now_ns, outage, machine_.firmware().restarts_without_wifi && outage >= kWifiPatience);
  } else {
    return host().reply(order.id, MESURA_REPLY_REFUSED, fmt::format("kind: expected a fault, got '{}'", order.kind));
  }
  host().reply(order.id, MESURA_REPLY_DONE, "");
}

}  // namespace mesura::ct6
