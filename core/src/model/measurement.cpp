// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <mesura/measurement.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <tuple>
#include <utility>

namespace mesura {

namespace {

auto everything_but_id(const SeriesInfo& s) {
  return std::tie(s.device, s.fleet, s.channel, s.quantity, s.unit, s.flat_name, s.label, s.role, s.source, s.kind,
                  s.text, s.decimals, s.integration, s.negated);
}

struct QualityName {
  std::uint8_t flag;
  std::string_view name;
};

constexpr QualityName kQualityNames[] = {
    {MESURA_CLOCK_SUSPECT, "clock_suspect"},
    {MESURA_CLOCK_UNSYNCED, "clock_unsynced"},
    {MESURA_DERIVED, "derived"},
    {MESURA_SUSPECT, "suspect"},
    {MESURA_STALE, "stale"},
    {MESURA_ESTIMATED, "estimated"},
};

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::gauge: return "gauge";
    case Kind::reg: return "register";
    case Kind::state: return "state";
  }
  return "unknown";
}

std::string quality_to_string(std::uint8_t quality) {
  if (quality == MESURA_GOOD) return "good";
  std::string names;
  for (const auto& [flag, name] : kQualityNames) {
    if ((quality & flag) == 0) continue;
    if (!names.empty()) names += ',';
    names += name;
    quality = static_cast<std::uint8_t>(quality & ~flag);
  }
  // A flag of a newer plugin still says "not good".
  if (quality != 0) names += fmt::format("{}{:#x}", names.empty() ? "" : ",", quality);
  return names;
}

void SeriesTable::set_attribute(std::string_view device, std::string_view key, std::string_view value) {
  const std::lock_guard lock{mutex_};
  attributes_[{std::string{device}, std::string{key}}] = value;
}

std::map<std::pair<std::string, std::string>, std::string> SeriesTable::attributes() const {
  const std::lock_guard lock{mutex_};
  return attributes_;
}

std::string SeriesTable::attribute(std::string_view device, std::string_view key) const {
  const std::lock_guard lock{mutex_};
  const auto found = attributes_.find({std::string{device}, std::string{key}});
  return found != attributes_.end() ? found->second : std::string{};
}

SeriesTable::SeriesTable() : chunks_(std::make_unique<std::atomic<SeriesInfo*>[]>(kMaxChunks)) {}

SeriesTable::~SeriesTable() {
  for (std::uint32_t i = 0; i < kMaxChunks; ++i) delete[] chunks_[i].load(std::memory_order_relaxed);
}

std::uint32_t SeriesTable::add(SeriesInfo info) {
  auto name = info.name();
  const std::lock_guard lock{mutex_};
  const auto [first, last] = by_name_.equal_range(name);
  for (auto it = first; it != last; ++it)
    if (everything_but_id(at(it->second)) == everything_but_id(info)) return it->second;

  const auto id = size_.load(std::memory_order_relaxed);
  if (id == kChunk * kMaxChunks)
    throw std::length_error{fmt::format("no room for series '{}': the table holds its limit of {} series", name, id)};
  auto& chunk = chunks_[id / kChunk];
  if (id % kChunk == 0 && chunk.load(std::memory_order_relaxed) == nullptr)
    chunk.store(new SeriesInfo[kChunk], std::memory_order_release);
  by_name_.emplace(std::move(name), id);
  info.id = id;
  chunk.load(std::memory_order_relaxed)[id % kChunk] = std::move(info);
  // Publishes the element: whoever sees the new size, or gets the id from this call, sees the whole series.
  size_.store(id + 1, std::memory_order_release);
  return id;
}

}  // namespace mesura
