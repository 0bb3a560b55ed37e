// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/periods.hpp"
#include "model/glob.hpp"
#include "model/register_value.hpp"
#include "model/vocabulary.hpp"
#include "store/energy/power_reader.hpp"
#include "store/energy/register_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace mesura::store {
namespace {

constexpr std::string_view kImport = "active_energy_import";
constexpr std::string_view kExport = "active_energy_export";
constexpr std::string_view kPower = "active_power";
/// Three years of quarter hours.
constexpr std::size_t kMostWindows = 110'000;

struct Channel {
  std::map<std::string, std::uint32_t> registers;  ///< by quantity
  std::optional<std::uint32_t> power, import_power, export_power;
};

/// An energy that is asked for: of a register, of powers, or of powers until the register began.
struct Wanted {
  std::string quantity;
  std::optional<std::uint32_t> reg;
  std::optional<std::uint32_t> power;
  bool above = true;  ///< of the power: what counts
};

std::vector<model::Glob> globs_of(const EnergyQuery& query) {
  std::vector<model::Glob> out;
  for (const std::string& text : query.series) {
    model::Problem problem;
    auto glob = model::Glob::parse(text, &problem);
    if (!glob)
      throw StoreError(StoreError::Cause::question, fmt::format("energy-series: {}\n  expected  {}\n  got       {}",
                                                                problem.message, problem.expected, problem.got));
    out.push_back(std::move(*glob));
  }
  return out;
}

/// Devices and their channels, by name.
std::map<std::string, std::map<std::string, Channel>> channels_of(const std::vector<StoredSeries>& all) {
  std::map<std::string, std::map<std::string, Channel>> out;
  for (const StoredSeries& series : all) {
    const SeriesInfo& info = series.info;
    if (series.stored_as_state || info.text) continue;
    const bool power = info.unit == "W" && info.quantity.starts_with(kPower);
    if (info.kind != Kind::reg && !power) continue;
    Channel& channel = out[info.device][info.channel];
    if (info.kind == Kind::reg)
      channel.registers.emplace(info.quantity, info.id);
    else if (info.quantity == kPower)
      channel.power = info.id;
    else if (info.quantity == "active_power_import")
      channel.import_power = info.id;
    else if (info.quantity == "active_power_export")
      channel.export_power = info.id;
  }
  return out;
}

std::optional<Wanted> by_power(const Channel& channel, bool import, const std::vector<StoredSeries>& all) {
  Wanted wanted;
  wanted.quantity = import ? kImport : kExport;
  // Powers that are told apart need no guess from a sign.
  if (const auto own = import ? channel.import_power : channel.export_power) {
    wanted.power = own;
    return wanted;
  }
  if (!channel.power) return std::nullopt;
  wanted.power = channel.power;
  // What a solar input produces is given.
  wanted.above = import == (all[*channel.power].info.role != "solar");
  return wanted;
}

/// What of a channel is asked for.
std::vector<Wanted> wanted_of(const std::string& device, const std::string& name, const Channel& channel,
                              const std::vector<model::Glob>& globs, const std::vector<StoredSeries>& all) {
  const auto asked = [&](std::string_view quantity) {
    return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                        [&](const model::Glob& glob) { return glob.matches(device, name, quantity); });
  };
  std::vector<Wanted> out;
  const bool power_asked = (channel.power && asked(kPower)) || (channel.import_power && asked("active_power_import")) ||
                           (channel.export_power && asked("active_power_export"));
  for (const auto& [quantity, id] : channel.registers) {
    const bool active = quantity == kImport || quantity == kExport;
    if (!asked(quantity) && !(active && power_asked)) continue;
    Wanted wanted;
    wanted.quantity = quantity;
    wanted.reg = id;
    // Powers that were imported from an older system may go back further than the register that we keep.
    if (active && model::is_integrated(all[id].info)) {
      if (const auto power = by_power(channel, quantity == kImport, all)) {
        wanted.power = power->power;
        wanted.above = power->above;
      }
    }
    out.push_back(std::move(wanted));
  }
  for (const bool import : {true, false}) {
    const std::string quantity{import ? kImport : kExport};
    if (channel.registers.contains(quantity) || (!power_asked && !asked(quantity))) continue;
    // A device that has the one register has no use for the other direction.
    if (channel.registers.contains(std::string{import ? kExport : kImport})) continue;
    if (auto wanted = by_power(channel, import, all)) out.push_back(std::move(*wanted));
  }
  return out;
}

StoredSeries register_of(StoredSeries power, const std::string& quantity) {
  SeriesInfo& info = power.info;
  info.quantity = quantity;
  info.unit = "Wh";
  info.kind = Kind::reg;
  info.flat_name = model::flat_name(info.channel, info.quantity, info.unit);
  info.source = std::string{model::kIntegrated};
  info.integration = Integration::none;
  const model::Quantity* known = model::Vocabulary::standard().find(quantity);
  info.decimals = known != nullptr ? known->decimals : 4;
  return power;
}

