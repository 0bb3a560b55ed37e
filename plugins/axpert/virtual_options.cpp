// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_options.hpp"

#include <algorithm>

#include "virtual_house/parse.hpp"

namespace mesura::axpert::twin {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86400;

const ModelInfo& model_of(const Options& options) {
  const std::string_view name = options.text("model", "pi30");
  const ModelInfo* model = find_model(name);
  if (model == nullptr)
    virtual_house::refuse("model", "pi30, pi30-duo, pi30-tri, pi30-mk, pi30max, pi41, pi30revo or pi18", name);
  return *model;
}

int integer(const Options& options, std::string_view name, int fallback) {
  return static_cast<int>(options.integer(name, fallback));
}

std::uint64_t seed_of(const SessionInfo& info) {
  // Several inverters of one call must not all have the same bad luck.
  return virtual_house::scramble(static_cast<std::uint64_t>(info.options.integer("seed", 1)) + info.index);
}

std::shared_ptr<const virtual_house::Profile> house_of(const SessionInfo& info, std::int64_t start) {
  virtual_house::Setup setup;
  setup.start = start;
  setup.interval =
      std::max<std::int64_t>(info.options.integer("interval", 5 * kNanosecondsPerSecond) / kNanosecondsPerSecond, 1);
  setup.seed = static_cast<std::uint64_t>(info.options.integer("seed", 1)) + info.index;
  setup.pv_watts = info.options.integer("pv", 4000);
  const std::string_view site = info.zone.empty() ? std::string_view{"Europe/Brussels"} : info.zone;
  setup.zone = info.options.text("zone", site);
  return virtual_house::make_profile(info.options.text("profile", "house"), setup);
}

template <class Enum>
Enum one_of(const Options& options, std::string_view name, const std::array<std::string_view, 3>& words) {
  const std::string_view word = options.text(name, words[0]);
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    virtual_house::refuse(name, std::string{words[0]} + ", " + std::string{words[1]} + " or " + std::string{words[2]},
                          word);
  return static_cast<Enum>(found - words.begin());
}

/// What the panels gave and the loads took on a day before the start.
void invent_day(EnergyLog& energy, std::int64_t day, std::int64_t pv_watts, std::uint64_t seed) {
  enum What : std::uint64_t { kSun = 21, kLoad };
  const auto sun = static_cast<std::int64_t>(virtual_house::chance_of(seed, kSun, day) % 4000);
  const auto load = static_cast<std::int64_t>(virtual_house::chance_of(seed, kLoad, day) % 6000);
  energy.add_wh(day, pv_watts * (1000 + sun) / 1000, 5000 + load);
}

}  // namespace

MachineSetup read_machine(const SessionInfo& info) {
  const Options& o = info.options;
  MachineSetup m;
  m.model = &model_of(o);
  m.battery_volts = integer(o, "battery_voltage", 48);
  if (m.battery_volts != 12 && m.battery_volts != 24 && m.battery_volts != 48)
    virtual_house::refuse("battery_voltage", "12, 24 or 48", std::to_string(m.battery_volts));
  m.battery_type = integer(o, "battery_type", 2);
  const bool lithium_known = (m.model->profile & (kKing | kMax)) != 0;
  if (m.battery_type > 2 && !lithium_known)
    virtual_house::refuse("battery_type", "0 to 2 on this model (3 to 9: pi30-mk and pi30max)",
                          std::to_string(m.battery_type));
  m.qpigs_fields = integer(o, "fields", m.model->qpigs_fields);
  if (m.model->profile != kPi18 && m.qpigs_fields != 17 && m.qpigs_fields != 21 && m.qpigs_fields != 24)
    virtual_house::refuse("fields", "17, 21 or 24", std::to_string(m.qpigs_fields));
  m.units = std::clamp(integer(o, "units", 1), 1, 9);
  m.serial = virtual_house::serial_after(std::string{o.text("serial", "92931701100510")},
                                         info.index * static_cast<std::uint32_t>(m.units));
  m.clock_offset = o.integer("clock_offset", 0);
  m.plant.model = m.model;
  m.plant.battery_volts = m.battery_volts;
  m.plant.battery_wh = o.integer("battery", 5000);
  m.plant.soc_permille = integer(o, "soc", 80) * 10;
  m.plant.units = m.units;
  m.plant.start = info.now_ns / kNanosecondsPerSecond;
  m.plant.counting = o.text("profile", "house") == "count";
  m.plant.house = house_of(info, m.plant.start);
  return m;
}

Behaviour read_behaviour(const SessionInfo& info) {
  const Options& o = info.options;
  Behaviour b;
  b.latency_max = o.duration("latency", std::chrono::milliseconds{60});
  b.latency_min = std::min(o.duration("latency_min", std::chrono::milliseconds{10}), b.latency_max);
  b.report_interval = o.duration("report_interval", std::chrono::milliseconds{10});
  b.slow_by = o.duration("slow_by", std::chrono::milliseconds{1500});
  b.busy_for = o.duration("busy_for", std::chrono::seconds{2});
  b.realtime = o.flag("realtime");
  b.lenient_crc = o.flag("lenient_crc");
  b.crc = o.flag("crc_zero_escape") ? CrcStyle::esc4 : CrcStyle::esc3;
  b.unknown = one_of<UnknownAnswer>(o, "unknown", {"nak", "echo", "silence"});
  b.overlap = one_of<Overlap>(o, "overlap", {"queue", "contaminate", "abort"});
  b.file_command = o.text("command", "QPIGS");
  b.file_interval = o.duration("interval", std::chrono::seconds{5});
  b.file_replies = static_cast<std::uint64_t>(o.integer("replies", 0));
  for (std::size_t i = 0; i < kFaultKinds; ++i) b.fault_rates[i] = o.number(fault_name(static_cast<FaultKind>(i)), 0);
  b.seed = seed_of(info);
  return b;
}

void prepare(Machine& machine, const SessionInfo& info) {
  const Options& o = info.options;
  const std::string_view priority = o.text("output_priority", "utility_first");
  machine.settings.output_priority = priority == "sbu" ? 2 : priority == "solar_first" ? 1 : 0;
  if (!o.flag("grid", true)) machine.plant.overrides.grid = false;
  const std::int64_t today = (info.now_ns / kNanosecondsPerSecond + machine.clock_offset) / kDay;
  const std::int64_t days = o.integer("history", 30);
  for (std::int64_t day = today - days; day < today; ++day)
    invent_day(machine.plant.energy(), day, o.integer("pv", 4000), seed_of(info));
}

}  // namespace mesura::axpert::twin
