// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "command_list.hpp"
#include "settings.hpp"

namespace mesura::ct6 {
namespace {

struct Entry {
  std::string_view name;
  CommandFunction function;
};

constexpr std::array kCommands = {
    Entry{"config", show_config},
    Entry{"set", set_settings},
    Entry{"apply", apply_settings},
    Entry{"set_unit_name", set_unit_name},
    Entry{"set_group_name", set_group_name},
    Entry{"set_port_name", set_port_name},
    Entry{"activate", activate},
    Entry{"deactivate", deactivate},
    Entry{"set_mqtt", set_mqtt},
    Entry{"clear_mqtt", clear_mqtt},
    Entry{"set_power_factor_threshold", set_power_factor_threshold},
    Entry{"set_line_frequency", set_line_frequency},
    Entry{"status", show_status},
    Entry{"wifi_scan", wifi_scan},
    Entry{"reboot", reboot},
    Entry{"power_cycle", power_cycle},
    Entry{"defaults", reset_to_defaults},
    Entry{"reset_wifi", reset_wifi},
    Entry{"wifi_led", wifi_led},
    Entry{"bluetooth_led", bluetooth_led},
    Entry{"files", list_files},
    Entry{"get_file", get_file},
    Entry{"put_file", put_file},
    Entry{"delete_file", delete_file},
    Entry{"make_folder", make_folder},
    Entry{"delete_folder", delete_folder},
    Entry{"erase_offline_app", erase_offline_app},
    Entry{"calibration", show_calibration},
    Entry{"init_chips", init_chips},
    Entry{"save_factory_config", save_factory_config},
    Entry{"restore_calibration", restore_calibration},
    Entry{"calibrate_voltage", calibrate_voltage},
    Entry{"calibrate_current", calibrate_current},
    Entry{"calibrate_offset", calibrate_offset},
    Entry{"upgrade", upgrade},
};

}  // namespace

CommandFunction find_command(std::string_view name) {
  const auto* const at =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const Entry& e) { return e.name == name; });
  return at != kCommands.end() ? at->function : nullptr;
}

TimerId Commands::free_timer() const {
  TimerId timer = kFirstTimer;
  while (std::any_of(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.run->timer() == timer; })) ++timer;
  return timer;
}

bool Commands::open_link(const std::string& base) {
  if (link_open_ || link_configured_ || link_asked_) return true;
  // Each request names its own unit: the address is for people only.
  link_asked_ = host_.open(kHttp, fmt::format("http://{}", base));
  return link_asked_;
}

void Commands::take(const Command& command, std::int64_t now_ns) {
  const CommandFunction function = find_command(command.name);
  if (function == nullptr) {
    host_.reply(command.id, MESURA_REPLY_INVALID, fmt::format("'{}' is no command of a CT6", command.name));
    return;
  }
  std::string why;
  std::string base = find_base_(command.device, why);
  if (base.empty() || !open_link(base)) {
    host_.reply(command.id, MESURA_REPLY_UNREACHABLE,
                base.empty() ? why : "the link http could not be opened; the log says why");
    return;
  }
  auto run = std::make_unique<CommandRun>(host_, command, free_timer(), std::move(base));
  jobs_.push_back({std::move(run), function});
  settle(now_ns);
}

/// Begins what may begin: the first of each unit.
void Commands::begin_next(std::int64_t now_ns) {
  if (!link_open_) return;
  std::set<std::string, std::less<>> busy;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    Job& job = jobs_[i];
    if (!busy.insert(job.run->base()).second || std::exchange(job.begun, true)) continue;
    job.run->begin(job.function(*job.run), now_ns);
  }
}

/// Takes away what has ended, and begins what waited for that.
void Commands::settle(std::int64_t now_ns) {
  if (std::exchange(settling_, true)) return;
  bool ended = true;
  while (ended) {
    ended = false;
    begin_next(now_ns);
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (!jobs_[i].begun || !jobs_[i].run->done()) continue;
      Job job = std::move(jobs_[i]);
      jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
      host_.disarm(job.run->timer());
      const CommandResult result = job.run->result();
      const Bytes bytes{reinterpret_cast<const std::uint8_t*>(result.bytes.data()), result.bytes.size()};
      host_.reply(job.run->id(), result.status, result.message, result.json, bytes);
      ended = true;
      break;
    }
  }
  settling_ = false;
}

void Commands::cancel(std::uint64_t request, std::int64_t now_ns) {
  const auto at = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.run->id() == request; });
  if (at == jobs_.end()) return;
  if (!at->begun) {
    jobs_.erase(at);
    host_.reply(request, MESURA_REPLY_REFUSED, "called off");
    return;
  }
  at->run->call_off(now_ns);
  settle(now_ns);
}

void Commands::on_link(bool open, std::int64_t now_ns) {
  link_open_ = open;
  if (!open)
    for (std::size_t i = 0; i < jobs_.size(); ++i)
      if (jobs_[i].begun) jobs_[i].run->on_link_lost("the link http was closed", now_ns);
  settle(now_ns);
}

bool Commands::on_answer(Bytes bytes, const Meta& meta) {
  const auto at = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.run->waits_for(meta.topic); });
  if (at == jobs_.end()) return false;
  at->run->on_answer(meta.status, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, meta.received_ns);
  settle(meta.received_ns);
  return true;
}

bool Commands::on_timer(TimerId timer, std::int64_t now_ns) {
  if (timer < kFirstTimer) return false;
  const auto at = std::find_if(jobs_.begin(), jobs_.end(), [&](const Job& j) { return j.run->timer() == timer; });
  if (at != jobs_.end() && at->begun) at->run->on_timer(now_ns);
  settle(now_ns);
  return true;
}

bool Commands::asks(std::string_view base) const {
  return std::any_of(jobs_.begin(), jobs_.end(),
                     [&](const Job& j) { return j.run->base() == base && j.run->waits_for_unit(); });
}

}  // namespace mesura::ct6
