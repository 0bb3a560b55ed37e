// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr double kMostSeconds = 60;
constexpr std::size_t kMostValues = 20'000'000;

/// Rows of one run without holes: what was lost is NaN.
struct Window {
  std::shared_ptr<const WaveformStream> stream;
  std::uint64_t first_row = 0;
  std::size_t rows = 0;
  std::uint64_t lost = 0;
  std::vector<float> samples;  ///< interleaved

  [[nodiscard]] std::size_t channels() const { return stream->channels(); }
  [[nodiscard]] float at(std::size_t row, std::size_t channel) const { return samples[row * channels() + channel]; }
};

/// The last `seconds` of the newest run.
Window window_of(const std::vector<BatchPtr>& blocks, double seconds) {
  Window window;
  if (blocks.empty()) return window;
  window.stream = blocks.back()->waveform->stream;
  std::uint64_t end = 0;
  for (const auto& block : blocks)
    if (block->waveform->stream->id == window.stream->id)
      end = std::max(end, block->waveform->first_row + block->waveform->rows);
  const double period = window.stream->period_ns;
  if (!(period > 0) || window.channels() == 0) return window;
  const auto wanted = static_cast<std::uint64_t>(seconds * 1e9 / period);
  std::uint64_t begin = end > wanted ? end - wanted : 0;
  std::uint64_t first = end;
  for (const auto& block : blocks)
    if (block->waveform->stream->id == window.stream->id) first = std::min(first, block->waveform->first_row);
  begin = std::max(begin, first);
  window.rows = std::min(static_cast<std::size_t>(end - begin), kMostValues / window.channels());
  window.first_row = end - window.rows;
  window.samples.assign(window.rows * window.channels(), std::numeric_limits<float>::quiet_NaN());
  std::uint64_t heard = 0;
  for (const auto& block : blocks) {
    const Waveform& w = *block->waveform;
    if (w.stream->id != window.stream->id || w.first_row + w.rows <= window.first_row) continue;
    const std::uint64_t skip = w.first_row < window.first_row ? window.first_row - w.first_row : 0;
    const auto at = static_cast<std::size_t>(w.first_row + skip - window.first_row);
    const auto count = static_cast<std::size_t>(w.rows - skip) * window.channels();
    std::copy_n(w.samples.begin() + static_cast<std::ptrdiff_t>(skip * window.channels()), count,
                window.samples.begin() + static_cast<std::ptrdiff_t>(at * window.channels()));
    heard += w.rows - skip;
  }
  window.lost = window.rows - std::min<std::uint64_t>(window.rows, heard);
  return window;
}

void append_sample(std::string& out, double value) { append_value(out, value, 4); }

/// One array per channel of what `value` makes of rows [begin, end).
template <class Value>
void append_channels(std::string& out, std::string_view name, const Window& w, std::size_t points, Value value) {
  out += ",\"";
  out += name;
  out += "\":{";
  for (std::size_t channel = 0; channel < w.channels(); ++channel) {
    if (channel > 0) out += ',';
    runtime::append_json_string(out, w.stream->names[channel]);
    out += ":[";
    for (std::size_t i = 0; i < points; ++i) {
      if (i > 0) out += ',';
      append_sample(out, value(channel, i * w.rows / points, (i + 1) * w.rows / points));
    }
    out += ']';
  }
  out += '}';
}

template <class Better>
double extreme(const Window& w, std::size_t channel, std::size_t begin, std::size_t end, Better better) {
  double best = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t row = begin; row < end; ++row) {
    const double value = w.at(row, channel);
    if (std::isnan(best) || better(value, best)) best = std::isnan(value) ? best : value;
  }
  return best;
}

std::string json_of(const Window& w, const std::string& device, std::size_t points) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("device").string(device);
  append_time(json, "start", w.stream->time_ns(w.first_row));
  json.key("rate");
  append_value(json, 1e9 / w.stream->period_ns, 3);
  json.key("channels").begin_array();
  for (const auto& name : w.stream->names) json.string(name);
  json.end_array().key("units").begin_array();
  for (const auto& unit : w.stream->units) json.string(unit);
  json.end_array();
  json.key("run").unsigned_integer(w.stream->id).key("first_row").unsigned_integer(w.first_row);
  json.key("rows").unsigned_integer(w.rows).key("lost_rows").unsigned_integer(w.lost);
  const bool thinned = points > 0 && points < w.rows;
  json.key("thinned").boolean(thinned);
  if (thinned) {
    append_channels(out, "min", w, points, [&](std::size_t channel, std::size_t begin, std::size_t end) {
      return extreme(w, channel, begin, end, std::less<>{});
    });
    append_channels(out, "max", w, points, [&](std::size_t channel, std::size_t begin, std::size_t end) {
      return extreme(w, channel, begin, end, std::greater<>{});
    });
  } else {
    append_channels(out, "samples", w, w.rows,
                    [&](std::size_t channel, std::size_t begin, std::size_t) { return w.at(begin, channel); });
  }
  out += "}\n";
  return out;
}

