// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/sidecar.hpp"

#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace mesura::sinks::recording {
namespace {

// What changes while a file grows stands at the end, on lines of its own: that part alone is read back.
constexpr std::string_view kRows = "  \"rows\": ";
constexpr std::string_view kRowBytes = "  \"row_bytes\": ";

void add_member(std::string& out, std::string_view name, std::string_view json) {
  out += fmt::format("  \"{}\": {},\n", name, json);
}

void add_text(std::string& out, std::string_view name, std::string_view text) {
  std::string json;
  runtime::append_json_string(json, text);
  add_member(out, name, json);
}

void add_number(std::string& out, std::string_view name, double value) {
  std::string json;
  runtime::JsonWriter{json}.number(value);
  add_member(out, name, json);
}

void write_texts(runtime::JsonWriter& writer, const std::vector<std::string>& texts) {
  writer.begin_array();
  for (const std::string& text : texts) writer.string(text);
  writer.end_array();
}

void add_texts(std::string& out, std::string_view name, const std::vector<std::string>& texts) {
  std::string json;
  runtime::JsonWriter writer{json};
  write_texts(writer, texts);
  add_member(out, name, json);
}

/// The names of each stream's channels.
void add_tracks(std::string& out, const std::vector<Track>& tracks, const std::vector<std::string>& names) {
  std::string json;
  runtime::JsonWriter writer{json};
  writer.begin_array();
  for (const Track& track : tracks) {
    std::vector<std::string> some;
    for (const std::size_t column : track.columns) some.push_back(names[column]);
    write_texts(writer, some);
  }
  writer.end_array();
  add_member(out, "streams", json);
}

void add_period(std::string& out, const WaveformStream& stream) { add_number(out, "period_ns", stream.period_ns); }
void add_run_start(std::string& out, const WaveformStream& stream) {
  add_text(out, "run_start", runtime::format_time(stream.start_ns, runtime::Precision::nanoseconds));
}

/// The line that begins with `  "name": `, line feed included; empty when there is none.
std::string_view line_of(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(fmt::format("\n  \"{}\": ", name));
  if (at == std::string_view::npos) return {};
  const std::size_t end = text.find('\n', at + 1);
  return end == std::string_view::npos ? std::string_view{} : text.substr(at + 1, end - at);
}

std::string tail_text(std::uint64_t rows, const std::vector<Gap>& gaps, Ending ending) {
  std::string out = fmt::format("{}{},\n  \"gaps\": [", kRows, rows);
  for (const Gap& gap : gaps) {
    out +=
        fmt::format("{}\n    {{\"row\": {}, \"missing\": {}}}", &gap == gaps.data() ? "" : ",", gap.row, gap.missing);
  }
  out += gaps.empty() ? "],\n" : "\n  ],\n";
  out += fmt::format("  \"finished\": {},\n  \"interrupted\": {}\n}}\n", ending != Ending::open,
                     ending == Ending::interrupted);
  return out;
}

/// The digits after `name`, from `at` on; `at` then stands behind them.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view name, std::size_t& at) {
  const std::size_t found = text.find(name, at);
  if (found == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const char* begin = text.data() + found + name.size();
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  at = static_cast<std::size_t>(end - text.data());
  return value;
}

}  // namespace

std::string_view to_string(Fill fill) {
  switch (fill) {
    case Fill::nan: return "nan";
    case Fill::zero: return "zero";
    case Fill::none: break;
  }
  return "none";
}

std::string sidecar_text(const WaveformStream& stream, const std::string& file, std::uint64_t first_row, Fill fill,
                         std::uint64_t rows, const std::vector<Gap>& gaps, Ending ending,
                         const std::vector<Track>* tracks) {
  std::string out = "{\n";
  add_text(out, "format", "mesura recording 1");
  add_text(out, "device", stream.device);
  add_text(out, "file", file);
  add_text(out, "encoding", tracks != nullptr ? "float32, WavPack in Matroska" : "float32, little-endian, interleaved");
  add_texts(out, "names", stream.names);
  add_texts(out, "units", stream.units);
  if (tracks != nullptr) add_tracks(out, *tracks, stream.names);
  add_member(out, "row_bytes", std::to_string(stream.channels() * sizeof(float)));
  add_number(out, "rate_hz", 1e9 / stream.period_ns);
  add_period(out, stream);
  const std::int64_t start = stream.time_ns(first_row);
  add_text(out, "start", runtime::format_time(start, runtime::Precision::nanoseconds));
  add_member(out, "start_ns", std::to_string(start));
  add_run_start(out, stream);
  add_member(out, "first_row", std::to_string(first_row));
  add_text(out, "gap_fill", to_string(fill));
  return out + tail_text(rows, gaps, ending);
}

namespace {

constexpr std::string_view kOurs = "{\n  \"format\": \"mesura recording 1\",\n";

/// The gaps before row `rows`; nullopt when the text is torn.
std::optional<std::vector<Gap>> gaps_in(std::string_view sidecar, std::size_t at, std::uint64_t rows) {
  std::vector<Gap> gaps;
  for (auto row = number_after(sidecar, "{\"row\": ", at); row; row = number_after(sidecar, "{\"row\": ", at)) {
    const auto missing = number_after(sidecar, "\"missing\": ", at);
    if (!missing) return std::nullopt;
    if (*row < rows) gaps.push_back({*row, *missing});
  }
  return gaps;
}

}  // namespace

