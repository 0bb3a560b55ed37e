// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_measures.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace mesura::smartmeter::twin {
namespace {

constexpr std::int64_t kFastest = 32'000;
constexpr std::int64_t kFastestSister = 8'000;
constexpr std::int64_t kFastestLatched = 50;

using enum Value;

std::vector<Channel> waves() { return {{wave_v, 0}, {wave_i, 0}, {wave_v, 1}, {wave_i, 1}, {wave_v, 2}, {wave_i, 2}}; }
std::vector<Channel> grouped(Value first, Value second) {
  return {{first, 0}, {first, 1}, {first, 2}, {second, 0}, {second, 1}, {second, 2}};
}
std::vector<Channel> line(std::size_t n) { return {{wave_v, n}, {wave_i, n}}; }

/// The first is the default.
const std::vector<Measures>& smartmeter_rows() {
  static const std::vector<Measures> rows = {
      {"v,i,v,i,v,i", "v,i,v,i,v,i", "V,mA,V,mA,V,mA", false, waves()},
      {"v,i_L1", "v,i_L1", "V,mA", false, line(0)},
      {"v,i_L2", "v,i_L2", "V,mA", false, line(1)},
      {"v,i_L3", "v,i_L3", "V,mA", false, line(2)},
      {"p,q", "p,p,p,q,q,q", "W,W,W,VAR,VAR,VAR", true, grouped(p, q)},
      {"v,i_RMS", "v,v,v,i,i,i_RMS", "V,V,V,mA,mA,mA", true, grouped(rms_v, rms_i)},
  };
  return rows;
}

/// The sister device has one line and sends all rows at full rate.
const std::vector<Measures>& powermeter_rows() {
  static const std::vector<Measures> rows = {
      {"v,i", "v,i", "V,mA", false, line(0)},
      {"p,q", "p,q", "W,VAR", false, {{p, 0}, {q, 0}}},
      {"v,i,p,q", "v,i,p,q", "V,mA,W,VAR", false, {{wave_v, 0}, {wave_i, 0}, {p, 0}, {q, 0}}},
      {"v,i_RMS", "v,i_RMS", "V,mA", false, {{rms_v, 0}, {rms_i, 0}}},
  };
  return rows;
}

}  // namespace

const Measures* find_measures(Model model, std::string_view request) {
  const auto& rows = model == Model::smartmeter ? smartmeter_rows() : powermeter_rows();
  if (request.empty()) return &rows.front();
  for (const Measures& m : rows)
    if (request == m.request || request == m.reply) return &m;
  // The firmware takes the plain word for L1, whatever the description says.
  if (request == "v,i") return find_measures(model, "v,i_L1");
  return nullptr;
}

bool rate_allowed(Model model, const Measures& measures, std::int64_t rate) {
  if (rate < 1) return false;
  if (measures.latched) return rate <= kFastestLatched;
  if (model == Model::powermeter) return rate <= kFastestSister;
  return rate <= kFastest && kFastest % rate == 0;
}

std::size_t chunk_bytes(Sink sink, std::int64_t rate, std::size_t row_bytes) {
  constexpr std::size_t kMost = 1024, kMostUdp = 512, kSerial = 128;
  const auto tenth = static_cast<std::size_t>(rate) * row_bytes / 10;
  std::size_t size = std::min(std::bit_ceil(std::clamp(tenth, row_bytes, kMost)), kMost);
  if (sink == Sink::udp) size = std::min(size, kMostUdp);
  if (sink == Sink::serial) size = kSerial;
  return std::max(size / row_bytes, std::size_t{1}) * row_bytes;
}

}  // namespace mesura::smartmeter::twin
