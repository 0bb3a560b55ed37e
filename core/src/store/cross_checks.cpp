// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/periods.hpp"
#include "model/register_value.hpp"
#include "store/energy/tiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace mesura::store {
namespace {

/// Hours of which less was heard say nothing.
constexpr double kHeard = 0.99;
/// Meters cut or round each power to whole watts, old ones to 10 W.
constexpr double kWattsEach = 5;
constexpr double kPart = 0.01;
/// Two registers of whole Wh, one telegram more or less at either end, powers of whole 10 W over an hour.
constexpr double kEnergyWh = 15;
constexpr double kEnergyPart = 0.02;

struct Series {
  std::optional<std::uint32_t> total;
  std::vector<std::uint32_t> phases;
  std::optional<std::uint32_t> import, exported;  ///< the meter's own registers of the total
};

Series series_of(const std::vector<StoredSeries>& all, const std::string& device) {
  Series out;
  for (const StoredSeries& series : all) {
    const SeriesInfo& info = series.info;
    if (info.device != device || series.stored_as_state) continue;
    const bool total = info.channel == "total";
    const bool phase = info.channel.size() == 2 && info.channel[0] == 'l' && std::isdigit(info.channel[1]) != 0;
    if (info.quantity == "active_power" && total) out.total = info.id;
    if (info.quantity == "active_power" && phase) out.phases.push_back(info.id);
    // What we integrate ourselves is the same power: it cannot disagree.
    if (!total || info.kind != Kind::reg || model::is_integrated(info)) continue;
    if (info.quantity == "active_energy_import") out.import = info.id;
    if (info.quantity == "active_energy_export") out.exported = info.id;
  }
  return out;
}

}  // namespace

std::vector<CrossCheck> Store::cross_checks(const std::string& device, TimeRange range) {
  const std::vector<StoredSeries>& all = archive_->series();
  if (std::none_of(all.begin(), all.end(), [&](const StoredSeries& s) { return s.info.device == device; }))
    throw StoreError(StoreError::Cause::unknown,
                     fmt::format("store-device: nothing is stored of a device '{}'", device));
  const Series s = series_of(all, device);
  std::vector<CrossCheck> out;
  if (!s.total) return out;
  const bool phases = !s.phases.empty();
  const bool energy = s.import.has_value();
  if (!phases && !energy) return out;

  std::vector<std::uint32_t> ids{*s.total};
  ids.insert(ids.end(), s.phases.begin(), s.phases.end());
  const std::size_t import_at = ids.size();
  if (s.import) ids.push_back(*s.import);
  const std::size_t export_at = ids.size();
  if (s.exported) ids.push_back(*s.exported);

  const auto check_phases = [&](const RollupRow& row) {
    const Cell& total = row.cells[0];
    double sum = 0;
    for (std::size_t i = 1; i <= s.phases.size(); ++i) {
      if (row.cells[i].count != total.count) return;  // not of the same telegrams
      sum += row.cells[i].mean;
    }
    if (std::abs(sum - total.mean) <= kWattsEach * static_cast<double>(s.phases.size()) + kPart * std::abs(total.mean))
      return;
    out.push_back({"phases-total", device, row.window, total.mean, sum,
                   fmt::format("the phases of {} sum up to {:.0f} W, the total is {:.0f} W", device, sum, total.mean)});
  };
  const auto check_energy = [&](const RollupRow& row) {
    if (row.completeness < kHeard || row.cells[import_at].count == 0) return;
    const double import = row.cells[import_at].delta;
    const double exported = s.exported ? row.cells[export_at].delta : 0;
    const double hours =
        static_cast<double>(row.window.to_ns - row.window.from_ns) / static_cast<double>(energy::kHourNs);
    const double by_power = row.cells[0].mean * hours;
    const double by_register = import - exported;
    if (std::abs(by_power - by_register) <= kEnergyWh + kEnergyPart * (import + exported)) return;
    out.push_back({"power-energy", device, row.window, by_register, by_power,
                   fmt::format("the power of {} comes to {:.0f} Wh, its registers have grown by {:.0f} Wh", device,
                               by_power, by_register)});
  };
  for (const Tile& tile : tiles(*archive_, ids, range, Resolution::hour)) {
    if (tile.resolution != Resolution::hour) continue;  // parts of hours, or not summed up yet
    archive_->rollups(tile.resolution, ids, tile.range, [&](const RollupRow& row) {
      if (row.cells[0].count == 0) return true;
      if (phases) check_phases(row);
      if (energy) check_energy(row);
      return true;
    });
  }
  return out;
}

}  // namespace mesura::store
