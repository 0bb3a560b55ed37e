// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "sinks/mqtt/options.hpp"
#include "sinks/mqtt/payload.hpp"
#include "sinks/mqtt/topic.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mesura::sinks::mqtt {

/// Which messages one write() comes to, and what has become of each measurement. A write that had to stop is
/// remembered: when its batches come again, what the broker had acknowledged is not published a second time.
class Plan {
 public:
  struct Message {
    std::uint32_t batch;
    std::uint32_t topic;
    std::uint32_t first;  ///< into items()
    std::uint32_t count;
  };
  /// What is known of a series, by its id; made when it first comes.
  struct Slot {
    std::uint32_t topic = kUnknown;  ///< number of its topic
    std::uint32_t name = 0;          ///< number of its flat name
    std::uint32_t device = 0;        ///< number of its device's name
    bool text = false;
    Keys keys;
  };
  static constexpr std::uint32_t kUnknown = UINT32_MAX;

  Plan(const Options& options, TopicTemplate topic, const SeriesTable& series);

  /// Lays out the messages of these batches, which must outlive the next make().
  void make(std::span<const BatchPtr> batches);

  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  [[nodiscard]] const std::string& topic(std::uint32_t number) const { return topics_[number]; }
  [[nodiscard]] const Slot& slot(std::uint32_t series) const { return slots_[series]; }
  /// Series that came for the first time, since the last call.
  [[nodiscard]] std::vector<std::uint32_t> take_new_series() { return std::exchange(new_series_, {}); }
  void append_payload(std::string& out, const Message& message);

  /// The broker has it.
  void acknowledged(std::size_t message);
  /// It will never take it.
  void rejected(std::size_t message, const std::string& reason);

  [[nodiscard]] WriteResult committed();
  /// What is done is kept in mind until the next committed().
  [[nodiscard]] WriteResult retry(std::string reason);

 private:
  struct Progress {
    BatchPtr batch;          // so that nobody else gets its address
    std::vector<bool> done;  // by item: acknowledged or rejected
    std::vector<std::pair<std::uint32_t, std::string>> rejected;
  };

  void add_batch(std::uint32_t number, const Batch& batch, const Progress* before);
  const Slot& slot_of(std::uint32_t series);
  std::string refusal(const Batch& batch, const Measurement& item, const Slot& slot) const;
  [[nodiscard]] std::vector<Rejected> sorted_rejections();

  const Options& options_;
  TopicTemplate template_;
  const SeriesTable& series_;

  std::vector<Slot> slots_;
  std::vector<std::string> topics_;
  std::vector<std::string> topic_problems_;
  std::unordered_map<std::string, std::uint32_t> topic_numbers_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
  std::unordered_map<std::string, std::uint32_t> device_numbers_;
  std::vector<std::uint32_t> name_stamps_;  // by name: the number of the message that last had it
  std::uint32_t stamp_ = 0;
  std::vector<std::uint32_t> new_series_;

  std::span<const BatchPtr> batches_;
  std::vector<Message> messages_;
  std::vector<std::uint32_t> items_;  // of the messages: indexes into their batches
  std::vector<std::uint8_t> answered_;
  std::vector<Rejected> rejected_;
  std::vector<Entry> entries_;
  std::unordered_map<const Batch*, Progress> before_;
};

}  // namespace mesura::sinks::mqtt
