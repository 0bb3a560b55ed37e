// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/payload.hpp"

#include "model/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace mesura::sinks::mqtt {
namespace {

void append_json_value(std::string& out, const Batch& batch, const Measurement& m, int decimals) {
  if (m.type == MESURA_TEXT) {
    model::append_json_string(out, batch.text(m));
  } else {
    model::append_number(out, m.number, decimals);
  }
}

/// Appends `,"title":{...}` with a member for each entry that `wanted` says.
template <class Wanted, class Value>
void append_object(std::string& out, std::string_view title, std::span<const Entry> entries, Wanted wanted,
                   Value value) {
  bool any = false;
  for (const Entry& e : entries) {
    if (!wanted(*e.item)) continue;
    out += any ? "," : title;
    any = true;
    out += e.keys->json;
    out += '"';
    value(*e.item);
    out += '"';
  }
  if (any) out += '}';
}

void append_influx_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_influx_line(std::string& out, const Group& group, std::int64_t time_ns) {
  out += group.entries.front().keys->influx_head;
  char separator = ' ';
  for (const Entry& e : group.entries) {
    const Measurement& m = *e.item;
    if (m.time_ns != time_ns) continue;
    out += separator;
    separator = ',';
    out += e.keys->influx_key;
    out += '=';
    if (m.type == MESURA_TEXT) {
      append_influx_string(out, group.batch.text(m));
    } else {
      model::append_number(out, m.number, e.keys->decimals);
    }
    if (m.quality == MESURA_GOOD) continue;
    // A field and no tag: the same instant would otherwise be another series, and a better value no replacement.
    out += ',';
    out += e.keys->influx_key;
    out += "_quality=";
    append_influx_string(out, quality_to_string(m.quality));
  }
  out += ' ';
  std::array<char, 24> number;
  out.append(number.data(), std::to_chars(number.data(), number.data() + number.size(), time_ns).ptr);
  out += '\n';
}

}  // namespace

void append_influx_name(std::string& out, std::string_view name) {
  for (const char c : name) {
    switch (c) {
      case ',':
      case '=':
      case ' ':
        out += '\\';
        out += c;
        break;
      // Parsers differ in what a backslash before anything else means, but all take two of them as no escape; a line
      // feed cannot be escaped at all.
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
}

Keys keys_of(const SeriesInfo& series) {
  Keys keys;
  model::append_json_string(keys.json, series.flat_name);
  keys.json += ':';
  keys.influx_head = "mesura,device=";
  append_influx_name(keys.influx_head, series.device);
  if (!series.fleet.empty()) {
    keys.influx_head += ",fleet=";
    append_influx_name(keys.influx_head, series.fleet);
  }
  append_influx_name(keys.influx_key, series.flat_name);
  keys.decimals = series.decimals;
  return keys;
}

void append_json_batch(std::string& out, const Group& group, std::string_view device) {
  const Batch& batch = group.batch;
  const auto entries = group.entries;
  const bool of_batch =
      std::any_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.item->time_ns == batch.time_ns; });
  const std::int64_t time = of_batch ? batch.time_ns : entries.front().item->time_ns;
  out += R"({"time":")";
  model::append_utc(out, time);
  out += '"';
  if (!device.empty()) {
    out += R"(,"device":)";
    model::append_json_string(out, device);
  }
  bool other_times = false;
  bool qualities = false;
  for (const Entry& e : entries) {
    out += ',';
    out += e.keys->json;
    append_json_value(out, batch, *e.item, e.keys->decimals);
    other_times = other_times || e.item->time_ns != time;
    qualities = qualities || e.item->quality != MESURA_GOOD;
  }
  if (other_times) {
    append_object(
        out, R"(,"times":{)", entries, [time](const Measurement& m) { return m.time_ns != time; },
        [&out](const Measurement& m) { model::append_utc(out, m.time_ns); });
  }
  if (qualities) {
    append_object(
        out, R"(,"quality":{)", entries, [](const Measurement& m) { return m.quality != MESURA_GOOD; },
        [&out](const Measurement& m) { out += quality_to_string(m.quality); });
  }
  out += '}';
}

void append_influx(std::string& out, const Group& group) {
  for (auto at = group.entries.begin(); at != group.entries.end(); ++at) {
    const std::int64_t time = at->item->time_ns;
    const bool done =
        std::any_of(group.entries.begin(), at, [time](const Entry& e) { return e.item->time_ns == time; });
    if (!done) append_influx_line(out, group, time);
  }
}

void append_value(std::string& out, const Batch& batch, const Measurement& m, int decimals) {
  if (m.type == MESURA_TEXT) {
    out += batch.text(m);
  } else {
    model::append_number(out, m.number, decimals);
  }
}

}  // namespace mesura::sinks::mqtt
