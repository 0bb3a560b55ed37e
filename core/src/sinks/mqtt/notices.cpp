// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/notices.hpp"

#include <mesura/sink.hpp>

#include <fmt/format.h>
#include <mosquitto.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace mesura::sinks::mqtt {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSlice{100};

Options of_notices(Options options) {
  options.client_id = client_id_of(options) + "-alerts";
  // Whoever stops does not wait longer than that.
  options.connect_timeout = std::min<std::chrono::nanoseconds>(options.connect_timeout, std::chrono::seconds{5});
  // The last will is the sink's to say.
  options.availability = kNoAvailability;
  options.home_assistant = false;
  return options;
}

}  // namespace

Notices::Notices(const config::Value& sink, runtime::Logger log)
    : options_(of_notices(read_options(sink))),
      problem_(problem_of(options_)),
      client_(options_,
              {.on_up = [this] { answers_.clear(); },
               .on_published = [this](int id, int code) { answers_[id] = code; },
               .on_message = [](std::string_view, bool, std::string_view) {},
               .on_turn = [] {}},
              std::move(log)) {}

Notices::Outcome Notices::publish(const std::string& topic, std::string_view payload) {
  if (!problem_.empty()) return {problem_, true};
  try {
    client_.connect();
  } catch (const SinkError& e) {
    return {e.what(), false};
  }
  const auto lock = client_.lock();
  answers_.clear();
  const auto sent = client_.publish(topic, payload, 1, true);
  if (sent.outcome == Client::Publish::refused)
    return {fmt::format("sink-refused: a message to '{}' cannot be sent: {}", topic, sent.problem), true};
  if (sent.outcome == Client::Publish::down) return {client_.reason(), false};
  const auto deadline = Clock::now() + options_.confirm_timeout;
  while (!answers_.contains(sent.id)) {
    if (cancelled_ || Clock::now() >= deadline) {
      std::string problem = fmt::format("sink-busy: the broker at {} has not acknowledged a message to '{}'",
                                        address_of(options_).text(), topic);
      client_.drop(problem);
      return {std::move(problem), false};
    }
    if (!client_.turn(kSlice)) return {client_.reason(), false};
  }
  if (const int code = answers_[sent.id]; code >= 0x80)
    return {fmt::format("sink-refused: the broker at {} refused a message to '{}': {}", address_of(options_).text(),
                        topic, ::mosquitto_reason_string(code)),
            true};
  return {};
}

}  // namespace mesura::sinks::mqtt
