// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/integrator.hpp"

#include "model/vocabulary.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <system_error>

namespace mesura::pipeline {
namespace {

constexpr std::string_view kImport = "active_energy_import";
constexpr std::string_view kExport = "active_energy_export";
constexpr double kNsPerHour = 3.6e12;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kGapFactor = 3;
/// Until two values have come, nobody knows the interval: a longer one is no interval.
constexpr std::int64_t kLongestFirstInterval = 15LL * 60 * 1'000'000'000;
/// So many equal intervals that look like gaps are the new usual (the user has changed it).
constexpr int kNewUsual = 3;
/// A device that polls registers of its own does so soon after the powers: until then nothing is published that its
/// first reading would contradict.
constexpr std::int64_t kPatience = 30LL * 1'000'000'000;

std::string channel_key(const SeriesInfo& info) { return info.device + "/" + info.channel; }

SeriesInfo register_of(const SeriesInfo& power, std::string_view quantity) {
  SeriesInfo info = power;
  info.quantity = std::string{quantity};
  info.unit = "Wh";
  info.flat_name = model::flat_name(info.channel, info.quantity, info.unit);
  info.source = std::string{model::kIntegrated};
  info.kind = Kind::reg;
  info.integration = Integration::none;
  const model::Quantity* known = model::Vocabulary::standard().find(quantity);
  info.decimals = known != nullptr ? known->decimals : 4;
  return info;
}

/// The areas above and below zero of a straight line from a to b over `hours`.
struct Areas {
  double above = 0;
  double below = 0;
};
Areas line(double a, double b, double hours) {
  if ((a >= 0) == (b >= 0)) {
    const double area = (a + b) / 2 * hours;
    return a >= 0 ? Areas{area, 0} : Areas{0, -area};
  }
  const double part = a / (a - b);  // of the time, until it crosses zero
  const double first = std::abs(a) / 2 * part * hours;
  const double second = std::abs(b) / 2 * (1 - part) * hours;
  return a >= 0 ? Areas{first, second} : Areas{second, first};
}

}  // namespace

void Integrator::apply(Batch& batch) {
  const std::size_t count = batch.items.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (const SeriesInfo& info = series_.at(batch.items[i].series); info.integration == Integration::session) {
      carry(batch.items[i], info);
      continue;
    }
    const Measurement m = batch.items[i];
    State* state = state_of(m.series);
    if (state == nullptr || m.type != MESURA_NUMBER || !std::isfinite(m.number)) continue;
    add(*state, m.time_ns, m.number);
    const bool fresh = !state->counted && state->totals->import_wh + state->totals->export_wh == 0;
    if (fresh || (state->mode == Integration::samples && m.time_ns - state->first_ns < kPatience)) continue;
    Measurement total{};
    total.time_ns = m.time_ns;
    total.type = MESURA_NUMBER;
    total.quality = m.quality;
    total.series = state->import_series;
    total.number = state->totals->import_wh;
    batch.items.push_back(total);
    total.series = state->export_series;
    total.number = state->totals->export_wh;
    batch.items.push_back(total);
  }
}

void Integrator::carry(Measurement& m, const SeriesInfo& info) {
  Carried& carried = carried_[m.series];
  if (carried.total == nullptr) {
    own_register(info);  // its powers are not integrated once more
    Totals& totals = totals_[channel_key(info)];
    carried.total = info.quantity == kImport ? &totals.import_wh : &totals.export_wh;
  }
  if (m.type != MESURA_NUMBER || !std::isfinite(m.number)) return;
  // Less than before: a new session, which has counted from 0.
  const double more = m.number >= carried.last ? m.number - carried.last : m.number;
  carried.last = m.number;
  *carried.total += more;
  if (more > 0) changed_ = true;
  m.number = *carried.total;
}

