// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/render.hpp"

#include "model/text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <unordered_map>
#include <utility>

namespace mesura::store {

namespace {

// As the running service prints them (service/measurement_text.cpp).
constexpr std::string_view kRow = "{:<24} {:<40} {:>16} {:<5} {}\n";

std::string quality_text(std::uint8_t quality) {
  return quality == MESURA_GOOD ? std::string{} : quality_to_string(quality);
}

void append_json(std::string& out, const SeriesInfo& info, const LatestValue& value) {
  const auto member = [&](std::string_view name, std::string_view text) {
    out += name;
    model::append_json_string(out, text);
  };
  member("{\"device\":", info.device);
  member(",\"channel\":", info.channel);
  member(",\"quantity\":", info.quantity);
  member(",\"unit\":", info.unit);
  out += ",\"time\":\"";
  model::append_utc(out, value.time_ns);
  out += '"';
  if (info.text) {
    member(",\"text\":", value.text);
  } else if (std::isfinite(value.number)) {
    out += ",\"value\":";
    model::append_number(out, value.number, info.decimals);
  } else {
    out += ",\"value\":null";
  }
  if (value.quality != MESURA_GOOD) member(",\"quality\":", quality_text(value.quality));
  out += '}';
}

void append_csv(std::string& out, const SeriesInfo& info, const LatestValue& value, const std::string& text) {
  for (const std::string& field : {info.device, info.channel, info.quantity, info.unit}) {
    append_csv_field(out, field);
    out += ',';
  }
  model::append_utc(out, value.time_ns);
  out += ",,";
  append_csv_field(out, text);
  out += ',';
  if (value.quality != MESURA_GOOD) append_csv_field(out, quality_text(value.quality));
  out += "\r\n";
}

}  // namespace

void render_latest(std::string& out, const std::vector<StoredSeries>& series, const std::vector<LatestValue>& values,
                   const RenderOptions& options) {
  std::unordered_map<std::uint32_t, const LatestValue*> by_series;
  for (const LatestValue& value : values) by_series.emplace(value.series, &value);
  const AnswerForm form = options.form;
  if (form == AnswerForm::json) out += "{\"series\":[";
  if (form == AnswerForm::csv) out += "device,channel,quantity,unit,time,received,value,quality\r\n";
  if (form == AnswerForm::table)
    fmt::format_to(std::back_inserter(out), fmt::runtime(kRow), "TIME", "SERIES", "VALUE", "UNIT", "QUALITY");
  const char* comma = "";
  for (const StoredSeries& s : series) {
    const auto found = by_series.find(s.info.id);
    if (found == by_series.end()) continue;
    const LatestValue& value = *found->second;
    if (form == AnswerForm::json || form == AnswerForm::jsonl) {
      if (form == AnswerForm::json) out += std::exchange(comma, ",");
      append_json(out, s.info, value);
      if (form == AnswerForm::jsonl) out += '\n';
      continue;
    }
    std::string text = value.text;
    if (!s.info.text) model::append_number(text, value.number, s.info.decimals);
    if (form == AnswerForm::csv) {
      append_csv(out, s.info, value, text);
      continue;
    }
    std::string time;
    model::append_utc(time, value.time_ns);
    fmt::format_to(std::back_inserter(out), fmt::runtime(kRow), time, model::printable(s.info.name()),
                   model::printable(text), s.info.unit, quality_text(value.quality));
  }
  if (form == AnswerForm::json) out += "]}\n";
}

}  // namespace mesura::store
