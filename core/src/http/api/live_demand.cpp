// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/live_demand.hpp"

#include "energy/capacity.hpp"
#include "energy/quarter_meter.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <mutex>
#include <string_view>
#include <vector>

namespace mesura::http::api {

namespace {

/// What of a batch counts.
enum class Part : signed char { unknown = -1, none, import, power, register_total, register_tariff, demand };

Part part_of(const SeriesInfo& info) {
  if (info.text) return Part::none;
  if (info.channel == "total") {
    if (info.quantity == "active_power_import") return Part::import;
    if (info.quantity == "active_power") return Part::power;
    if (info.quantity == "active_energy_import") return Part::register_total;
    if (info.quantity == "active_demand_import") return Part::demand;
  }
  const bool tariff =
      info.channel.size() == 2 && info.channel[0] == 't' && info.channel[1] >= '1' && info.channel[1] <= '9';
  return tariff && info.quantity == "active_energy_import" ? Part::register_tariff : Part::none;
}

struct Device {
  energy::QuarterMeter meter;
  energy::LastMinute minute;
  std::vector<store::QuarterDemand> done;
};

}  // namespace

struct LiveDemand::State {
  explicit State(const SeriesTable& table) : series(table) {}

  const SeriesTable& series;
  mutable std::mutex mutex;
  std::vector<Part> parts;  ///< by series
  std::map<std::string, Device, std::less<>> devices;

  Part part(std::uint32_t id) {
    if (id >= parts.size()) parts.resize(id + 1, Part::unknown);
    if (parts[id] == Part::unknown) parts[id] = part_of(series.at(id));
    return parts[id];
  }
};

LiveDemand::LiveDemand(const SeriesTable& series) : state_(std::make_unique<State>(series)) {}
LiveDemand::~LiveDemand() = default;

void LiveDemand::take(const Batch& batch) {
  if (batch.waveform) return;
  const std::scoped_lock lock{state_->mutex};
  energy::DemandSample sample;
  double power = energy::DemandSample::kUnknown;
  double tariffs = energy::DemandSample::kUnknown;
  for (const Measurement& m : batch.items) {
    switch (state_->part(m.series)) {
      case Part::import: sample.power_w = std::max(0.0, m.number); break;
      case Part::power: power = std::max(0.0, m.number); break;
      case Part::register_total: sample.register_wh = m.number; break;
      case Part::register_tariff: tariffs = std::isnan(tariffs) ? m.number : tariffs + m.number; break;
      case Part::demand: sample.demand_w = m.number; break;
      default: continue;
    }
    sample.time_ns = m.time_ns;
  }
  if (sample.time_ns == 0) return;
  if (std::isnan(sample.power_w)) sample.power_w = power;
  if (std::isnan(sample.register_wh)) sample.register_wh = tariffs;
  Device& device = state_->devices[batch.device];
  device.meter.push(sample, device.done);
  device.done.clear();
  device.minute.add(sample.time_ns, sample.power_w);
}

std::optional<LiveDemand::Running> LiveDemand::running(const std::string& device) const {
  const std::scoped_lock lock{state_->mutex};
  const auto found = state_->devices.find(device);
  if (found == state_->devices.end()) return std::nullopt;
  const auto quarter = found->second.meter.running();
  if (!quarter) return std::nullopt;
  const std::int64_t time = found->second.meter.time_ns();
  return Running{time, *quarter, found->second.minute.mean(time)};
}

}  // namespace mesura::http::api
