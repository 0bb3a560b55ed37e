// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/publisher.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace mesura::sinks::mqtt {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kFarewell = 1s;

std::chrono::milliseconds up_to(Clock::time_point t) {
  return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(t - Clock::now()));
}

// MQTT 5 brokers say how many they take at a time. With 3.1.1 they cannot, and mosquitto 2.0.11 with
// max_queued_messages 0 ends the connection of a client that has more QoS 2 messages open than max_inflight_messages,
// 20 by default.
std::size_t window_of(const Options& options) {
  constexpr std::size_t kUsual = 20;
  return options.qos == 2 && options.protocol == Protocol::v311 ? std::min(options.inflight, kUsual) : options.inflight;
}

}  // namespace

Publisher::Publisher(const Options& options, const TopicTemplate& topic, const SeriesTable& series, runtime::Logger log)
    : options_(options),
      log_(std::move(log)),
      address_(address_of(options).text()),
      window_(window_of(options)),
      plan_(options, topic, series),
      entities_(options, series, plan_, topic.per_measurement()),
      in_flight_by_id_(65536, kNobody),
      client_(options,
              {.on_up = [this] { on_up(); },
               .on_published = [this](int id, int code) { on_published(id, code); },
               .on_message =
                   [this](std::string_view topic_name, bool retained, std::string_view payload) {
                     // A retained one was said before we came; whoever comes back is told everything anyway.
                     if (!retained && topic_name == options_.birth_topic && payload == "online")
                       entities_.tell_all_again();
                   },
               .on_turn = [this] { announce(); }},
              log_) {}

// ---------------------------------------------------------------- one message

Client::Publish Publisher::send(Target target, const std::string& topic, std::string_view payload, int qos,
                                bool retain) {
  early_id_ = 0;
  publishing_ = true;
  const Client::Sent sent = client_.publish(topic, payload, qos, retain);
  publishing_ = false;
  if (sent.outcome == Client::Publish::refused && target < kEntity) {
    plan_.rejected(target, fmt::format("sink-refused: a message to '{}' cannot be sent: {}", topic, sent.problem));
    --open_messages_;
  }
  if (sent.outcome != Client::Publish::sent) return sent.outcome;
  ++in_flight_;
  in_flight_by_id_[static_cast<std::size_t>(sent.id)] = target;
  if (early_id_ == sent.id) on_published(sent.id, 0);
  return sent.outcome;
}

void Publisher::on_published(int id, int code) {
  Target& target = in_flight_by_id_[static_cast<std::size_t>(id) & 0xffffU];
  if (target == kNobody) {
    // QoS 0: from inside publish(), before the id is known.
    if (publishing_) early_id_ = id;
    return;
  }
  --in_flight_;
  ++answers_;
  answered(std::exchange(target, kNobody), code);
}

void Publisher::answered(Target target, int code) {
  if (target == kAvailability) return;
  if (target < kEntity) {
    message_answered(target, code);
  } else if (code >= 0x80 && !std::exchange(entity_refused_, true)) {
    log_.warn("sink-discovery",
              "the broker at {} refused a message to '{}': {}; further ones are not logged\n  hint      may this user "
              "write below `discovery_prefix`?",
              address_, entities_.topic(target - kEntity), ::mosquitto_reason_string(code));
  }
}

void Publisher::message_answered(std::size_t message, int code) {
  --open_messages_;
  const auto said = [&] {
    return fmt::format("sink-refused: the broker at {} refused a message to '{}': {}", address_,
                       plan_.topic(plan_.messages()[message].topic), ::mosquitto_reason_string(code));
  };
  if (code < 0x80) {
    plan_.acknowledged(message);
  } else if (code == MQTT_RC_QUOTA_EXCEEDED || code == MQTT_RC_PACKET_ID_IN_USE) {
    again_ = said();
  } else {
    plan_.rejected(message, said());
  }
}

// ---------------------------------------------------------------- the connection's events

void Publisher::on_up() {
  std::fill(in_flight_by_id_.begin(), in_flight_by_id_.end(), kNobody);
  in_flight_ = 0;
  if (options_.home_assistant) {
    client_.subscribe(options_.birth_topic);
    // The broker may have lost what it had retained.
    entities_.tell_all_again();
  }
  say("online");
}

void Publisher::say(std::string_view availability) {
  if (options_.availability != kNoAvailability) send(kAvailability, options_.availability, availability, 1, true);
}

void Publisher::announce() {
  while (entities_.waiting() && in_flight_ < window_) {
    const Entities::Message m = entities_.next();
    const auto outcome = send(kEntity + m.entity, m.topic, m.payload, 1, true);
    if (outcome == Client::Publish::down) return;
  }
}

// ---------------------------------------------------------------- the sink's calls

void Publisher::note_series() {
  const auto fresh = plan_.take_new_series();
  if (!options_.home_assistant) return;
  for (const std::uint32_t series : fresh) entities_.add(series);
}

// Fills the window. What Home Assistant must know of a series goes before its first value.
void Publisher::pump() {
  announce();
  const auto& messages = plan_.messages();
  while (next_ < messages.size() && in_flight_ < window_) {
    const Plan::Message& message = messages[next_];
    payload_.clear();
    plan_.append_payload(payload_, message);
    const auto outcome =
        send(static_cast<Target>(next_), plan_.topic(message.topic), payload_, options_.qos, options_.retain);
    if (outcome == Client::Publish::down) return;
    ++next_;
  }
}

WriteResult Publisher::write(std::span<const BatchPtr> batches) {
  const auto lock = client_.lock();
  if (!client_.up()) return WriteResult::retry(client_.reason());
  plan_.make(batches);
  note_series();
  const auto& messages = plan_.messages();
  if (options_.home_assistant)
    for (const Plan::Message& m : messages) entities_.note(m.topic, batches[m.batch]->time_ns);
  next_ = 0;
  open_messages_ = messages.size();
  again_.clear();
  auto deadline = Clock::now() + options_.confirm_timeout;
  for (auto answers = answers_;;) {
    pump();
    if (open_messages_ == 0) break;
    if (!client_.turn(up_to(deadline))) return plan_.retry(client_.reason());
    if (answers_ != answers) {
      answers = answers_;
      deadline = Clock::now() + options_.confirm_timeout;
    } else if (Clock::now() >= deadline) {
      auto reason = fmt::format(
          "sink-busy: the broker at {} has acknowledged nothing for {} s, {} of {} messages are open\n  hint      is "
          "it "
          "overloaded, or a firewall in between?",
          address_, std::chrono::duration<double>(options_.confirm_timeout).count(), open_messages_, messages.size());
      // An answer that comes later must not meet the same id in its second use.
      client_.drop(reason);
      return plan_.retry(std::move(reason));
    }
  }
  return again_.empty() ? plan_.committed() : plan_.retry(again_);
}

void Publisher::close() {
  {
    const auto lock = client_.lock();
    if (client_.up()) {
      say("offline");
      const auto deadline = Clock::now() + kFarewell;
      while (in_flight_ > 0 && Clock::now() < deadline && client_.turn(up_to(deadline))) {
      }
    }
  }
  client_.close();
}

}  // namespace mesura::sinks::mqtt
