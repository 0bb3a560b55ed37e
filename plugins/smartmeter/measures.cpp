// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "measures.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

namespace mesura::smartmeter {
namespace {

constexpr std::array<Measure, 10> kMeasures = {{
    {Model::smartmeter,
     RowKind::wave,
     "v,i,v,i,v,i",
     "v,i,v,i,v,i",
     "v,i,v,i,v,i",
     3,
     1,
     6,
     {"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"},
     {"V", "mA", "V", "mA", "V", "mA"}},
    {Model::smartmeter, RowKind::wave, "v,i_L1", "v,i_L1", "v,i_L1", 1, 1, 2, {"v_l1", "i_l1"}, {"V", "mA"}},
    {Model::smartmeter, RowKind::wave, "v,i_L2", "v,i_L2", "v,i_L2", 1, 2, 2, {"v_l2", "i_l2"}, {"V", "mA"}},
    {Model::smartmeter, RowKind::wave, "v,i_L3", "v,i_L3", "v,i_L3", 1, 3, 2, {"v_l3", "i_l3"}, {"V", "mA"}},
    {Model::smartmeter,
     RowKind::power,
     "p,q",
     "p,q",
     "p,p,p,q,q,q",
     3,
     1,
     6,
     {"p_l1", "p_l2", "p_l3", "q_l1", "q_l2", "q_l3"},
     {"W", "W", "W", "var", "var", "var"}},
    {Model::smartmeter,
     RowKind::rms,
     "v,i_RMS",
     "v,i_RMS",
     "v,v,v,i,i,i_RMS",
     3,
     1,
     6,
     {"v_rms_l1", "v_rms_l2", "v_rms_l3", "i_rms_l1", "i_rms_l2", "i_rms_l3"},
     {"V", "V", "V", "mA", "mA", "mA"}},
    {Model::powermeter, RowKind::wave, "v,i", "v,i_L1", "v,i", 1, 1, 2, {"v_l1", "i_l1"}, {"V", "mA"}},
    {Model::powermeter, RowKind::power, "p,q", "p,q", "p,q", 1, 1, 2, {"p_l1", "q_l1"}, {"W", "var"}},
    {Model::powermeter,
     RowKind::mixed,
     "v,i,p,q",
     "v,i,p,q",
     "v,i,p,q",
     1,
     1,
     4,
     {"v_l1", "i_l1", "p_l1", "q_l1"},
     {"V", "mA", "W", "var"}},
    {Model::powermeter, RowKind::rms, "v,i_RMS", "v,i_RMS", "v,i_RMS", 1, 1, 2, {"v_rms_l1", "i_rms_l1"}, {"V", "mA"}},
}};

constexpr auto kWaveRates = [] {
  std::array<std::int64_t, 36> rates{};
  std::size_t count = 0;
  for (std::int64_t rate = 1; rate <= 32000; ++rate)
    if (32000 % rate == 0) rates[count++] = rate;
  return rates;
}();
static_assert(kWaveRates.back() == 32000);

/// "VAR" and "var" are one unit.
bool same_unit(std::string_view a, std::string_view b) { return a == b || (b == "var" && (a == "VAR" || a == "Var")); }

bool units_fit(const Measure& measure, std::string_view unit) {
  for (std::size_t i = 0; i < measure.channels; ++i) {
    const std::size_t end = std::min(unit.find(','), unit.size());
    if (!same_unit(unit.substr(0, end), measure.units[i])) return false;
    unit.remove_prefix(std::min(end + 1, unit.size()));
  }
  return unit.empty();
}

}  // namespace

const Measure* find_measure(Model model, std::string_view option) {
  // The usual three lines are the one line of the sister device.
  if (model == Model::powermeter && option == "v,i,v,i,v,i") option = "v,i_L1";
  for (const auto& measure : kMeasures)
    if (measure.model == model && measure.option == option) return &measure;
  return nullptr;
}

const Measure* measure_of_reply(std::string_view measures, std::string_view unit, std::size_t channels) {
  for (const auto& measure : kMeasures)
    if (measure.channels == channels && (measures == measure.reply || measures == measure.request)) return &measure;
  for (const auto& measure : kMeasures)
    if (measure.channels == channels && units_fit(measure, unit)) return &measure;
  return nullptr;
}

std::span<const std::int64_t> wave_rates() { return kWaveRates; }

std::string refuse_rate(const Measure& measure, std::int64_t rate) {
  if (measure.model == Model::powermeter) {
    if (rate >= 1 && rate <= kMaxPowerMeterRate) return {};
    return fmt::format("1 to {} on a PowerMeter", kMaxPowerMeterRate);
  }
  if (!measure.is_wave()) {
    if (rate >= 1 && rate <= kMaxLatchedRate) return {};
    return fmt::format("1 to {} with measures {}", kMaxLatchedRate, measure.option);
  }
  if (std::binary_search(kWaveRates.begin(), kWaveRates.end(), rate)) return {};
  return fmt::format("a divisor of 32000: {}", fmt::join(kWaveRates, " "));
}

std::int64_t default_rate(const Measure& measure) {
  if (measure.model == Model::powermeter) return measure.is_wave() ? 4000 : 1;
  return measure.is_wave() ? 8000 : 1;
}

std::size_t chunk_bytes(Sink sink, std::int64_t rate, std::size_t row_bytes) {
  constexpr std::size_t kMost = 1024, kMostUdp = 512, kSerial = 128;
  const auto tenth = static_cast<std::size_t>(0.1 * static_cast<double>(rate) * static_cast<double>(row_bytes));
  std::size_t size = std::min(std::bit_ceil(std::clamp(tenth, row_bytes, kMost)), kMost);
  if (sink == Sink::udp) size = std::min(size, kMostUdp);
  if (sink == Sink::serial) size = kSerial;
  return std::max(size / row_bytes * row_bytes, row_bytes);
}

}  // namespace mesura::smartmeter
