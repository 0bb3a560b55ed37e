// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/query_text.hpp"

#include "http/api/texts.hpp"
#include "model/text.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace mesura::http::api {

namespace {

double value_of(const store::Point& point, std::string_view column) {
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

void append_states(std::string& out, const store::Trace& trace) {
  const auto& states = trace.states;
  append_array(out, "times", states.size(), [&](std::size_t i) { append_seconds(out, states[i].time_ns); });
  append_array(out, trace.series.info.text ? "text" : "value", states.size(), [&](std::size_t i) {
    if (trace.series.info.text)
      runtime::append_json_string(out, states[i].text);
    else
      append_value(out, states[i].number, trace.series.info.decimals);
  });
}

void append_points(std::string& out, const store::Trace& trace, const Columns& columns) {
  const auto& points = trace.points;
  const SeriesInfo& info = trace.series.info;
  append_array(out, "times", points.size(), [&](std::size_t i) { append_seconds(out, points[i].time_ns); });
  if (trace.window.count() == 0) {
    append_array(out, "value", points.size(), [&](std::size_t i) { append_value(out, points[i].last, info.decimals); });
    return;
  }
  for (const auto& column : columns.names) {
    const int decimals = decimals_of(info, column);
    append_array(out, column, points.size(),
                 [&](std::size_t i) { append_value(out, value_of(points[i], column), decimals); });
  }
}

void append_trace(std::string& out, const store::Trace& trace, const Columns& columns) {
  runtime::JsonWriter json{out};
  json.begin_object();
  append_series(json, trace.series.info);
  json.key("resolution").string(store::to_string(trace.resolution));
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

}  // namespace

Columns columns_of(const std::vector<std::string>& words) {
  Columns columns;
  const auto add = [&](const char* name) {
    if (std::find(columns.names.begin(), columns.names.end(), name) == columns.names.end())
      columns.names.emplace_back(name);
  };
  for (const auto& word : words) {
    const bool all = word == "all";
    if (all || word == "minmax" || word == "min") add("min");
    if (all || word == "minmax" || word == "max") add("max");
    if (all || word == "mean") add("mean");
    if (all || word == "last") add("last");
    if (all || word == "count") add("count");
  }
  return columns;
}

std::string csv_prefix(const SeriesInfo& info) {
  std::string out;
  for (const std::string* field : {&info.device, &info.channel, &info.quantity, &info.unit}) {
    append_csv_field(out, *field);
    out += ',';
  }
  return out;
}

std::string json_prefix(const SeriesInfo& info) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("device").string(info.device).key("channel").string(info.channel);
  json.key("quantity").string(info.quantity).key("unit").string(info.unit);
  out += R"(,"time":")";
  return out;
}

std::string query_json(const std::vector<store::Trace>& traces, store::TimeRange range, const std::string& zone,
                       const Columns& columns) {
  std::string out;
  std::size_t points = 0;
  for (const auto& trace : traces) points += trace.points.size();
  out.reserve(512 * traces.size() + points * (8 + 8 * columns.names.size()) + 256);
  runtime::JsonWriter json{out};
  json.begin_object();
  append_time(json, "from", range.from_ns);
  append_time(json, "to", range.to_ns);
  json.key("zone").string(zone);
  out += R"(,"series":[)";
  for (const auto& trace : traces) {
    if (&trace != &traces.front()) out += ",\n";
    append_trace(out, trace, columns);
  }
  out += "]}\n";
  return out;
}

std::string query_csv(const std::vector<store::Trace>& traces, const Columns& columns) {
  std::string out = "device,channel,quantity,unit,time,value";
  for (const auto& column : columns.names) out += ',' + column;
  out += "\r\n";
  for (const auto& trace : traces) {
    const SeriesInfo& info = trace.series.info;
    const std::string prefix = csv_prefix(info);
    const bool windows = trace.window.count() > 0;
    for (const auto& point : trace.points) {
      out += prefix;
      model::append_utc(out, point.time_ns);
      out += ',';
      if (!windows) model::append_number(out, point.last, info.decimals);
      for (const auto& column : columns.names) {
        out += ',';
        if (windows) model::append_number(out, value_of(point, column), decimals_of(info, column));
      }
      out += "\r\n";
    }
    for (const auto& state : trace.states) {
      out += prefix;
      model::append_utc(out, state.time_ns);
      out += ',';
      if (info.text)
        append_csv_field(out, state.text);
      else
        model::append_number(out, state.number, info.decimals);
      out.append(columns.names.size(), ',');
      out += "\r\n";
    }
  }
  return out;
}

std::string query_json_lines(const std::vector<store::Trace>& traces, const Columns& columns) {
  std::string out;
  for (const auto& trace : traces) {
    const SeriesInfo& info = trace.series.info;
    const std::string prefix = json_prefix(info);
    for (const auto& point : trace.points) {
      out += prefix;
      model::append_utc(out, point.time_ns);
      out += '"';
      const auto member = [&](std::string_view name, double value, int decimals) {
        out += ",\"";
        out += name;
        out += "\":";
        append_value(out, value, decimals);
      };
      if (trace.window.count() == 0) {
        member("value", point.last, info.decimals);
      } else {
        for (const auto& column : columns.names) member(column, value_of(point, column), decimals_of(info, column));
      }
      out += "}\n";
    }
    for (const auto& state : trace.states) {
      out += prefix;
      model::append_utc(out, state.time_ns);
      out += info.text ? R"(","text":)" : R"(","value":)";
      if (info.text)
        runtime::append_json_string(out, state.text);
      else
        append_value(out, state.number, info.decimals);
      out += "}\n";
    }
  }
  return out;
}

}  // namespace mesura::http::api
