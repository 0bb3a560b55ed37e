// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/energy/demand_reader.hpp"

#include "energy/register_growth.hpp"
#include "store/energy/power_reader.hpp"
#include "store/energy/register_reader.hpp"
#include "store/energy/tiles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mesura::store {
namespace {

using energy::floor_to;
using energy::kQuarterNs;
using energy::kSecondNs;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kLateNs = 10 * kSecondNs;
constexpr double kEnough = 0.9;
/// Where raw rows are gone, only rollups tell whether both ends were heard.
constexpr double kComplete = 0.98;

/// t1, t2, ...
bool is_tariff(const std::string& channel) {
  return channel.size() > 1 && channel[0] == 't' &&
         std::all_of(channel.begin() + 1, channel.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<TimeRange> quarters_of(TimeRange range) {
  std::vector<TimeRange> out;
  for (std::int64_t at = floor_to(range.from_ns, kQuarterNs); at < range.to_ns; at += kQuarterNs)
    out.push_back({at, at + kQuarterNs});
  return out;
}

}  // namespace

DemandReader::DemandReader(Archive& archive, const std::string& device, const std::string& channel, std::int64_t now_ns)
    : archive_(archive), now_ns_(now_ns) {
  std::optional<std::uint32_t> total, net;
  std::vector<std::uint32_t> tariffs;
  for (const StoredSeries& series : archive.series()) {
    const SeriesInfo& info = series.info;
    if (info.device != device || series.stored_as_state || info.text) continue;
    if (info.quantity == "active_energy_import" && info.kind == Kind::reg) {
      if (info.channel == channel) total = info.id;
      if (channel == "total" && is_tariff(info.channel)) tariffs.push_back(info.id);
    }
    if (info.channel != channel) continue;
    if (info.quantity == "active_power_import") power_ = info.id;
    if (info.quantity == "active_power") {
      net = info.id;
      above_ = info.role != "solar";
    }
    if (info.quantity == "active_demand_import") demand_ = info.id;
    if (info.quantity == "active_demand_import_month_max") month_max_ = info.id;
  }
  if (power_)
    above_ = true;
  else
    power_ = net;
  if (total)
    registers_ = {*total};
  else
    registers_ = std::move(tariffs);
  if (registers_.empty() && !power_ && !demand_)
    throw StoreError(StoreError::Cause::unknown,
                     fmt::format("demand-series: '{}/{}' has no register of imported energy and no active power\n"
                                 "  hint      name the channel at the grid: 'total', or a clamp such as 'ct1'",
                                 device, channel));
}

std::vector<std::uint32_t> DemandReader::live_ids() const {
  std::vector<std::uint32_t> out = registers_;
  if (power_) out.push_back(*power_);
  if (demand_) out.push_back(*demand_);
  return out;
}

energy::DemandSample DemandReader::sample(const RawRow& row) const {
  energy::DemandSample out;
  out.time_ns = row.time_ns;
  if (!registers_.empty()) out.register_wh = 0;
  std::size_t i = 0;
  for (; i < registers_.size(); ++i) out.register_wh += row.values[i];  // NaN if one is missing
  if (power_) out.power_w = above_ ? row.values[i] : -row.values[i];
  if (power_) ++i;
  if (demand_) out.demand_w = row.values[i];
  return out;
}

std::optional<TimeRange> DemandReader::known(TimeRange range) {
  std::optional<std::int64_t> first, last;
  for (const std::uint32_t id : live_ids()) {
    if (const auto s = archive_.at_or_after(id, range.from_ns))
      first = std::min(first.value_or(s->time_ns), s->time_ns);
    if (const auto s = archive_.at_or_before(id, std::min(range.to_ns - 1, now_ns_)))
      last = std::max(last.value_or(s->time_ns), s->time_ns);
  }
  if (!first || !last || *last < range.from_ns || *first >= range.to_ns) return std::nullopt;
  return TimeRange{std::max(range.from_ns, floor_to(*first, kQuarterNs)),
                   std::min(range.to_ns, floor_to(*last, kQuarterNs) + kQuarterNs)};
}

std::vector<QuarterDemand> DemandReader::quarters(TimeRange range) {
  const std::int64_t present = floor_to(now_ns_, kQuarterNs);
  if (range.from_ns >= range.to_ns) return {};
  range.from_ns = floor_to(range.from_ns, kQuarterNs);
  // What nothing was heard of, need not be asked for quarter by quarter.
  const auto part = known(range);
  if (!part) return {};
  range = *part;

  std::vector<QuarterDemand> out = finished({range.from_ns, std::min(range.to_ns, present)});
  if (range.from_ns <= present && present < range.to_ns)
    if (auto now = running(present)) out.push_back(*now);
  const auto heard = [](const QuarterDemand& q) { return q.samples > 0 || !std::isnan(q.average_w); };
  while (!out.empty() && !heard(out.back())) out.pop_back();
  out.erase(out.begin(), std::find_if(out.begin(), out.end(), heard));
  return out;
}

std::vector<QuarterDemand> DemandReader::finished(TimeRange range) {
  std::vector<QuarterDemand> out;
  if (range.from_ns >= range.to_ns) return out;
  const std::vector<TimeRange> windows = quarters_of(range);
  for (const TimeRange& window : windows) {
    QuarterDemand quarter;
    quarter.start_ns = window.from_ns;
    quarter.average_w = quarter.min_w = quarter.max_w = kNaN;
    out.push_back(quarter);
  }
  range = {windows.front().from_ns, windows.back().to_ns};
  const std::vector<double> covered = see(range, out);
  by_registers(windows, out);
  by_demand(out);
  by_power(out);
  completeness(covered, out);
  return out;
}

std::vector<double> DemandReader::see(TimeRange range, std::vector<QuarterDemand>& out) {
  std::vector<double> covered(out.size(), 0);
  const std::vector<std::uint32_t> ids = live_ids();
  const std::size_t power_at = registers_.size();
  const auto quarter_at = [&](std::int64_t time_ns) -> QuarterDemand& {
    return out[static_cast<std::size_t>((time_ns - range.from_ns) / kQuarterNs)];
  };
  const auto note = [&](QuarterDemand& quarter, double low, double high) {
    if (!above_) std::swap(low *= -1, high *= -1);
    quarter.min_w = std::fmin(quarter.min_w, std::max(0.0, low));
    quarter.max_w = std::fmax(quarter.max_w, std::max(0.0, high));
  };
  for (const Tile& tile : tiles(archive_, ids, range, Resolution::quarter_hour)) {
    if (tile.resolution == Resolution::raw) {
      archive_.raw(ids, tile.range, [&](const RawRow& row) {
        QuarterDemand& quarter = quarter_at(row.time_ns);
        ++quarter.samples;
        if (power_ && !std::isnan(row.values[power_at])) note(quarter, row.values[power_at], row.values[power_at]);
        return true;
      });
      continue;
    }
    archive_.rollups(tile.resolution, ids, tile.range, [&](const RollupRow& row) {
      QuarterDemand& quarter = quarter_at(row.window.from_ns);
      std::uint64_t count = 0;
      for (const Cell& cell : row.cells) count = std::max(count, cell.count);
      quarter.samples += count;
      covered[static_cast<std::size_t>(&quarter - out.data())] +=
          row.completeness * static_cast<double>(row.window.to_ns - row.window.from_ns) /
          static_cast<double>(kQuarterNs);
      if (power_ && row.cells[power_at].count > 0) note(quarter, row.cells[power_at].min, row.cells[power_at].max);
      return true;
    });
  }
  return covered;
}

void DemandReader::by_registers(std::span<const TimeRange> windows, std::vector<QuarterDemand>& out) {
  if (registers_.empty()) return;
  const std::vector<RegisterTrace> traces =
      RegisterReader{archive_, registers_, windows, Resolution::quarter_hour, now_ns_}.read();
  for (std::size_t i = 0; i < out.size(); ++i) {
    QuarterDemand& quarter = out[i];
    if (quarter.samples == 0) continue;
    double wh = 0;
    bool bounded = true;
    bool estimated = false;
    for (const RegisterTrace& trace : traces) {
      if (!trace.first_ns) continue;  // a tariff that never was
      bounded = bounded && trace.bounded[i];
      wh += trace.windows[i].amount;
      estimated = estimated || trace.interpolated[i] || trace.windows[i].epochs > 0;
    }
    if (!bounded || std::none_of(traces.begin(), traces.end(), [](const auto& t) { return t.first_ns.has_value(); }))
      continue;
    quarter.average_w = 4 * wh;
    quarter.origin = DemandOrigin::registers;
    quarter.estimated = estimated;
  }
}

void DemandReader::by_demand(std::vector<QuarterDemand>& out) {
  if (!demand_) return;
  for (QuarterDemand& quarter : out) {
    if (quarter.samples == 0 || !std::isnan(quarter.average_w)) continue;
    const std::int64_t end = quarter.start_ns + kQuarterNs;
    const auto last = archive_.at_or_before(*demand_, end - 1);
    if (!last || last->time_ns < quarter.start_ns) continue;
    quarter.average_w = last->value;
    quarter.origin = DemandOrigin::meter;
    quarter.estimated = end - last->time_ns > kLateNs;
  }
}

void DemandReader::by_power(std::vector<QuarterDemand>& out) {
  if (!power_) return;
  for (std::size_t i = 0; i < out.size();) {
    const auto open = [&](const QuarterDemand& q) { return q.samples > 0 && std::isnan(q.average_w); };
    if (!open(out[i])) {
      ++i;
      continue;
    }
    // Runs, so that a channel without registers is one question.
    std::vector<TimeRange> windows;
    const std::size_t first = i;
    for (; i < out.size() && open(out[i]); ++i) windows.push_back({out[i].start_ns, out[i].start_ns + kQuarterNs});
    const auto energies = read_power(archive_, *power_, windows, Resolution::quarter_hour);
    for (std::size_t w = 0; w < windows.size(); ++w) {
      const energy::PowerEnergy& energy = energies[w];
      if (energy.covered_ns == 0) continue;
      QuarterDemand& quarter = out[first + w];
      const double hours = static_cast<double>(energy.covered_ns) / static_cast<double>(energy::kHourNs);
      quarter.average_w = (above_ ? energy.above_wh : energy.below_wh) / hours;
      quarter.origin = DemandOrigin::power;
      quarter.estimated = static_cast<double>(energy.covered_ns) < kEnough * static_cast<double>(kQuarterNs);
    }
  }
}

void DemandReader::completeness(std::span<const double> covered, std::vector<QuarterDemand>& out) {
  const std::vector<std::uint32_t> ids = live_ids();
  const std::vector<TimeRange> gone =
      archive_.behind(Resolution::raw, ids, {out.front().start_ns, out.back().start_ns + kQuarterNs});
  const auto heard = [&](std::int64_t from, std::int64_t to) {
    bool any = false;
    archive_.raw(ids, {from, to}, [&](const RawRow&) {
      any = true;
      return false;
    });
    return any;
  };
  // Of the quarter before: what was heard after its end.
  bool asked = false;
  bool at_start = false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    QuarterDemand& quarter = out[i];
    const std::int64_t end = quarter.start_ns + kQuarterNs;
    if (quarter.samples == 0) {
      asked = false;
      continue;
    }
    if (std::any_of(gone.begin(), gone.end(), [&](const TimeRange& r) { return r.contains(quarter.start_ns); })) {
      quarter.complete = covered[i] >= kComplete;
      asked = false;
      continue;
    }
    if (!asked) at_start = heard(quarter.start_ns, quarter.start_ns + kLateNs + 1);
    const bool at_end = heard(end, end + kLateNs + 1);
    quarter.complete = at_start && (at_end || heard(end - kLateNs, end));
    at_start = at_end;
    asked = true;
  }
}

std::optional<QuarterDemand> DemandReader::running(std::int64_t quarter_ns) {
  energy::QuarterMeter meter;
  std::vector<QuarterDemand> done;
  const std::vector<std::uint32_t> ids = live_ids();
  // With some rows before it, for a border that has to be interpolated.
  archive_.raw(ids, {quarter_ns - kQuarterNs / 3, now_ns_ + 1}, [&](const RawRow& row) {
    meter.push(sample(row), done);
    return true;
  });
  const auto quarter = meter.running();
  return quarter && quarter->start_ns == quarter_ns ? quarter : std::nullopt;
}

}  // namespace mesura::store
