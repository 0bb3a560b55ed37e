// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_sampler.hpp"

#include <algorithm>

namespace mesura::ct6::twin {
namespace {

constexpr std::int64_t kMostSamples = 64;

/// Applies f(a's field, b's field) to all.
template <class F>
void each(PortReading& a, const PortReading& b, F&& f) {
  f(a.irms_a, b.irms_a);
  f(a.ipeak_a, b.ipeak_a);
  f(a.vrms_v, b.vrms_v);
  f(a.active_w, b.active_w);
  f(a.reactive_var, b.reactive_var);
  f(a.apparent_va, b.apparent_va);
  f(a.factor, b.factor);
  f(a.chip_celsius, b.chip_celsius);
  f(a.frequency_hz, b.frequency_hz);
}

template <class F>
void each(Reading& a, const Reading& b, F&& f) {
  a.ports.resize(b.ports.size());
  for (std::size_t i = 0; i < b.ports.size(); ++i) each(a.ports[i], b.ports[i], f);
  f(a.read_us, b.read_us);
  f(a.rssi_dbm, b.rssi_dbm);
  f(a.board_celsius, b.board_celsius);
}

}  // namespace

std::int64_t Sampler::index_at(std::int64_t now_ns) const { return (now_ns - phase_ns_) / period_ns_; }

void Sampler::restart(Window& window, std::int64_t now_ns) const {
  window.next = index_at(now_ns) + 1;
  window.count = 0;
}

void Sampler::fold(Window& window, std::int64_t now_ns, Loads& loads, const Chips& chips, Averaging averaging) {
  const std::int64_t end = index_at(now_ns) + 1;
  const std::int64_t stride = std::max<std::int64_t>(1, (end - window.next + kMostSamples - 1) / kMostSamples);
  for (std::int64_t i = window.next; i < end; i += stride) {
    loads.look(phase_ns_ + i * period_ns_);
    chips.read(loads, i, scratch_);
    if (window.count == 0) {
      window.sum = scratch_;
    } else if (averaging == Averaging::running) {
      each(window.sum, scratch_, [](double& a, double b) { a = (a + b) / 2; });
    } else {
      each(window.sum, scratch_, [](double& a, double b) { a += b; });
    }
    ++window.count;
  }
  window.next = std::max(window.next, end);
}

const Reading* Sampler::take(Window& window, Averaging averaging) {
  if (window.count == 0) return nullptr;
  const auto n = static_cast<double>(averaging == Averaging::running ? 1 : window.count);
  each(mean_, window.sum, [n](double& a, double b) { a = b / n; });
  window.count = 0;
  return &mean_;
}

const Reading& Sampler::live(std::int64_t now_ns, Loads& loads, const Chips& chips) {
  const std::int64_t index = index_at(now_ns);
  loads.look(phase_ns_ + index * period_ns_);
  chips.read(loads, index, scratch_);
  return scratch_;
}

}  // namespace mesura::ct6::twin
