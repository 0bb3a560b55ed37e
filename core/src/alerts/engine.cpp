// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "alerts/engine.hpp"

#include "runtime/files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace mesura::alerts {
namespace {

constexpr std::chrono::seconds kTick{1};
/// The loop stands still for it.
constexpr std::chrono::milliseconds kLastWord{500};

const config::Value& sink_options(const config::Configuration& configuration, const config::DoorConfig& door) {
  static const config::Value kNone;
  if (door.kind != "mqtt") return kNone;
  for (const auto& sink : configuration.sinks)
    if (sink.name == door.options["sink"].text()) return sink.options;
  return kNone;
}

/// What a rule depends on beside its own section.
std::string surroundings_of(const config::Configuration& c) {
  std::string text = c.timezone + "\n" + c.state;
  if (c.capacity) text += fmt::format("\n{} {}", c.capacity->floor_w, c.capacity->limit_w ? *c.capacity->limit_w : -1);
  return text;
}

}  // namespace

Engine::Engine(runtime::EventLoop& loop, const SeriesTable& series, std::shared_ptr<runtime::Log> log, Sources sources)
    : loop_(loop), series_(series), log_(std::move(log)), logger_(log_, "alerts"), sources_(std::move(sources)) {}

Engine::~Engine() {
  loop_.cancel(timer_);
  finish_saving();
}

Now Engine::now() const { return {loop_.clock().steady_ns(), loop_.clock().wall_ns()}; }

void Engine::apply_doors(const config::Configuration& configuration) {
  std::map<std::string, RunningDoor, std::less<>> doors;
  for (const auto& wanted : configuration.doors) {
    const config::Value& sink = sink_options(configuration, wanted);
    if (const auto found = doors_.find(wanted.name);
        found != doors_.end() && found->second.section == wanted.section && found->second.sink == sink) {
      doors.emplace(wanted.name, std::move(found->second));
      continue;
    }
    const runtime::Logger log{log_, "alerts." + wanted.name};
    Door::Options options;
    options.name = wanted.name;
    if (const config::Value& retries = wanted.options["retries"]; retries)
      options.retries = static_cast<int>(retries.integer());
    auto courier = wanted.kind == "exec"      ? make_exec_courier(wanted.options, log)
                   : wanted.kind == "webhook" ? make_webhook_courier(wanted.options)
                                              : make_mqtt_courier(wanted.options, sink, log);
    if (!courier) throw std::logic_error("door kind '" + wanted.kind + "' passed the check but does not exist");
    doors.emplace(wanted.name, RunningDoor{wanted.section, sink,
                                           std::make_unique<Door>(std::move(courier), std::move(options), log)});
  }
  doors_.swap(doors);
  // What ended with its rule may still be on its way through a door that goes.
  for (auto& [name, gone] : doors)
    if (gone.door) (void)gone.door->wait_idle(kLastWord);
}

void Engine::apply(const config::Configuration& configuration) {
  // Before the doors change: what ends with its rule is told to whom it began.
  const std::string surroundings = surroundings_of(configuration);
  for (auto it = rules_.begin(); it != rules_.end();) {
    const auto wanted = std::find_if(configuration.alerts.begin(), configuration.alerts.end(),
                                     [&](const auto& a) { return a.name == it->first; });
    const auto& old = it->second->config();
    if (wanted != configuration.alerts.end() && wanted->kind == old.kind && wanted->options == old.options &&
        surroundings_[it->first] == surroundings) {
      it->second->set_doors(wanted->to);
      ++it;
      continue;
    }
    it->second->end_all(now().wall_ns,
                        wanted == configuration.alerts.end() ? "the rule is gone" : "the rule has changed");
    it = rules_.erase(it);
  }
  apply_doors(configuration);
  const auto zone = model::Zone::find(configuration.timezone);
  for (const auto& wanted : configuration.alerts) {
    if (rules_.contains(wanted.name)) continue;
    Rule::Setup setup;
    setup.config = wanted;
    setup.state = configuration.state;
    setup.capacity = configuration.capacity;
    if (zone) setup.zone = *zone;
    setup.series = &series_;
    setup.changed = [this](const Rule& rule, const Alert& alert) { changed(rule, alert); };
    rules_.emplace(wanted.name, make_rule(std::move(setup)));
    surroundings_[wanted.name] = surroundings;
  }
  of_batches_.clear();
  for (const auto& [name, rule] : rules_)
    if (rule->wants_batches()) of_batches_.push_back(rule.get());
  if (!restored_) {
    restored_ = true;
    // `probe` has no state directory, and nothing to keep.
    if (std::error_code error; std::filesystem::is_directory(configuration.state, error))
      file_ = (std::filesystem::path{configuration.state} / "alerts.active").string();
    restore();
  }
  end_of_gone_devices(configuration);
  publish();
  if (timer_ == 0) arm();
}

