// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "broker.hpp"

#include "answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kRowPatience = 10 * kSecond;

/// powermeter/NAME/state/WORD
struct Topic {
  std::string_view name, word;
};

bool parse_topic(std::string_view topic, std::string_view base, Topic& out) {
  if (!topic.starts_with(base) || topic.size() <= base.size() || topic[base.size()] != '/') return false;
  topic.remove_prefix(base.size() + 1);
  const std::size_t slash = topic.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  out.name = topic.substr(0, slash);
  topic.remove_prefix(slash + 1);
  constexpr std::string_view kState = "state/";
  if (!topic.starts_with(kState)) return false;  // a request, maybe our own
  out.word = topic.substr(kState.size());
  return true;
}

}  // namespace

Broker::Broker(Host host, const Settings& settings, Namer namer, CommandReply command_reply)
    : host_(host), settings_(settings), namer_(std::move(namer)), command_reply_(std::move(command_reply)) {}

std::string Broker::Unit::topic() const { return fmt::format("{}/{}/cmd", broker.settings_.topic_base, name); }

bool Broker::Unit::ask(std::string_view line) { return broker.host_.send(0, line, topic()); }

bool Broker::Unit::tell(std::uint64_t request, std::string_view line) {
  return broker.host_.send_for(request, 0, line, topic());
}

bool Broker::Unit::is_measuring() const {
  return broker.settings_.activity == Activity::sample && !broker.held_ && row_ns != 0 &&
         broker.now_ns_ - row_ns < kRowPatience;
}

/// Its topics are its name: what comes under the new one is still this device, as long as the session lives.
void Broker::Unit::renamed(std::string_view to) {
  for (const auto& [key, unit] : broker.units_)
    if (unit.get() == this) broker.renamed_[std::string{to}] = key;
  name = to;
}

/// Of one configured device the only one there is; without a name in the configuration any may be it.
CommandPort* Broker::port(DeviceId device) {
  if (!settings_.fleet) {
    if (!settings_.mqtt_name.empty()) return unit_of(settings_.mqtt_name);
    return units_.size() == 1 ? units_.begin()->second.get() : nullptr;
  }
  for (const auto& [key, unit] : units_)
    if (unit->out->device() == device) return unit.get();
  return nullptr;
}

std::string Broker::why_not(DeviceId) const {
  if (settings_.fleet) return "the device has published nothing";
  if (units_.size() > 1) return "several devices publish here; hint: set the option name, or configure a fleet";
  return {};
}

Broker::Unit* Broker::unit_of(std::string_view name) {
  if (const auto known = units_.find(name); known != units_.end()) return known->second.get();
  Emitter* const emitter = namer_(name);
  if (emitter == nullptr) return nullptr;
  host_.attribute("unit_name", name, emitter->device());
  auto made = std::make_unique<Unit>(*this, std::string{name}, emitter);
  made->kind = settings_.model.value_or(Model::smartmeter);
  return units_.emplace(name, std::move(made)).first->second.get();
}

void Broker::opened(std::int64_t now_ns) {
  due_ = settings_.activity == Activity::listen ? kNever : now_ns;
  tick(now_ns);
}

void Broker::closed() { due_ = kNever; }

void Broker::tick(std::int64_t now_ns) {
  now_ns_ = now_ns;
  if (now_ns < due_) return;
  if (settings_.activity == Activity::poll) {
    ask();
    due_ = now_ns + settings_.interval.count();
  } else if (settings_.activity == Activity::sample) {
    if (!held_ && !rows_come(now_ns)) sample(now_ns);
    due_ = now_ns + kRowPatience;
  }
}

void Broker::publish(std::string_view kind, std::string_view payload) {
  const std::string topic = settings_.mqtt_name.empty()
                                ? fmt::format("{}/{}", settings_.topic_base, kind)
                                : fmt::format("{}/{}/{}", settings_.topic_base, settings_.mqtt_name, kind);
  host_.send(0, payload, topic);
}

void Broker::ask() {
  for (const std::string_view what : {"v", "i", "p", "q", "s", "e"}) publish("sample", what);
  publish("state", "?");
}

/// The answer may never appear: libraries on such devices drop long messages. Rows are the proof.
void Broker::sample(std::int64_t /*now_ns*/) {
  const auto [measure, rate] = settings_.request(settings_.model.value_or(Model::smartmeter));
  publish("cmd", fmt::format(R"({{"cmd":"sample","payload":{{"type":"MQTT","rate":{},"measures":"{}"}}}})", rate,
                             measure->request));
}

bool Broker::rows_come(std::int64_t now_ns) const {
  return !units_.empty() && std::all_of(units_.begin(), units_.end(), [&](const auto& unit) {
    return unit.second->row_ns != 0 && now_ns - unit.second->row_ns < kRowPatience;
  });
}

