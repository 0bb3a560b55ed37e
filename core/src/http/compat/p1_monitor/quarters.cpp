// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/quarters.hpp"

#include "http/compat/p1_monitor/grid_power.hpp"
#include "http/compat/p1_monitor/stored_quarter.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mesura::http::compat::p1_monitor {
namespace {

constexpr std::int64_t kUs = 1000;
constexpr std::int64_t kSlotNs = 5'000'000'000;
/// The running quarter hour, the one before it, and time for the sink to have written that one.
constexpr std::chrono::minutes kKept{45};
/// Without a sample of a later one a quarter hour is over this long after its end.
constexpr std::int64_t kPatienceNs = 60'000'000'000;

}  // namespace

Quarters::Quarters(const Context& context) : context_(context) { context.live.keep(context.device, kKept); }

Quarters::Memory Quarters::memory() const {
  Memory memory;
  const auto batches = context_.live.recent(context_.device, INT64_MIN);
  if (batches.empty()) return memory;
  memory.since_ns = batches.front()->time_ns;
  const GridPower power{context_.live.series(), context_.device};
  for (const BatchPtr& batch : batches) {
    for (const Measurement& m : batch->items) {
      const auto part = power.part(m.series);
      if (!part || m.type != MESURA_NUMBER) continue;
      Sample& sample = memory.samples.try_emplace(m.time_ns / kUs, Sample{NAN, NAN}).first->second;
      if (*part == GridPower::Part::exported)
        sample.exported = m.number;
      else
        sample.imported = m.number;
      if (*part == GridPower::Part::net) sample.exported = -m.number;
      if (batch->received_ns < memory.received_ns) continue;
      memory.received_ns = batch->received_ns;
      memory.newest_ns = m.time_ns;
    }
  }
  return memory;
}

bool Quarters::over(std::int64_t start_ns, const Memory& memory) const {
  const std::int64_t end = start_ns + kQuarterNs;
  const std::int64_t now = context_.clock.wall_ns();
  if (!memory.empty() && memory.newest_ns >= end) return true;
  // A meter that speaks has the last word, whatever our clock says.
  const bool silent = memory.empty() || now - memory.received_ns >= kPatienceNs;
  return silent && now >= end + kPatienceNs;
}

Quarter Quarters::of_memory(std::int64_t start_ns, const Memory& memory) const {
  sinks::rollup::QuarterSamples samples{start_ns / kUs};
  const auto end = memory.samples.lower_bound((start_ns + kQuarterNs) / kUs);
  for (auto it = memory.samples.lower_bound(start_ns / kUs); it != end; ++it)
    samples.add(it->first, it->second.imported, it->second.exported);
  return samples.result(context_.zone);
}

Quarter Quarters::gather(std::int64_t start_ns, const Memory& memory, store::Archive& archive) const {
  sinks::rollup::QuarterSamples samples{start_ns / kUs};
  const std::int64_t end_ns = start_ns + kQuarterNs;
  const std::int64_t cut_ns = std::min(end_ns, memory.since_ns);
  if (cut_ns > start_ns) {
    const StoredPower power{archive.series(), context_.device};
    if (!power.series().empty()) {
      archive.raw(power.series(), {start_ns, cut_ns}, [&](const store::RawRow& row) {
        const auto [imported, exported] = power.of(row.values);
        samples.add(row.time_ns / kUs, imported, exported);
        return true;
      });
    }
  }
  const auto end = memory.samples.lower_bound(end_ns / kUs);
  for (auto it = memory.samples.lower_bound(std::max(start_ns, cut_ns) / kUs); it != end; ++it)
    samples.add(it->first, it->second.imported, it->second.exported);
  return samples.result(context_.zone);
}

template <class Answer>
auto Quarters::ask(store::StorePool& stores, Answer&& answer) {
  auto lease = stores.lease();
  try {
    return answer(lease->archive());
  } catch (const store::StoreError& error) {
    if (error.cause() == store::StoreError::Cause::unavailable) lease.discard();
    throw;
  }
}

std::optional<Quarter> Quarters::running() const {
  const Memory known = memory();
  const std::int64_t start = start_of(known.empty() ? context_.clock.wall_ns() : known.newest_ns);
  Quarter quarter;
  const auto stores = stores_of(context_);
  if (!stores || known.since_ns <= start) {
    quarter = of_memory(start, known);
  } else {
    try {
      quarter = ask(*stores, [&](store::Archive& archive) { return gather(start, known, archive); });
    } catch (const store::StoreError&) {
      // What comes in is worth more than an error.
      quarter = of_memory(start, known);
    }
  }
  if (quarter.samples == 0) return std::nullopt;
  return quarter;
}

