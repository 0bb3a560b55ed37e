// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/graph.hpp"

#include "http/compat/godenerg/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mesura::http::compat::godenerg {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

int number_at(std::string_view digits, std::size_t at, std::size_t count) {
  int n = 0;
  for (const char c : digits.substr(at, count)) n = n * 10 + (c - '0');
  return n;
}

Response refuse(std::string message) { return text_response(400, std::move(message)); }

std::string column_names() {
  std::string names;
  for (const Field& field : status_fields())
    if (column(field.key) != nullptr) names += (names.empty() ? "" : ", ") + std::string{field.key};
  return names;
}

/// What the request says, or why it says nothing.
struct Asked {
  std::vector<const Field*> columns;
  store::TimeRange range;
  std::string problem;
};

Asked read(const Request& request, const model::Zone& zone) {
  Asked asked;
  std::array<std::int64_t, 2> times{};
  for (std::size_t i = 0; i < 2; ++i) {
    const char* name = i == 0 ? "from" : "to";
    const auto text = request.parameter(name);
    // Of an hour that comes twice the range takes both.
    const auto time = text ? parse_time(*text, zone, i == 0 ? model::Repeated::first : model::Repeated::second)
                           : std::optional<std::int64_t>{};
    if (!time) {
      asked.problem = fmt::format("{}: expected YYYYMMDD, YYYYMMDDHH, YYYYMMDDHHMM or YYYYMMDDHHMMSS, got {}", name,
                                  text ? fmt::format("'{}'", text->substr(0, 40)) : "nothing");
      return asked;
    }
    times[i] = *time;
  }
  if (times[0] > times[1]) {
    asked.problem = "from is later than to";
    return asked;
  }
  // Rows counted whole seconds; both ends are inside.
  asked.range = {times[0], times[1] + kSecondNs};
  for (const char* name : {"col_1", "col_2"}) {
    const auto text = request.parameter(name);
    if (!text && !asked.columns.empty()) break;
    const Field* found = text ? column(*text) : nullptr;
    if (found == nullptr) {
      asked.problem = fmt::format("{}: expected one of {}, got {}", name, column_names(),
                                  text ? fmt::format("'{}'", text->substr(0, 40)) : "nothing");
      return asked;
    }
    asked.columns.push_back(found);
  }
  return asked;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text, const model::Zone& zone, model::Repeated choice) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 8 && text.size() != 10 && text.size() != 12 && text.size() != 14) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), digit)) return std::nullopt;
  std::string all{text};
  all.resize(14, '0');
  model::LocalTime local;
  local.year = number_at(all, 0, 4);
  local.month = number_at(all, 4, 2);
  local.day = number_at(all, 6, 2);
  local.hour = number_at(all, 8, 2);
  local.minute = number_at(all, 10, 2);
  local.second = number_at(all, 12, 2);
  // Beyond these, years are no longer told apart.
  if (local.year < 1970 || local.year > 2200) return std::nullopt;
  return zone.to_utc(local, choice);
}

Response graph(const Context& context, const Request& request) {
  const Asked asked = read(request, context.zone);
  if (!asked.problem.empty()) return refuse(asked.problem);
  const auto stores = stores_of(context);
  if (!stores) return text_response(404, "nothing is stored: no sqlite or mysql sink takes the device");
  std::vector<GraphSeries> data;
  auto lease = stores->lease();
  try {
    data = graph_data(lease->archive(), context.device, asked.columns, asked.range, context.interval);
  } catch (const store::StoreError& error) {
    if (error.cause() == store::StoreError::Cause::unavailable) lease.discard();
    throw;
  }
  if (std::all_of(data.begin(), data.end(), [](const GraphSeries& s) { return s.points.empty(); }))
    return text_response(404, "no data in that time");
  Response response;
  response.content_type = "text/html";
  response.body = draw_chart(data, context.zone);
  return response;
}

}  // namespace mesura::http::compat::godenerg
