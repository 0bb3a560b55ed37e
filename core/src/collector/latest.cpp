// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "collector/latest.hpp"

#include <algorithm>

namespace mesura::collector {

void Latest::take(const Batch& batch) {
  for (const Measurement& m : batch.items) {
    if (m.series >= entries_.size()) entries_.resize(std::max<std::size_t>(m.series + 1, entries_.size() * 2));
    Entry& entry = entries_[m.series];
    if (entry.present && m.time_ns < entry.measurement.time_ns) continue;
    entry.present = true;
    entry.measurement = m;
    entry.received_ns = batch.received_ns;
    if (m.type == MESURA_TEXT) entry.text.assign(batch.text(m));
  }
}

const Latest::Entry* Latest::find(std::uint32_t series) const {
  return series < entries_.size() && entries_[series].present ? &entries_[series] : nullptr;
}

void Latest::each(const std::function<void(std::uint32_t, const Entry&)>& callback) const {
  for (std::uint32_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].present) callback(i, entries_[i]);
}

Batch Latest::as_batch(const SeriesInfo& info, const Entry& entry) {
  Batch batch;
  batch.device = info.device;
  batch.time_ns = entry.measurement.time_ns;
  batch.received_ns = entry.received_ns;
  batch.texts = entry.text;
  batch.items = {entry.measurement};
  batch.items[0].text_offset = 0;
  return batch;
}

}  // namespace mesura::collector
