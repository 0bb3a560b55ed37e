// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/rollup/quarter.hpp"

#include "sinks/rollup/levels.hpp"

#include <fmt/format.h>

#include <cmath>

namespace mesura::sinks::rollup {
namespace {

constexpr std::int64_t kSlotUs = 5 * kSecondUs;
/// Its clients count in 32 bits.
constexpr double kMostWatts = INT32_MAX;

std::optional<std::int64_t> mean(double sum, std::uint32_t count) {
  if (count == 0) return std::nullopt;
  return static_cast<std::int64_t>(std::fmin(sum / count, kMostWatts));
}

}  // namespace

void QuarterSamples::add(std::int64_t time, double imported, double exported) {
  const std::int64_t at = time - start_;
  if (at < 0 || at >= kQuarterUs || (std::isnan(imported) && std::isnan(exported))) return;
  Slot& slot = slots_[static_cast<std::size_t>(at / kSlotUs)];
  ++samples_;
  if (!std::isnan(imported)) {
    slot.imported += std::fmax(imported, 0);
    ++slot.imports;
  }
  if (!std::isnan(exported)) {
    slot.exported += std::fmax(exported, 0);
    ++slot.exports;
  }
}

Quarter QuarterSamples::result(const model::Zone& zone) const {
  Quarter q;
  q.start = start_;
  q.id = quarter_id(start_, zone);
  q.samples = samples_;
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < Quarter::kSlots; ++i) {
    const Slot& slot = slots_[i];
    q.imported[i] = mean(slot.imported, slot.imports);
    q.exported[i] = mean(slot.exported, slot.exports);
    if (!q.imported[i]) continue;
    sum += *q.imported[i];
    ++count;
  }
  q.average = count > 0 ? sum / count : 0;
  return q;
}

std::int32_t quarter_id(std::int64_t start, const model::Zone& zone) {
  const model::LocalTime local = zone.to_local(start * 1000);
  const int quarter = local.hour * 4 + local.minute / 15 + (local.summer ? 0x80 : 0);
  return (local.year - 2000) * 0x1000000 + local.month * 0x10000 + local.day * 0x100 + quarter;
}

std::string slots_as_json(const std::array<std::optional<std::int64_t>, Quarter::kSlots>& slots) {
  std::size_t used = slots.size();
  while (used > 0 && !slots[used - 1]) --used;
  fmt::memory_buffer out;
  out.push_back('[');
  for (std::size_t i = 0; i < used; ++i) {
    if (i > 0) out.push_back(',');
    if (slots[i])
      fmt::format_to(fmt::appender(out), "{}", *slots[i]);
    else
      fmt::format_to(fmt::appender(out), "null");
  }
  out.push_back(']');
  return fmt::to_string(out);
}

}  // namespace mesura::sinks::rollup
