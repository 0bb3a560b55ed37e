// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/measurement_json.hpp"

#include <charconv>
#include <cmath>
#include <string_view>

#include "model/text.hpp"

namespace mesura::model {

namespace {

/// `time` and `received` are formatted already.
void append_object(std::string& out, const SeriesInfo& series, std::string_view time, std::string_view received,
                   const Batch& batch, const Measurement& m) {
  out += R"({"device":)";
  append_json_string(out, series.device);
  out += R"(,"channel":)";
  append_json_string(out, series.channel);
  out += R"(,"quantity":)";
  append_json_string(out, series.quantity);
  out += R"(,"unit":)";
  append_json_string(out, series.unit);
  out += R"(,"time":")";
  out += time;
  out += R"(","received":")";
  out += received;
  if (m.type == MESURA_TEXT) {
    out += R"(","text":)";
    append_json_string(out, batch.text(m));
  } else {
    out += R"(","value":)";
    if (std::isfinite(m.number)) {
      append_number(out, m.number, series.decimals);
    } else {
      out += "null";
    }
  }
  if (m.quality != MESURA_GOOD) {
    out += R"(,"quality":")";
    out += quality_to_string(m.quality);
    out += '"';
  }
  out += '}';
}

void append_samples(std::string& out, const std::vector<float>& samples) {
  constexpr std::size_t kRoom = 16;  // "-1.2345678e-38,"
  out += R"(,"samples":[)";
  const std::size_t start = out.size();
  out.resize(start + samples.size() * kRoom + 1);
  char* to = out.data() + start;
  char* const end = out.data() + out.size();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i > 0) *to++ = ',';
    if (std::isfinite(samples[i])) {
      to = std::to_chars(to, end, samples[i]).ptr;
    } else {
      to += std::string_view{"null"}.copy(to, 4);
    }
  }
  *to++ = ']';
  out.resize(static_cast<std::size_t>(to - out.data()));
}

void append_waveform(std::string& out, const Waveform& block, Samples samples) {
  const WaveformStream& stream = *block.stream;
  const auto texts = [&out](std::string_view key, const std::vector<std::string>& list) {
    out += key;
    for (std::size_t i = 0; i < list.size(); ++i) {
      out += i == 0 ? "[" : ",";
      append_json_string(out, list[i]);
    }
    out += ']';
  };
  const auto number = [&out](std::string_view key, auto value) {
    out += key;
    append_number(out, static_cast<double>(value), 6);
  };
  out += R"({"device":)";
  append_json_string(out, stream.device);
  out += R"(,"channel":"waveform","start":")";
  append_utc(out, stream.time_ns(block.first_row));
  out += '"';
  number(R"(,"rate":)", 1e9 / stream.period_ns);
  texts(R"(,"channels":)", stream.names);
  texts(R"(,"units":)", stream.units);
  number(R"(,"first_row":)", block.first_row);
  number(R"(,"rows":)", block.rows);
  number(R"(,"packet":)", block.packet);
  number(R"(,"gap":)", block.gap_rows);
  if (samples == Samples::with) append_samples(out, block.samples);
  out += '}';
}

std::string utc(std::int64_t time_ns) {
  std::string out;
  append_utc(out, time_ns);
  return out;
}

}  // namespace

void append_json(std::string& out, const SeriesInfo& series, const Batch& batch, const Measurement& m) {
  append_object(out, series, utc(m.time_ns), utc(batch.received_ns), batch, m);
}

void append_json_lines(std::string& out, const SeriesTable& table, const Batch& batch, Samples samples) {
  if (batch.waveform) {
    append_waveform(out, *batch.waveform, samples);
    out += '\n';
    return;
  }
  const auto received = utc(batch.received_ns);
  auto time_ns = batch.time_ns;
  auto time = utc(time_ns);
  for (const auto& m : batch.items) {
    if (m.time_ns != time_ns) {
      time_ns = m.time_ns;
      time.clear();
      append_utc(time, time_ns);
    }
    append_object(out, table.at(m.series), time, received, batch, m);
    out += '\n';
  }
}

}  // namespace mesura::model
