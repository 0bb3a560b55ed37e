// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/historic.hpp"

#include "http/compat/p1_monitor/calendar.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::http::compat::p1_monitor {
namespace {

constexpr std::array<std::string_view, 3> kNames{"year", "month", "day"};

/// The request's year, month, day: as many as `count`.
struct Asked {
  std::array<int, 3> numbers{};  ///< 0: not asked for
  std::optional<store::TimeRange> range;
  std::optional<Response> refusal;  ///< a parameter is missing
};

Asked read(const Request& request, std::size_t count, const model::Zone& zone) {
  Asked asked;
  bool numbers = true;
  for (std::size_t i = 0; i < count; ++i) {
    const auto text = request.parameter(kNames[i]);
    if (!text) {
      asked.refusal = text_response(400, fmt::format("ERROR: Need a {} argument", kNames[i]));
      return asked;
    }
    const auto number = small_number(*text);
    if (number && *number > 0)
      asked.numbers[i] = *number;
    else
      numbers = false;  // no such directory
  }
  if (numbers) asked.range = local_range(asked.numbers[0], asked.numbers[1], asked.numbers[2], zone);
  return asked;
}

Response answer(std::span<const int> asked, std::string_view name, const std::vector<int>& list) {
  Response response;
  runtime::JsonWriter json{response.body};
  json.begin_object();
  if (!list.empty() || asked.empty()) {
    for (std::size_t i = 0; i < asked.size(); ++i) json.key(kNames[i]).integer(asked[i]);
    json.key(name).begin_array();
    for (const int n : list) json.integer(n);
    json.end_array();
  }
  json.end_object();
  return response;
}

/// A member of each local year, month or day that has quarter hours, found by leaps from one to the next.
template <class Member, class End>
std::vector<int> leap(const Quarters& quarters, const model::Zone& zone, store::TimeRange range, Member member,
                      End end_of) {
  std::vector<int> found;
  while (range.from_ns < range.to_ns) {
    const auto first = quarters.first(range);
    if (!first) break;
    found.push_back(member(zone.to_local(*first)));
    range.from_ns = end_of(*first);
  }
  return found;
}

}  // namespace

Response historic_years(const Quarters& quarters, const model::Zone& zone, const Request&) {
  const auto all = store::TimeRange{local_range(2000, 0, 0, zone)->from_ns, local_range(2127, 0, 0, zone)->to_ns};
  const auto end = [&](std::int64_t t) { return local_range(zone.to_local(t).year, 0, 0, zone)->to_ns; };
  return answer({}, "years",
                leap(
                    quarters, zone, all, [](const model::LocalTime& t) { return t.year; }, end));
}

Response historic_months(const Quarters& quarters, const model::Zone& zone, const Request& request) {
  Asked asked = read(request, 1, zone);
  if (asked.refusal) return std::move(*asked.refusal);
  std::vector<int> months;
  if (asked.range) {
    const auto end = [&](std::int64_t t) { return zone.month(t).end_ns; };
    months = leap(
        quarters, zone, *asked.range, [](const model::LocalTime& t) { return t.month; }, end);
  }
  return answer(std::span{asked.numbers}.first(1), "months", months);
}

Response historic_days(const Quarters& quarters, const model::Zone& zone, const Request& request) {
  Asked asked = read(request, 2, zone);
  if (asked.refusal) return std::move(*asked.refusal);
  std::vector<int> days;
  if (asked.range) {
    const auto end = [&](std::int64_t t) { return zone.day(t).end_ns; };
    days = leap(
        quarters, zone, *asked.range, [](const model::LocalTime& t) { return t.day; }, end);
  }
  return answer(std::span{asked.numbers}.first(2), "days", days);
}

Response historic_quarters(const Quarters& quarters, const model::Zone& zone, const Request& request) {
  Asked asked = read(request, 3, zone);
  if (asked.refusal) return std::move(*asked.refusal);
  std::vector<int> ids;
  if (asked.range) {
    for (const std::int64_t start : quarters.list(*asked.range))
      ids.push_back(sinks::rollup::quarter_id(start / 1000, zone));
  }
  return answer(std::span{asked.numbers}, "quarters", ids);
}

}  // namespace mesura::http::compat::p1_monitor
