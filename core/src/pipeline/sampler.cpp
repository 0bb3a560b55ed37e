// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/sampler.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace mesura::pipeline {

namespace {

void append(Batch& batch, Measurement m, std::string_view text) {
  if (m.type == MESURA_TEXT) {
    m.text_offset = static_cast<std::uint32_t>(batch.texts.size());
    batch.texts.append(text);
  }
  batch.time_ns = std::max(batch.time_ns, m.time_ns);
  batch.items.push_back(m);
}

}  // namespace

Sampler::Sampler(const SeriesTable& series, std::chrono::nanoseconds every, Aggregate aggregate)
    : series_(series), every_ns_(every.count()), aggregate_(aggregate) {}

std::int64_t Sampler::window_end(std::int64_t time_ns) const {
  // (start, end]: a stamp on the grid closes the window that it ends.
  std::int64_t quotient = time_ns / every_ns_;
  if (time_ns % every_ns_ > 0) ++quotient;
  return quotient * every_ns_;
}

void Sampler::add(const Batch& batch, const std::vector<std::uint32_t>& indexes, std::int64_t steady_ns,
                  std::vector<BatchPtr>& out) {
  auto closed = std::make_shared<Batch>();
  for (const std::uint32_t index : indexes) {
    const Measurement& m = batch.items[index];
    const std::string_view text = m.type == MESURA_TEXT ? batch.text(m) : std::string_view{};
    const std::int64_t end = window_end(m.time_ns);
    auto [it, fresh] = windows_.try_emplace(m.series);
    Window& w = it->second;
    if (!fresh && end < w.end_ns) {
      append(*closed, m, text);
      continue;
    }
    if (fresh || end > w.end_ns) {
      if (!fresh) close(m.series, w, true, *closed);
      w = Window{end, batch.device, 0, m.number, m.number, 0, m, {}, 0, steady_ns};
    }
    w.added_ns = steady_ns;
    w.sum += m.number;
    w.min = std::min(w.min, m.number);
    w.max = std::max(w.max, m.number);
    ++w.count;
    w.quality = static_cast<std::uint8_t>(w.quality | m.quality);
    if (m.time_ns >= w.last.time_ns) {
      w.last = m;
      w.last_text.assign(text);
    }
  }
  if (closed->items.empty()) return;
  closed->device = batch.device;
  closed->received_ns = batch.received_ns;
  out.push_back(std::move(closed));
}

void Sampler::close(std::uint32_t series, const Window& w, bool whole, Batch& into) const {
  Measurement m = w.last;
  m.quality = w.quality;
  const SeriesInfo& info = series_.at(series);
  if (aggregate_ != Aggregate::last && info.kind == Kind::gauge && m.type == MESURA_NUMBER) {
    if (whole)
      m.time_ns = w.end_ns;
    else
      m.quality = static_cast<std::uint8_t>(m.quality | MESURA_ESTIMATED);
    switch (aggregate_) {
      case Aggregate::mean: m.number = w.sum / static_cast<double>(w.count); break;
      case Aggregate::min: m.number = w.min; break;
      case Aggregate::max: m.number = w.max; break;
      case Aggregate::sum: m.number = w.sum; break;
      case Aggregate::last: break;
    }
  }
  append(into, m, w.last_text);
}

template <class Predicate>
void Sampler::close_if(Predicate&& predicate, bool whole, std::vector<BatchPtr>& out) {
  std::map<std::string, std::shared_ptr<Batch>> by_device;
  for (auto it = windows_.begin(); it != windows_.end();) {
    if (!predicate(it->second)) {
      ++it;
      continue;
    }
    auto& batch = by_device[it->second.device];
    if (!batch) {
      batch = std::make_shared<Batch>();
      batch->device = it->second.device;
    }
    close(it->first, it->second, whole, *batch);
    it = windows_.erase(it);
  }
  for (auto& [device, batch] : by_device) {
    batch->received_ns = batch->time_ns;
    out.push_back(std::move(batch));
  }
}

void Sampler::close_idle(std::int64_t steady_ns, std::vector<BatchPtr>& out) {
  close_if([&](const Window& w) { return w.added_ns + 2 * every_ns_ <= steady_ns; }, true, out);
}

void Sampler::close_all(std::vector<BatchPtr>& out) {
  close_if([](const Window&) { return true; }, false, out);
}

}  // namespace mesura::pipeline
