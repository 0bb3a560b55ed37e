// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/mqtt/replies.hpp"

#include "command/describe.hpp"
#include "runtime/json.hpp"

#include <utility>

namespace mesura::command::mqtt {

namespace {

/// The client lets at most 1 MiB wait for the broker.
constexpr std::size_t kMostPayload = 512 * 1024;

std::string with_id(const Result& result, const std::string& id) {
  std::string text;
  append_result(text, result);
  if (id.empty()) return text;
  std::string out = R"({"id":)";
  runtime::append_json_string(out, id);
  out += ',';
  out.append(text, 1);
  return out;
}

}  // namespace

std::string reply_json(const Result& result, const std::string& id) {
  if (result.json.size() + result.bytes.size() * 4 / 3 < kMostPayload) {
    std::string text = with_id(result, id);
    if (text.size() < kMostPayload) return text;
  }
  Result part;
  part.device = result.device;
  part.command = result.command;
  part.status = result.status;
  part.message = result.message;
  part.hint = "what it told is too long for a message: ask over HTTP, or with `mesura device`";
  part.wrote = result.wrote;
  part.time_ns = result.time_ns;
  part.duration_ns = result.duration_ns;
  return with_id(part, id);
}

void Done::begin(const std::string& key, std::int64_t now_ns) {
  while (!order_.empty() && (order_.size() >= kMost || now_ns - order_.front().first > kFor.count())) {
    replies_.erase(order_.front().second);
    order_.pop_front();
  }
  replies_[key].clear();
  order_.emplace_back(now_ns, key);
}

void Done::finish(const std::string& key, const std::string& reply) {
  const auto found = replies_.find(key);
  if (found != replies_.end() && reply.size() <= kMostReply) found->second = reply;
}

void Done::forget(const std::string& key) {
  if (replies_.erase(key) > 0) std::erase_if(order_, [&](const auto& one) { return one.second == key; });
}

const std::string& Done::reply(const std::string& key) const {
  static const std::string kNone;
  const auto found = replies_.find(key);
  return found == replies_.end() ? kNone : found->second;
}

}  // namespace mesura::command::mqtt
