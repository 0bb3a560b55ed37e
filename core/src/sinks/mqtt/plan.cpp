// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/plan.hpp"

#include "model/measurement_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace mesura::sinks::mqtt {
namespace {

constexpr std::size_t kMaxTopic = 65535;

std::uint32_t number_of(std::unordered_map<std::string, std::uint32_t>& numbers, const std::string& text) {
  return numbers.emplace(text, static_cast<std::uint32_t>(numbers.size())).first->second;
}

}  // namespace

Plan::Plan(const Options& options, TopicTemplate topic, const SeriesTable& series)
    : options_(options), template_(std::move(topic)), series_(series) {}

const Plan::Slot& Plan::slot_of(std::uint32_t series) {
  if (series >= slots_.size()) slots_.resize(series + 1);
  Slot& slot = slots_[series];
  if (slot.topic != kUnknown) return slot;
  const SeriesInfo& info = series_.at(series);
  const std::string topic = template_.render(info);
  slot.topic = number_of(topic_numbers_, topic);
  if (slot.topic == topics_.size()) {
    topics_.push_back(topic);
    topic_problems_.push_back(topic.empty() || topic.size() > kMaxTopic
                                  ? fmt::format("sink-topic: the topic of {} has {} bytes, at most {} are possible",
                                                info.device, topic.size(), kMaxTopic)
                                  : std::string{});
  }
  slot.name = number_of(name_numbers_, info.flat_name);
  if (slot.name >= name_stamps_.size()) name_stamps_.resize(slot.name + 1, 0);
  slot.device = number_of(device_numbers_, info.device);
  slot.text = info.text;
  slot.keys = keys_of(info);
  new_series_.push_back(series);
  return slot;
}

// Why no message can hold it, or empty.
std::string Plan::refusal(const Batch& batch, const Measurement& item, const Slot& slot) const {
  if (item.type == MESURA_TEXT) {
    if (!slot.text && series_.at(item.series).kind != Kind::state)
      return fmt::format("sink-type: {} is a number, got the text '{}'", series_.at(item.series).name(),
                         batch.text(item));
  } else if (!std::isfinite(item.number)) {
    return fmt::format("sink-value: {} is not a finite number", series_.at(item.series).name());
  }
  return topic_problems_[slot.topic];
}

void Plan::make(std::span<const BatchPtr> batches) {
  batches_ = batches;
  messages_.clear();
  items_.clear();
  rejected_.clear();
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const auto found = before_.empty() ? before_.end() : before_.find(batches[b].get());
    add_batch(static_cast<std::uint32_t>(b), *batches[b], found != before_.end() ? &found->second : nullptr);
  }
  answered_.assign(messages_.size(), 0);
}

void Plan::add_batch(std::uint32_t number, const Batch& batch, const Progress* before) {
  if (before != nullptr)
    for (const auto& [item, reason] : before->rejected) rejected_.push_back({number, item, reason});
  const bool each = template_.per_measurement();
  std::uint32_t topic = kUnknown;
  std::uint32_t device = kUnknown;
  for (std::uint32_t i = 0; i < batch.items.size(); ++i) {
    if (before != nullptr && before->done[i]) continue;
    const Measurement& item = batch.items[i];
    const Slot& slot = slot_of(item.series);
    const bool usual = item.type != MESURA_TEXT && std::isfinite(item.number) && topic_problems_[slot.topic].empty();
    if (!usual) {
      if (std::string reason = refusal(batch, item, slot); !reason.empty()) {
        rejected_.push_back({number, i, std::move(reason)});
        continue;
      }
    }
    // A name twice: the later value needs a message of its own, a JSON object has a name once.
    if (each || slot.topic != topic || slot.device != device || name_stamps_[slot.name] == stamp_) {
      topic = slot.topic;
      device = slot.device;
      ++stamp_;
      messages_.push_back({number, topic, static_cast<std::uint32_t>(items_.size()), 0});
    }
    name_stamps_[slot.name] = stamp_;
    items_.push_back(i);
    ++messages_.back().count;
  }
}

void Plan::append_payload(std::string& out, const Message& message) {
  const Batch& batch = *batches_[message.batch];
  const auto items = std::span{items_}.subspan(message.first, message.count);
  const Measurement& first = batch.items[items[0]];
  if (template_.per_measurement() && options_.payload == Payload::json) {
    model::append_json(out, series_.at(first.series), batch, first);
    return;
  }
  if (options_.payload == Payload::value) {
    append_value(out, batch, first, slots_[first.series].keys.decimals);
    return;
  }
  entries_.clear();
  for (const std::uint32_t i : items) entries_.push_back({&batch.items[i], &slots_[batch.items[i].series].keys});
  if (options_.payload == Payload::json)
    append_json_batch(out, {batch, entries_},
                      template_.names_device() ? std::string_view{} : series_.at(first.series).device);
  else
    append_influx(out, {batch, entries_});
}

void Plan::acknowledged(std::size_t message) { answered_[message] = 1; }

void Plan::rejected(std::size_t message, const std::string& reason) {
  answered_[message] = 1;
  const Message& m = messages_[message];
  for (std::uint32_t i = m.first; i < m.first + m.count; ++i) rejected_.push_back({m.batch, items_[i], reason});
}

std::vector<Rejected> Plan::sorted_rejections() {
  std::sort(rejected_.begin(), rejected_.end(),
            [](const Rejected& a, const Rejected& b) { return std::tie(a.batch, a.item) < std::tie(b.batch, b.item); });
  return std::exchange(rejected_, {});
}

WriteResult Plan::committed() {
  before_.clear();
  WriteResult result;
  result.rejected = sorted_rejections();
  return result;
}

WriteResult Plan::retry(std::string reason) {
  WriteResult result = WriteResult::retry(std::move(reason));
  std::vector<Progress> progress(batches_.size());
  for (std::size_t b = 0; b < batches_.size(); ++b) {
    progress[b].batch = batches_[b];
    if (const auto old = before_.find(batches_[b].get()); old != before_.end())
      progress[b].done = old->second.done;
    else
      progress[b].done.assign(batches_[b]->items.size(), false);
  }
  for (std::size_t m = 0; m < messages_.size(); ++m) {
    if (answered_[m] == 0) continue;
    const Message& message = messages_[m];
    for (std::uint32_t i = message.first; i < message.first + message.count; ++i)
      progress[message.batch].done[items_[i]] = true;
  }
  auto rejections = sorted_rejections();
  for (const Rejected& r : rejections) {
    progress[r.batch].done[r.item] = true;
    progress[r.batch].rejected.emplace_back(static_cast<std::uint32_t>(r.item), r.reason);
  }
  for (std::size_t b = 0; b < batches_.size(); ++b) {
    const auto& done = progress[b].done;
    if (std::all_of(done.begin(), done.end(), [](bool d) { return d; })) result.done.push_back(b);
  }
  for (Rejected& r : rejections)
    if (std::binary_search(result.done.begin(), result.done.end(), r.batch)) result.rejected.push_back(std::move(r));
  before_.clear();
  for (Progress& p : progress) {
    const Batch* const key = p.batch.get();
    before_.insert_or_assign(key, std::move(p));
  }
  return result;
}

}  // namespace mesura::sinks::mqtt