class Reader {
 public:
  Reader(Archive& archive, const std::vector<TimeRange>& windows, Resolution coarsest, std::int64_t now_ns)
      : archive_(archive), windows_(windows), coarsest_(coarsest), now_ns_(now_ns) {}

  void device(const std::map<std::string, std::vector<Wanted>>& channels, std::vector<EnergyTrace>& out) {
    std::vector<std::uint32_t> ids;
    for (const auto& [name, all] : channels)
      for (const Wanted& wanted : all)
        if (wanted.reg) ids.push_back(*wanted.reg);
    std::vector<RegisterTrace> traces = RegisterReader{archive_, ids, windows_, coarsest_, now_ns_}.read();
    std::size_t next = 0;
    for (const auto& [name, all] : channels) {
      powers_.clear();
      for (const Wanted& wanted : all) {
        EnergyTrace trace;
        std::optional<std::int64_t> began;
        if (wanted.reg) {
          trace.series = archive_.series()[*wanted.reg];
          trace.origin = model::is_integrated(trace.series.info) ? EnergyOrigin::integrated : EnergyOrigin::meter;
          began = traces[next].first_ns;
          trace.windows = std::move(traces[next++].windows);
        } else {
          trace.series = register_of(archive_.series()[*wanted.power], wanted.quantity);
          trace.origin = EnergyOrigin::power;
          for (const TimeRange& window : windows_) trace.windows.push_back({window, 0, 0, 0, false});
        }
        if (wanted.power) add_power(wanted, began, trace);
        out.push_back(std::move(trace));
      }
    }
  }

 private:
  /// Of windows up to the time at which the register began.
  void add_power(const Wanted& wanted, std::optional<std::int64_t> began, EnergyTrace& trace) {
    if (began && *began <= windows_.front().from_ns) return;
    std::vector<TimeRange> windows;
    for (const TimeRange& window : windows_) {
      const std::int64_t end = std::min({window.to_ns, now_ns_, began.value_or(window.to_ns)});
      if (window.from_ns >= end) break;
      windows.push_back({window.from_ns, end});
    }
    if (windows.empty()) return;
    auto found = powers_.find(*wanted.power);
    if (found == powers_.end() || found->second.size() != windows.size())
      found = powers_.insert_or_assign(*wanted.power, read_power(archive_, *wanted.power, windows, coarsest_)).first;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const energy::PowerEnergy& energy = found->second[i];
      if (energy.covered_ns == 0) continue;
      Growth& growth = trace.windows[i];
      growth.amount += wanted.above ? energy.above_wh : energy.below_wh;
      const TimeRange due{growth.window.from_ns, std::min(growth.window.to_ns, now_ns_)};
      growth.completeness = std::min(1.0, growth.completeness + static_cast<double>(energy.covered_ns) /
                                                                    static_cast<double>(due.to_ns - due.from_ns));
      trace.origin = EnergyOrigin::power;
    }
  }

  Archive& archive_;
  const std::vector<TimeRange>& windows_;
  Resolution coarsest_;
  std::int64_t now_ns_;
  std::map<std::uint32_t, std::vector<energy::PowerEnergy>> powers_;
};

}  // namespace

std::vector<EnergyTrace> Store::energy(const EnergyQuery& query) {
  const std::vector<model::Glob> globs = globs_of(query);
  const std::vector<StoredSeries> all = archive_->series();
  const auto windows = energy::period_windows(query.every, query.range, archive_->site_zone(), kMostWindows);
  if (!windows)
    throw StoreError(StoreError::Cause::question,
                     fmt::format("energy-windows: the range has too many windows of '{}'\n  expected  at most {}\n"
                                 "  hint      ask for a shorter range or a longer period",
                                 to_string(query.every), kMostWindows));
  std::vector<EnergyTrace> out;
  if (windows->empty()) return out;
  Reader reader{*archive_, *windows, coarsest_for(query.every), query.now_ns > 0 ? query.now_ns : INT64_MAX};
  for (const auto& [device, channels] : channels_of(all)) {
    std::map<std::string, std::vector<Wanted>> wanted;
    for (const auto& [name, channel] : channels)
      if (auto some = wanted_of(device, name, channel, globs, all); !some.empty())
        wanted.emplace(name, std::move(some));
    if (!wanted.empty()) reader.device(wanted, out);
  }
  if (out.empty() && !query.series.empty())
    throw StoreError(StoreError::Cause::unknown,
                     fmt::format("energy-series: no register and no active power matches '{}'\n"
                                 "  hint      names are device/channel/quantity, '*' matches any part",
                                 fmt::join(query.series, "', '")));
  return out;
}

}  // namespace mesura::store
