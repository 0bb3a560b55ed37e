// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/result_reader.hpp"

#include "command/content.hpp"
#include "runtime/time_text.hpp"

#include <simdjson.h>

#include <charconv>
#include <string>
#include <system_error>

namespace mesura::command {

namespace {

using Object = simdjson::dom::object;

std::string text_of(const Object& object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string{text} : std::string{};
}

/// "50 42"
std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (; hex.size() >= 2; hex.remove_prefix(hex.size() > 2 ? 3 : 2)) {
    unsigned value = 0;
    if (std::from_chars(hex.data(), hex.data() + 2, value, 16).ec != std::errc{}) break;
    bytes += static_cast<char>(value);
    if (hex.size() < 3) break;
  }
  return bytes;
}

}  // namespace

std::optional<Status> status_from(std::string_view word) {
  for (auto status = Status::done;; status = static_cast<Status>(static_cast<int>(status) + 1)) {
    if (to_string(status) == word) return status;
    if (status == Status::failed) return std::nullopt;
  }
}

std::optional<Result> read_result(std::string_view json) {
  simdjson::dom::parser parser;
  Object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) return std::nullopt;
  const auto status = status_from(text_of(object, "status"));
  if (!status) return std::nullopt;
  Result result;
  result.status = *status;
  result.device = text_of(object, "device");
  result.command = text_of(object, "command");
  result.message = text_of(object, "message");
  result.hint = text_of(object, "hint");
  simdjson::dom::element element;
  if (object["result"].get(element) == simdjson::SUCCESS) result.json = simdjson::minify(element);
  Object content;
  if (object["content"].get(content) == simdjson::SUCCESS)
    result.bytes = from_base64(text_of(content, "base64")).value_or(std::string{});
  simdjson::dom::array plan;
  if (object["plan"].get(plan) == simdjson::SUCCESS)
    for (const auto planned : plan)
      if (Object p; planned.get(p) == simdjson::SUCCESS)
        result.plan.push_back({text_of(p, "link"), text_of(p, "to"), from_hex(text_of(p, "hex"))});
  if (bool wrote = false; object["wrote"].get(wrote) == simdjson::SUCCESS) result.wrote = wrote;
  result.time_ns = runtime::parse_time(text_of(object, "time")).value_or(0);
  std::int64_t duration_ms = 0;
  if (object["duration_ms"].get(duration_ms) == simdjson::SUCCESS) result.duration_ns = duration_ms * 1'000'000;
  return result;
}

}  // namespace mesura::command
