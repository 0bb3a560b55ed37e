// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/measurement_text.hpp"

#include "model/measurement_json.hpp"
#include "model/text.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

namespace mesura::service {

namespace {

constexpr std::string_view kRow = "{:<24} {:<40} {:>16} {:<5} {}\n";

/// RFC 4180: quoted only where it must be.
void append_csv_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace

void MeasurementText::append(std::string& out, const Batch& batch) {
  if (form_ == Form::jsonl) {
    model::append_json_lines(out, series_, batch);
    return;
  }
  if (batch.waveform) {
    waveform(out, *batch.waveform);
    return;
  }
  if (rows_) return;
  if (form_ == Form::csv && patience_ > 0) {
    const std::size_t patience = std::exchange(patience_, 0);
    append(held_, batch);
    if (patience > batch.items.size())
      patience_ = patience - batch.items.size();
    else
      finish(out);
    return;
  }
  if (!header_ && form_ == Form::csv) out += "device,channel,quantity,unit,time,received,value,quality\r\n";
  if (!header_ && form_ == Form::table)
    fmt::format_to(std::back_inserter(out), fmt::runtime(kRow), "TIME", "SERIES", "VALUE", "UNIT", "QUALITY");
  header_ = true;
  for (const auto& m : batch.items) row(out, batch, m);
}

void MeasurementText::finish(std::string& out) { out += std::exchange(held_, {}); }

void MeasurementText::waveform(std::string& out, const Waveform& block) {
  const WaveformStream& stream = *block.stream;
  if (form_ == Form::table) {
    fmt::format_to(std::back_inserter(out), fmt::runtime(kRow), runtime::format_time(stream.time_ns(block.first_row)),
                   stream.device + "/waveform", fmt::format("{} rows", block.rows), "",
                   block.gap_rows > 0 ? fmt::format("{} rows lost before", block.gap_rows) : "");
    return;
  }
  if (header_ && !rows_ && held_.empty()) return;
  held_.clear();
  if (!rows_) {
    out += "time,row";
    for (std::size_t i = 0; i < stream.channels(); ++i) {
      out += ',';
      append_csv_field(out, fmt::format("{} ({})", stream.names[i], stream.units[i]));
    }
    out += "\r\n";
  }
  header_ = rows_ = true;
  char number[32];
  for (std::uint64_t row = 0; row < block.rows; ++row) {
    out += runtime::format_time(stream.time_ns(block.first_row + row));
    out += ',';
    out.append(number, std::to_chars(number, number + sizeof number, block.first_row + row).ptr);
    for (std::size_t i = 0; i < stream.channels(); ++i) {
      out += ',';
      out.append(number, std::to_chars(number, number + sizeof number, block.samples[row * stream.channels() + i]).ptr);
    }
    out += "\r\n";
  }
}

void MeasurementText::row(std::string& out, const Batch& batch, const Measurement& m) const {
  const SeriesInfo& info = series_.at(m.series);
  std::string value;
  if (m.type == MESURA_TEXT)
    value = batch.text(m);
  else
    model::append_number(value, m.number, info.decimals);
  const std::string quality = m.quality == MESURA_GOOD ? std::string{} : quality_to_string(m.quality);
  const std::string time = runtime::format_time(m.time_ns);
  if (form_ == Form::table) {
    fmt::format_to(std::back_inserter(out), fmt::runtime(kRow), time, info.name(), model::printable(value), info.unit,
                   quality);
    return;
  }
  for (const std::string_view field :
       {std::string_view{info.device}, std::string_view{info.channel}, std::string_view{info.quantity},
        std::string_view{info.unit}, std::string_view{time}}) {
    append_csv_field(out, field);
    out += ',';
  }
  out += runtime::format_time(batch.received_ns);
  out += ',';
  append_csv_field(out, value);
  out += ',';
  append_csv_field(out, quality);
  out += "\r\n";
}

}  // namespace mesura::service
