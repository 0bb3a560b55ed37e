// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/json.hpp"

#include "model/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace mesura::store {

namespace {

double value_of(const Point& point, std::string_view column) {
  if (column == "min") return point.min;
  if (column == "max") return point.max;
  if (column == "mean") return point.mean;
  if (column == "last") return point.last;
  return static_cast<double>(point.count);
}

/// A mean of whole watts has decimals of its own.
int decimals_of(const SeriesInfo& info, std::string_view column) {
  if (column == "count") return 0;
  return column == "mean" ? std::min(info.decimals + 3, 9) : info.decimals;
}

/// Seconds since 1970 with as many decimals as it takes.
void append_seconds(std::string& out, std::int64_t time_ns) {
  char buffer[32];
  std::int64_t seconds = time_ns / 1'000'000'000;
  std::int64_t rest = time_ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  if (seconds < 0 && rest > 0) {  // -0.25 is second -1 and 750 ms
    ++seconds;
    rest = 1'000'000'000 - rest;
    if (seconds == 0) out += '-';
  }
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, seconds).ptr);
  if (rest == 0) return;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, 1'000'000'000 + rest).ptr;
  std::string_view digits{buffer, static_cast<std::size_t>(end - buffer)};
  digits.remove_prefix(1);
  while (digits.back() == '0') digits.remove_suffix(1);
  out += '.';
  out += digits;
}

template <class Append>
void append_array(std::string& out, std::string_view name, std::size_t count, Append append) {
  out += ",\"";
  out += name;
  out += "\":[";
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append(i);
  }
  out += ']';
}

void append_states(std::string& out, const Trace& trace) {
  const auto& states = trace.states;
  append_array(out, "times", states.size(), [&](std::size_t i) { append_seconds(out, states[i].time_ns); });
  append_array(out, trace.series.info.text ? "text" : "value", states.size(), [&](std::size_t i) {
    if (trace.series.info.text)
      runtime::append_json_string(out, states[i].text);
    else
      append_value(out, states[i].number, trace.series.info.decimals);
  });
}

void append_points(std::string& out, const Trace& trace, const std::vector<std::string_view>& columns) {
  const auto& points = trace.points;
  const SeriesInfo& info = trace.series.info;
  append_array(out, "times", points.size(), [&](std::size_t i) { append_seconds(out, points[i].time_ns); });
  if (trace.window.count() == 0) {
    append_array(out, "value", points.size(), [&](std::size_t i) { append_value(out, points[i].last, info.decimals); });
    return;
  }
  for (const auto column : columns) {
    const int decimals = decimals_of(info, column);
    append_array(out, column, points.size(),
                 [&](std::size_t i) { append_value(out, value_of(points[i], column), decimals); });
  }
}

}  // namespace

void append_value(std::string& out, double value, int decimals) {
  if (std::isfinite(value))
    model::append_number(out, value, decimals);
  else
    out += "null";
}

void append_value(runtime::JsonWriter& json, double value, int decimals) {
  if (!std::isfinite(value)) {
    json.null();
    return;
  }
  std::string text;
  model::append_number(text, value, decimals);
  json.raw(text);
}

void append_series(runtime::JsonWriter& json, const SeriesInfo& info) {
  json.key("device").string(info.device);
  if (!info.fleet.empty()) json.key("fleet").string(info.fleet);
  json.key("channel").string(info.channel).key("quantity").string(info.quantity).key("unit").string(info.unit);
  json.key("kind").string(to_string(info.kind)).key("name").string(info.name()).key("flat_name").string(info.flat_name);
  json.key("label").string(info.label).key("role").string(info.role).key("source").string(info.source);
  json.key("text").boolean(info.text).key("decimals").integer(info.decimals);
}

void append_trace(std::string& out, const Trace& trace, const std::vector<std::string_view>& columns) {
  runtime::JsonWriter json{out};
  json.begin_object();
  append_series(json, trace.series.info);
  json.key("resolution").string(to_string(trace.resolution));
  json.key("window_s");
  append_value(json, static_cast<double>(trace.window.count()) / 1e9, 9);
  if (trace.series.stored_as_state)
    append_states(out, trace);
  else
    append_points(out, trace, columns);
  append_array(out, "gaps", trace.gaps.size(), [&](std::size_t i) {
    out += '[';
    append_seconds(out, trace.gaps[i].from_ns);
    out += ',';
    append_seconds(out, trace.gaps[i].to_ns);
    out += ']';
  });
  out += '}';
}

}  // namespace mesura::store