std::optional<std::uint64_t> open_rows(std::string_view sidecar) {
  if (!sidecar.starts_with(kOurs)) return std::nullopt;
  std::size_t at = 0;
  const auto rows = number_after(sidecar, kRows, at);
  if (!rows || sidecar.find("\n  \"finished\": false,\n", at) == std::string_view::npos) return std::nullopt;
  return rows;
}

std::optional<Repaired> close_interrupted_rows(std::string_view sidecar, std::uint64_t rows) {
  if (!open_rows(sidecar)) return std::nullopt;
  const std::size_t tail = sidecar.find(kRows);
  // Gaps are noted before the rows behind them are written.
  const auto gaps = gaps_in(sidecar, tail, rows);
  if (!gaps) return std::nullopt;
  Repaired out;
  out.rows = rows;
  out.text = std::string{sidecar.substr(0, tail)} + tail_text(rows, *gaps, Ending::interrupted);
  return out;
}

std::optional<Repaired> close_interrupted(std::string_view sidecar, std::uint64_t file_bytes) {
  std::size_t at = 0;
  const auto row_bytes = number_after(sidecar, kRowBytes, at);
  if (!row_bytes || *row_bytes == 0) return std::nullopt;
  auto out = close_interrupted_rows(sidecar, file_bytes / *row_bytes);
  if (out) out->bytes = out->rows * *row_bytes;
  return out;
}

std::string run_key(const WaveformStream& stream) {
  std::string out;
  add_run_start(out, stream);
  add_period(out, stream);
  add_texts(out, "names", stream.names);
  return out;
}

std::optional<RunEnd> run_end(std::string_view sidecar) {
  if (!sidecar.starts_with(kOurs)) return std::nullopt;
  std::size_t at = 0;
  const auto first = number_after(sidecar, "\n  \"first_row\": ", at);
  const auto rows = number_after(sidecar, kRows, at);
  if (!first || !rows) return std::nullopt;
  RunEnd out;
  for (const std::string_view name : {"run_start", "period_ns", "names"}) out.key += line_of(sidecar, name);
  out.row = *first + *rows;
  if (line_of(sidecar, "gap_fill").find("\"none\"") == std::string_view::npos) return out;
  // At the file's end, too: what is missing there will not come.
  const auto gaps = gaps_in(sidecar, at, *rows + 1);
  if (!gaps) return std::nullopt;
  for (const Gap& gap : *gaps) out.row += gap.missing;
  return out;
}

namespace {

/// The JSON texts in a line: those of its value, if the member's name was cut off.
std::vector<std::string> texts_in(std::string_view json) {
  std::vector<std::string> texts;
  for (std::size_t at = json.find('"'); at != std::string_view::npos; at = json.find('"', at + 1)) {
    std::string text;
    for (++at; at < json.size() && json[at] != '"'; ++at) {
      if (json[at] == '\\' && at + 1 < json.size()) ++at;  // names have no other escapes than quotes and backslashes
      text += json[at];
    }
    if (at >= json.size()) break;
    texts.push_back(std::move(text));
  }
  return texts;
}

/// The value of a member that stands on a line of its own.
std::string_view value_of(std::string_view sidecar, std::string_view name) {
  const std::string_view line = line_of(sidecar, name);
  const std::size_t skip = std::min(line.size(), name.size() + 6);  // two blanks, quotes, colon, blank
  return line.substr(skip);
}

}  // namespace

std::optional<Description> describe(std::string_view sidecar) {
  if (!sidecar.starts_with(kOurs)) return std::nullopt;
  Description out;
  const auto one = [&](std::string_view name) {
    auto texts = texts_in(value_of(sidecar, name));
    return texts.empty() ? std::string{} : std::move(texts.front());
  };
  out.device = one("device");
  out.file = one("file");
  out.names = texts_in(value_of(sidecar, "names"));
  out.units = texts_in(value_of(sidecar, "units"));
  std::string_view streams = value_of(sidecar, "streams");
  for (std::size_t end = streams.find(']'); end != std::string_view::npos; end = streams.find(']')) {
    auto names = texts_in(streams.substr(0, end));
    if (!names.empty()) out.streams.push_back(std::move(names));
    streams.remove_prefix(end + 1);
  }
  const std::string_view start = value_of(sidecar, "start_ns");
  const std::string_view period = value_of(sidecar, "period_ns");
  const bool numbers = std::from_chars(start.data(), start.data() + start.size(), out.start_ns).ec == std::errc{} &&
                       std::from_chars(period.data(), period.data() + period.size(), out.period_ns).ec == std::errc{};
  const std::string fill = one("gap_fill");
  out.fill = fill == "nan" ? Fill::nan : fill == "zero" ? Fill::zero : Fill::none;
  std::size_t at = 0;
  const auto rows = number_after(sidecar, kRows, at);
  if (!numbers || !rows || !(out.period_ns > 0) || out.names.empty() || out.units.size() != out.names.size() ||
      out.file.empty() || out.file.find('/') != std::string::npos)
    return std::nullopt;
  out.rows = *rows;
  auto gaps = gaps_in(sidecar, at, UINT64_MAX);
  if (!gaps) return std::nullopt;
  out.gaps = std::move(*gaps);
  out.finished = sidecar.find("\n  \"finished\": true,\n", at) != std::string_view::npos;
  return out;
}

}  // namespace mesura::sinks::recording