/// Little-endian float32, row after row; thinned: for each window a row of minima, then one of maxima.
std::string binary_of(const Window& w, std::size_t points) {
  std::string out;
  const auto put = [&](double value) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
    for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>((bits >> shift) & 0xFFU);
  };
  const bool thinned = points > 0 && points < w.rows;
  if (!thinned) {
    out.reserve(w.samples.size() * 4);
    for (const float value : w.samples) put(static_cast<double>(value));
    return out;
  }
  for (std::size_t i = 0; i < points; ++i) {
    const std::size_t begin = i * w.rows / points;
    const std::size_t end = (i + 1) * w.rows / points;
    for (std::size_t c = 0; c < w.channels(); ++c) put(extreme(w, c, begin, end, std::less<>{}));
    for (std::size_t c = 0; c < w.channels(); ++c) put(extreme(w, c, begin, end, std::greater<>{}));
  }
  return out;
}

Response ask(const Call& call) {
  const std::string& device = call.arguments.text("device");
  const double seconds = call.arguments.number("seconds").value_or(1);
  const auto points = static_cast<std::size_t>(call.arguments.integer("points").value_or(0));
  // The stream's clock may be seconds away from ours: its own newest row counts.
  const auto blocks = call.parts.live->recent_waveforms(device, INT64_MIN);
  const Window window = window_of(blocks, seconds);
  if (!window.stream || window.rows == 0)
    throw Refused{404,
                  {"api-waveform", "there is no waveform of this device", "a device that sends waveforms, live",
                   config::quote(device), "/api/v1/devices lists devices and their states"}};
  Response response;
  response.etag = false;
  if (call.arguments.text("format") == "json") {
    response.body = json_of(window, device, points);
    return response;
  }
  response.content_type = "application/octet-stream";
  response.body = binary_of(window, points);
  std::string names;
  std::string units;
  for (std::size_t c = 0; c < window.channels(); ++c) {
    names += (c > 0 ? "," : "") + window.stream->names[c];
    units += (c > 0 ? "," : "") + window.stream->units[c];
  }
  const bool thinned = points > 0 && points < window.rows;
  response.headers = {{"Mesura-Start-Ns", fmt::format("{}", window.stream->time_ns(window.first_row))},
                      {"Mesura-Rate", fmt::format("{}", 1e9 / window.stream->period_ns)},
                      {"Mesura-Channels", names},
                      {"Mesura-Units", units},
                      {"Mesura-Rows", fmt::format("{}", window.rows)},
                      {"Mesura-Lost-Rows", fmt::format("{}", window.lost)},
                      {"Mesura-Thinned", thinned ? "true" : "false"}};
  return response;
}

}  // namespace

Endpoint waveform_endpoint() {
  Endpoint e;
  e.path = "/api/v1/waveform";
  e.summary = "The latest waveform of a device, from memory";
  e.details =
      "The last `seconds` of the running measurement. With `points` below its rows, each channel comes as minima and "
      "maxima of that many windows. Lost rows are null (NaN in f32). format=f32: little-endian float32, row after "
      "row, the channels interleaved; thinned: a row of minima and a row of maxima for each window; the headers "
      "Mesura-Start-Ns, -Rate, -Channels, -Units, -Rows, -Lost-Rows, -Thinned describe it.";
  e.parameters = {required(text("device", "whose")),
                  number("seconds", 0.001, kMostSeconds, "1", "how much; no more than http.limits.waveform is kept"),
                  integer("points", 1, 1'000'000, "", "at most so many windows; default: every row"),
                  word("format", {"json", "f32"}, "json", "form of the answer")};
  e.parameters[0].example = "lab";
  e.answers = {
      {200,
       "the samples",
       {"application/json", "application/octet-stream"},
       R"({"type":"object","required":["device","start","rate","channels","units","rows","lost_rows","thinned"]})"}};
  e.errors = {404};
  e.handler = ask;
  return e;
}

}  // namespace mesura::http::api