Integrator::State* Integrator::state_of(std::uint32_t series) {
  if (series >= states_.size()) states_.resize(std::max<std::size_t>(series + 1, states_.size() * 2));
  auto& slot = states_[series];
  if (slot) return *slot ? &**slot : nullptr;
  slot.emplace();
  const SeriesInfo& info = series_.at(series);
  if (info.quantity == kImport || info.quantity == kExport) {
    if (info.source != model::kIntegrated) own_register(info);
    return nullptr;
  }
  if (info.integration == Integration::none) return nullptr;
  const std::string key = channel_key(info);
  if (has_register_.contains(key)) return nullptr;
  State state;
  state.mode = info.integration;
  state.positive_is_import = info.role != "solar";
  const SeriesInfo taken = register_of(info, kImport);
  const SeriesInfo given = register_of(info, kExport);
  state.import_series = series_.add(taken);
  state.export_series = series_.add(given);
  state.totals = &totals_[key];
  slot->emplace(state);
  return &**slot;
}

void Integrator::own_register(const SeriesInfo& info) {
  const std::string key = channel_key(info);
  has_register_.emplace(key, true);
  for (std::uint32_t id = 0; id < states_.size(); ++id) {
    if (!states_[id] || !*states_[id]) continue;
    if (channel_key(series_.at(id)) == key) states_[id]->reset();
  }
}

bool Integrator::is_gap(State& state, std::int64_t interval_ns) {
  if (state.usual_ns == 0) {
    if (interval_ns > kLongestFirstInterval) return true;
    state.usual_ns = interval_ns;
    return false;
  }
  if (interval_ns > kGapFactor * state.usual_ns) {
    if (++state.odd_intervals < kNewUsual) return true;
    state.usual_ns = interval_ns;
    state.odd_intervals = 0;
    return interval_ns > kLongestFirstInterval;
  }
  state.odd_intervals = 0;
  state.usual_ns += (interval_ns - state.usual_ns) / 8;
  return false;
}

void Integrator::add(State& state, std::int64_t time_ns, double value) {
  if (!state.last_ns) {
    state.first_ns = time_ns;
  } else {
    const std::int64_t interval = time_ns - *state.last_ns;
    if (interval <= 0) {
      // Late or repeated: its time has been counted. But a clock that was set back is the clock from now on.
      if (-interval <= kGapFactor * std::max(state.usual_ns, kNsPerSecond)) return;
      state.last_ns = time_ns;
      state.last_value = value;
      return;
    }
    if (!is_gap(state, interval)) {
      const double hours = static_cast<double>(interval) / kNsPerHour;
      const Areas areas =
          state.mode == Integration::mean ? line(value, value, hours) : line(state.last_value, value, hours);
      state.totals->import_wh += state.positive_is_import ? areas.above : areas.below;
      state.totals->export_wh += state.positive_is_import ? areas.below : areas.above;
      state.counted = changed_ = true;
    }
  }
  state.last_ns = time_ns;
  state.last_value = value;
}

std::string Integrator::save() const {
  changed_ = false;
  std::string out = "mesura-energy 1\n";
  const auto number = [&out](double value) {
    char text[32];
    out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  };
  for (const auto& [key, totals] : totals_) {
    out += key;
    out += '\t';
    number(totals.import_wh);
    out += '\t';
    number(totals.export_wh);
    out += '\n';
  }
  return out;
}

void Integrator::raise(const model::RegisterValue& stored) {
  if (!std::isfinite(stored.value) || (stored.quantity != kImport && stored.quantity != kExport)) return;
  Totals& totals = totals_[stored.device + "/" + stored.channel];
  double& total = stored.quantity == kImport ? totals.import_wh : totals.export_wh;
  total = std::max(total, stored.value);
}

void Integrator::restore(const std::string& text) {
  std::string_view rest = text;
  const auto next_line = [&rest] {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
  };
  if (next_line() != "mesura-energy 1") return;
  while (!rest.empty()) {
    const std::string_view line = next_line();
    const std::size_t tab = line.find('\t');
    const std::size_t second = line.find('\t', tab + 1);
    if (tab == std::string_view::npos || second == std::string_view::npos) continue;
    Totals totals;
    const auto a = std::from_chars(line.data() + tab + 1, line.data() + second, totals.import_wh);
    const auto b = std::from_chars(line.data() + second + 1, line.data() + line.size(), totals.export_wh);
    if (a.ec != std::errc{} || b.ec != std::errc{}) continue;
    // In place: running states point here.
    totals_[std::string{line.substr(0, tab)}] = totals;
  }
}

}  // namespace mesura::pipeline