std::optional<Quarter> Quarters::finished(std::int64_t start_ns) const {
  const Memory known = memory();
  if (!over(start_ns, known)) return std::nullopt;
  Quarter quarter;
  const auto stores = stores_of(context_);
  if (!stores || known.since_ns <= start_ns) {
    quarter = of_memory(start_ns, known);
  } else {
    quarter = ask(*stores, [&](store::Archive& archive) {
      Quarter best = gather(start_ns, known, archive);
      // Raw rows go with age, stored quarter hours may be behind what came late: whichever knows more.
      archive.quarters(context_.device, {start_ns, start_ns + 1}, [&](const store::StoredQuarter& stored) {
        auto read = read_stored(stored, context_.zone);
        if (read && read->samples > best.samples) best = *read;
        return false;
      });
      return best;
    });
  }
  if (quarter.samples == 0) return std::nullopt;
  return quarter;
}

std::set<std::int64_t> Quarters::list(store::TimeRange range) const {
  const Memory known = memory();
  std::set<std::int64_t> starts;
  for (auto it = known.samples.lower_bound(range.from_ns / kUs); it != known.samples.end();) {
    const std::int64_t start = start_of(it->first * kUs);
    if (range.contains(start)) starts.insert(start);
    it = known.samples.lower_bound((start + kQuarterNs) / kUs);
  }
  if (const auto stores = stores_of(context_); stores) {
    ask(*stores, [&](store::Archive& archive) {
      archive.quarters(context_.device, range, [&](const store::StoredQuarter& stored) {
        starts.insert(stored.start_ns);
        return true;
      });
      return 0;
    });
  }
  std::erase_if(starts, [&](std::int64_t start) { return !over(start, known); });
  return starts;
}

std::optional<std::int64_t> Quarters::first(store::TimeRange range) const {
  const Memory known = memory();
  std::optional<std::int64_t> found;
  const auto consider = [&](std::int64_t start) {
    if (!range.contains(start) || !over(start, known)) return;
    if (!found || start < *found) found = start;
  };
  for (auto it = known.samples.begin(); it != known.samples.end() && !found;) {
    const std::int64_t start = start_of(it->first * kUs);
    consider(start);
    it = known.samples.lower_bound((start + kQuarterNs) / kUs);
  }
  if (const auto stores = stores_of(context_); stores) {
    ask(*stores, [&](store::Archive& archive) {
      archive.quarters(context_.device, range, [&](const store::StoredQuarter& stored) {
        consider(stored.start_ns);
        return false;
      });
      return 0;
    });
  }
  return found;
}

std::optional<std::int64_t> Quarters::present_import() const {
  const Memory known = memory();
  if (known.empty() || context_.clock.wall_ns() - known.received_ns > context_.stale_after.count()) return std::nullopt;
  const std::int64_t newest = known.newest_ns;
  const std::int64_t start = start_of(newest);
  return of_memory(start, known).imported[static_cast<std::size_t>((newest - start) / kSlotNs)];
}

std::optional<Quarters::Peak> Quarters::month_peak() const {
  const Memory known = memory();
  if (known.empty()) return std::nullopt;
  const SeriesTable& table = context_.live.series();
  std::optional<Peak> peak;
  std::int64_t stamp = INT64_MIN;
  for (const Live::Value& value : context_.live.latest()) {
    const SeriesInfo& info = table.at(value.series);
    if (info.device != context_.device || info.channel != "total" ||
        info.quantity != "active_demand_import_month_max" || value.measurement.time_ns < stamp)
      continue;
    stamp = value.measurement.time_ns;
    peak = Peak{stamp - kQuarterNs, static_cast<std::int64_t>(value.measurement.number)};
  }
  if (!peak || peak->watts <= 0) return std::nullopt;
  // A meter that has no peak of the new month yet tells only older ones. That of the month's last quarter hour still
  // stands in 1.6.0 at midnight.
  const std::int64_t newest = known.newest_ns;
  const std::int64_t month = context_.zone.month(newest).start_ns;
  if (peak->quarter_ns >= month || (stamp == month && newest < month + kQuarterNs)) return peak;
  return std::nullopt;
}

}  // namespace mesura::http::compat::p1_monitor
