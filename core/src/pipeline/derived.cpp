// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/derived.hpp"

#include "model/vocabulary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

namespace mesura::pipeline {
namespace {

/// How far the clocks of two sources may be apart, beyond what their cadence explains.
constexpr std::int64_t kClocksApart = 60LL * 1'000'000'000;

}  // namespace

Derived::Derived(SeriesTable& series, std::vector<Formula> formulas, runtime::Logger log)
    : series_(series), log_(std::move(log)) {
  for (auto& formula : formulas) {
    State state;
    for (const auto& operand : formula.expression.operands()) {
      Input input;
      input.name = operand.device + "/" + operand.channel + "/" +
                   (operand.quantity.empty() ? formula.info.quantity : operand.quantity);
      state.inputs.push_back(std::move(input));
    }
    state.formula = std::move(formula);
    states_.push_back(std::move(state));
  }
}

const std::vector<Derived::Use>& Derived::uses_of(std::uint32_t series) {
  if (series >= uses_.size()) uses_.resize(std::max<std::size_t>(series + 1, uses_.size() * 2));
  auto& slot = uses_[series];
  if (slot) return *slot;
  slot.emplace();
  const SeriesInfo& info = series_.at(series);
  const std::string name = info.name();
  for (std::uint32_t f = 0; f < states_.size(); ++f) {
    State& state = states_[f];
    for (std::uint32_t i = 0; i < state.inputs.size(); ++i) {
      if (state.inputs[i].name != name) continue;
      const auto& facts = state.formula.facts[i];
      if (info.unit != facts.unit || info.kind != facts.kind || info.text) {
        log_.warn("derived-input", "{} cannot use {}: expected a {} in {}, got a {} in {}", state.formula.info.name(),
                  name, to_string(facts.kind), facts.unit, info.text ? "text" : to_string(info.kind), info.unit);
        continue;
      }
      state.inputs[i].mean = info.integration == Integration::mean;
      slot->push_back({f, i});
    }
  }
  return *slot;
}

void Derived::feed(const Measurement& m, std::int64_t instant_ns) {
  if (m.type != MESURA_NUMBER || !std::isfinite(m.number)) return;
  for (const Use& use : uses_of(m.series)) {
    State& state = states_[use.formula];
    Input& input = state.inputs[use.input];
    if (input.known) {
      // By the source's own time: a reading that a telegram repeats with its old stamp is no new one.
      const std::int64_t step = m.time_ns - input.time_ns;
      const bool set_back = step < 0 && -step > std::max(input.cadence.gap_ns(), kClocksApart);
      if (step <= 0 && !set_back) continue;
    }
    if (input.cadence.next(instant_ns) == Cadence::Step::late && input.known && instant_ns != input.instant_ns)
      continue;
    input.known = input.renewed = true;
    input.value = m.number;
    input.time_ns = m.time_ns;
    input.instant_ns = instant_ns;
    input.quality = m.quality;
    state.touched = touched_ = true;
  }
}

std::optional<Measurement> Derived::result(State& state) {
  auto& inputs = state.inputs;
  std::int64_t fastest = std::numeric_limits<std::int64_t>::max();
  std::int64_t newest_instant = std::numeric_limits<std::int64_t>::min();
  std::int64_t newest_time = newest_instant;
  for (const Input& input : inputs) {
    if (!input.known) return std::nullopt;
    if (const auto usual = input.cadence.usual_ns(); usual > 0) fastest = std::min(fastest, usual);
    newest_instant = std::max(newest_instant, input.instant_ns);
    newest_time = std::max(newest_time, input.time_ns);
  }
  for (const Input& input : inputs) {
    const std::int64_t usual = input.cadence.usual_ns();
    const bool is_fast = usual == 0 || usual / 3 <= fastest / 2;
    if (is_fast && !input.renewed) return std::nullopt;
    const std::int64_t age = newest_instant - input.instant_ns;
    if (age > 0 && (usual == 0 || age > input.cadence.gap_ns())) return std::nullopt;
    if (newest_time - input.time_ns > input.cadence.gap_ns() + kClocksApart) return std::nullopt;
  }
  if (state.last_ns && newest_time <= *state.last_ns &&
      *state.last_ns - newest_time <= std::max(kClocksApart, Cadence::kGapFactor * fastest))
    return std::nullopt;

  Measurement m{};
  m.time_ns = newest_time;
  m.type = MESURA_NUMBER;
  m.quality = MESURA_DERIVED;
  values_.clear();
  for (Input& input : inputs) {
    values_.push_back(input.value);
    m.quality = static_cast<std::uint8_t>(m.quality | input.quality);
    input.renewed = false;
  }
  m.number = state.formula.expression.evaluate(values_);
  state.last_ns = newest_time;
  if (!std::isfinite(m.number)) return std::nullopt;
  m.series = series_of(state);
  return m;
}

std::uint32_t Derived::series_of(State& state) {
  if (state.series) return *state.series;
  SeriesInfo info = state.formula.info;
  info.flat_name = model::flat_name(info.channel, info.quantity, info.unit);
  if (info.quantity == "active_power") {
    const bool means = std::all_of(state.inputs.begin(), state.inputs.end(), [](const Input& i) { return i.mean; });
    info.integration = means ? Integration::mean : Integration::samples;
  }
  state.series = series_.add(std::move(info));
  return *state.series;
}

void Derived::apply(const Batch& batch, bool live, std::vector<std::shared_ptr<Batch>>& out) {
  touched_ = false;
  for (const Measurement& m : batch.items) feed(m, live ? batch.received_ns - (batch.time_ns - m.time_ns) : m.time_ns);
  if (!touched_) return;
  const std::size_t before = out.size();
  // Each formula uses only those before it: one pass settles all.
  for (State& state : states_) {
    if (!std::exchange(state.touched, false)) continue;
    const auto m = result(state);
    if (!m) continue;
    const auto same = [&](const auto& b) { return b->device == state.formula.info.device && b->time_ns == m->time_ns; };
    auto found = std::find_if(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), same);
    if (found == out.end()) {
      auto made = std::make_shared<Batch>();
      made->device = state.formula.info.device;
      made->time_ns = m->time_ns;
      made->received_ns = batch.received_ns;
      found = out.insert(out.end(), std::move(made));
    }
    (*found)->items.push_back(*m);
    feed(*m, live ? batch.received_ns : m->time_ns);
  }
}

std::vector<std::string> Derived::missing() const {
  std::vector<std::string> list;
  for (const State& state : states_)
    for (const Input& input : state.inputs)
      if (!input.known) list.push_back(state.formula.info.name() + " needs " + input.name);
  return list;
}

}  // namespace mesura::pipeline