void Broker::message(std::string_view topic, Bytes payload, std::int64_t received_ns) {
  Topic parts;
  if (!parse_topic(topic, settings_.topic_base, parts)) return;
  now_ns_ = received_ns;
  if (const auto known = renamed_.find(parts.name); known != renamed_.end()) parts.name = known->second;
  if (!settings_.mqtt_name.empty() && parts.name != settings_.mqtt_name) return;
  topic_ = topic;
  Unit* const unit = unit_of(parts.name);
  if (unit == nullptr) return;
  const std::string_view text{reinterpret_cast<const char*>(payload.data()), payload.size()};
  host_.frame(0, payload);
  if (parts.word == "sample") on_state(text, *unit, received_ns);
  if (parts.word == "info") on_info(text, *unit, received_ns);
  if (parts.word == "switch") on_switch(text, *unit, received_ns);
}

/// The periodic state, the words on and off of a run, and the one-shot answers of the sister device.
void Broker::on_state(std::string_view text, Unit& unit, std::int64_t received_ns) {
  if (text == "on" || text == "off") {
    unit.out->mode(text == "on" ? "sampling" : "idle", received_ns);
    return;
  }
  if (!json_.parse(text)) {
    bad_message("on, off or a JSON object", text);
    return;
  }
  const Stamp stamp = stamp_of(json_, received_ns);
  if (tell_one_shot(json_, *unit.out) || tell_state(json_, *unit.out, stamp.quality)) {
    unit.out->emit(stamp.time_ns, received_ns);
  } else {
    bad_message("power, energy, current, volt, or a value with its unit", text);
  }
}

void Broker::on_info(std::string_view text, Unit& unit, std::int64_t received_ns) {
  if (!json_.parse(text)) {
    if (!command_reply_(unit.out->device(), nullptr, text)) bad_message("a JSON object", text);
    return;
  }
  if ((json_.has("cmd") || json_.has("error")) && command_reply_(unit.out->device(), &json_, text) &&
      json_.text("cmd") != "info")
    return;
  const Stamp stamp = stamp_of(json_, received_ns);
  if (tell_row(json_, *unit.out, stamp.quality)) {
    unit.row_ns = received_ns;
    unit.out->mode("sampling", received_ns);
    unit.out->emit(stamp.time_ns, received_ns);
  } else if (tell_one_shot(json_, *unit.out)) {
    unit.out->emit(MESURA_NO_TIME, received_ns);
  } else {
    on_reply(unit, received_ns);
  }
}

void Broker::on_reply(Unit& unit, std::int64_t received_ns) {
  if (const std::string_view state = json_.text("sampleState"); !state.empty()) {
    unit.out->mode(state == "idle" ? "idle" : "sampling", received_ns);
  } else if (json_.text("cmd") == "info" || json_.has("type")) {
    if (equal_ignoring_case(json_.text("type"), "powermeter")) unit.kind = Model::powermeter;
    tell_info(json_, *unit.out, host_, true);
    unit.out->emit(MESURA_NO_TIME, received_ns);
  } else if (json_.boolean("error").value_or(false)) {
    const std::string message = fmt::format("the device refused {}: {}", json_.text("cmd"), shown_message(json_));
    host_.log(MESURA_LOG_WARN, message);
    host_.fault({MESURA_FAULT_NOTE, json_.text("state") == "busy" ? "busy" : "refused", message, 0, 0, 0});
  } else if (tell_momentary(json_, *unit.out)) {
    unit.out->emit(MESURA_NO_TIME, received_ns);
  } else if (json_.has("values")) {
    bad_message("rows of v,i_RMS or p,q", json_.text("unit"));
  } else if (json_.has("value")) {
    bad_message("unit V, mA, W, var, VA or kWh", json_.text("unit"));
  }
}

void Broker::on_switch(std::string_view text, Unit& unit, std::int64_t received_ns) {
  constexpr std::array<std::pair<std::string_view, int>, 8> kWords = {
      {{"on", 1}, {"On", 1}, {"1", 1}, {"true", 1}, {"off", 0}, {"Off", 0}, {"0", 0}, {"false", 0}}};
  for (const auto& [word, state] : kWords)
    if (text == word) {
      unit.kind = Model::powermeter;  // only it has one
      unit.out->add(Place::relay, Quantity::relay_state, state);
      unit.out->emit(MESURA_NO_TIME, received_ns);
      return;
    }
  bad_message("on or off", text);
}

void Broker::bad_message(std::string_view expected, std::string_view text) {
  host_.fault({MESURA_FAULT_FRAME, "bad_message",
               fmt::format("{}: expected {}, got '{}'", topic_, expected, shown_text(text)), 0, text.size(), 0});
}

}  // namespace mesura::smartmeter