void Engine::end_of_gone_devices(const config::Configuration& configuration) {
  // Who belongs to a fleet shows only when it turns up.
  const auto& devices = configuration.devices;
  if (std::any_of(devices.begin(), devices.end(), [](const auto& d) { return d.fleet.has_value(); })) return;
  const auto exists = [&](std::string_view name) {
    return std::any_of(devices.begin(), devices.end(), [&](const auto& d) { return d.enabled && d.name == name; }) ||
           std::any_of(configuration.derived.begin(), configuration.derived.end(),
                       [&](const auto& d) { return d.device == name; });
  };
  for (const auto& [name, rule] : rules_) rule->end_without_device(exists, now().wall_ns);
}

void Engine::restore() {
  if (file_.empty()) return;
  try {
    const auto text = runtime::read_file(file_);
    if (!text) return;
    for (const auto& alert : restore_alerts(*text)) {
      const auto rule = rules_.find(alert.rule);
      if (rule != rules_.end() && rule->second->config().kind == alert.kind)
        rule->second->restore(alert, now());
      else
        dirty_ = true;
    }
  } catch (const std::runtime_error& e) {
    logger_.error("alert-state", "what was active before is not known and will be told again: {}", e.what());
  }
}

void Engine::arm() {
  timer_ = loop_.after(kTick, [this] {
    tick();
    arm();
  });
}

void Engine::tick() {
  // Asked for once, and only if somebody wants it.
  Sources once;
  const auto keep = [](auto ask) {
    using Answer = decltype(ask());
    return [ask, answer = std::make_shared<std::optional<Answer>>()] {
      if (!*answer) *answer = ask();
      return **answer;
    };
  };
  once.devices = keep(sources_.devices);
  once.sinks = keep(sources_.sinks);
  once.disk = sources_.disk;
  for (const auto& [name, rule] : rules_) rule->tick(once, now());
  if (dirty_ && !writing_) save();
}

void Engine::take(const Batch& batch) {
  if (of_batches_.empty()) return;
  const Now at = now();
  for (Rule* rule : of_batches_) rule->take(batch, at);
}

void Engine::changed(const Rule& rule, const Alert& alert) {
  if (alert.active)
    logger_.warn("alert-active", "{}: {}", alert.rule, alert.message);
  else
    logger_.info("alert-cleared", "{}: {}", alert.rule, alert.message);
  board_->add_change(alert);
  publish();
  dirty_ = true;
  for (const auto& to : rule.config().to)
    if (const auto door = doors_.find(to); door != doors_.end()) door->second.door->send(alert);
}

std::vector<Alert> Engine::all_active() const {
  std::vector<Alert> list;
  for (const auto& [name, rule] : rules_) {
    auto some = rule->active();
    list.insert(list.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return list;
}

void Engine::publish() { board_->set_active(all_active()); }

void Engine::save() {
  dirty_ = false;
  if (file_.empty()) return;
  finish_saving();
  writing_ = true;
  writer_ = std::thread{[this, text = save_alerts(all_active())] {
    try {
      runtime::replace_file(file_, text);
    } catch (const std::runtime_error& e) {
      logger_.error("alert-state", "what is active is not kept and may be told again after a restart: {}", e.what());
    }
    writing_ = false;
  }};
}

void Engine::finish_saving() {
  if (writer_.joinable()) writer_.join();
}

void Engine::stop(std::chrono::nanoseconds grace) {
  loop_.cancel(std::exchange(timer_, 0));
  of_batches_.clear();
  if (dirty_) save();
  const auto deadline = std::chrono::steady_clock::now() + grace;
  for (auto& [name, door] : doors_) (void)door.door->wait_idle(deadline - std::chrono::steady_clock::now());
  doors_.clear();
  finish_saving();
}

}  // namespace mesura::alerts
