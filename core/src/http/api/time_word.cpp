// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/time_word.hpp"

#include "config/units.hpp"
#include "runtime/time_text.hpp"

#include <charconv>

namespace mesura::http::api {

TimeWord read_time(std::string_view text, std::int64_t now_ns, const model::Zone& zone) {
  if (text == "now") return {now_ns, {}};
  if (text == "today") return {zone.day(now_ns).start_ns, {}};
  if (text == "yesterday") return {zone.day(zone.day(now_ns).start_ns - 1).start_ns, {}};
  if (text.size() > 1 && text.front() == '-') {
    if (const auto ago = config::parse_duration(text.substr(1))) return {now_ns - ago->count(), {}};
  }
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size() && seconds >= 0 && seconds < 9'000'000'000)
    return {seconds * 1'000'000'000, {}};
  if (const auto time = runtime::parse_time(text)) return {*time, {}};
  return {std::nullopt, "in a URL '+' is a blank: write %2B, or UTC with Z"};
}

}  // namespace mesura::http::api
