// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "take.hpp"

#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace mesura::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::string time_text(std::int64_t time_ns) { return runtime::format_time(time_ns, runtime::Precision::milliseconds); }

/// 8000, 12.5
std::string rate_text(double hz) { return fmt::format("{:.6g} Hz", hz); }

std::string seconds_text(std::int64_t ns) {
  return fmt::format("{:.3f} s", static_cast<double>(ns) / static_cast<double>(kSecond));
}

using Row = std::vector<std::string>;

std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return out;
}

struct Totals {
  std::uint64_t rows = 0, lost = 0, failed = 0;
};
Totals totals_of(const std::vector<TakeSummary>& takes) {
  Totals totals;
  for (const TakeSummary& t : takes) {
    totals.rows += t.take->rows();
    totals.lost += t.take->lost();
    if (t.status == "failed") ++totals.failed;
  }
  return totals;
}

}  // namespace

BatchPtr Take::take(const BatchPtr& batch, const std::string& name) {
  const Waveform& block = *batch->waveform;
  if (done_ || !failure_.empty() || block.rows == 0) return nullptr;
  if (!stream_ && !begin(block, name)) return nullptr;
  if (block.stream->id != id_) {
    failure_ = fmt::format("rec-run: its run ended; another began at {}", time_text(block.stream->start_ns));
    return nullptr;
  }
  const std::uint64_t limit = wanted_ != 0 ? first_ + wanted_ : UINT64_MAX;
  const std::uint64_t begin = std::max(block.first_row, next_);
  const std::uint64_t end = std::min(block.first_row + block.rows, limit);
  lose(std::min(begin, limit) - next_);
  next_ = std::max(std::min(begin, limit), next_);
  done_ = block.first_row + block.rows >= limit;
  if (begin >= end) return nullptr;
  last_received_ns_ = block.received_ns;
  rows_ += end - begin;
  next_ = end;
  if (first_block_end_ == 0) {
    first_block_end_ = end;
    first_received_ns_ = block.received_ns;
  }

  auto part = std::make_shared<Waveform>();
  part->stream = stream_;
  part->first_row = begin;
  part->rows = end - begin;
  part->gap_rows = begin == block.first_row ? block.gap_rows : 0;
  part->packet = block.packet;
  part->received_ns = block.received_ns;
  const auto channels = static_cast<std::ptrdiff_t>(stream_->channels());
  const auto at = block.samples.begin() + static_cast<std::ptrdiff_t>(begin - block.first_row) * channels;
  part->samples.assign(at, at + static_cast<std::ptrdiff_t>(end - begin) * channels);
  auto out = std::make_shared<Batch>();
  out->device = stream_->device;
  out->time_ns = stream_->time_ns(begin);
  out->received_ns = batch->received_ns;
  out->waveform = std::move(part);
  return out;
}

bool Take::begin(const Waveform& block, const std::string& name) {
  const WaveformStream& run = *block.stream;
  if (limit_.start_ns && run.start_ns != *limit_.start_ns) {
    failure_ = fmt::format(
        "rec-start: its run began at {}, not at {}; hint: the device takes a start at least 2 s "
        "ahead of its own clock: give it more time",
        time_text(run.start_ns), time_text(*limit_.start_ns));
    return false;
  }
  auto stream = std::make_shared<WaveformStream>(run);
  stream->device = name;
  id_ = run.id;
  stream_ = std::move(stream);
  first_ = next_ = sees_begin_ ? 0 : block.first_row;
  wanted_ = limit_.rows;
  if (wanted_ == 0 && limit_.duration_ns > 0)
    wanted_ = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::llround(static_cast<double>(limit_.duration_ns) / run.period_ns)));
  return true;
}

void Take::lose(std::uint64_t rows) {
  if (rows == 0) return;
  lost_ += rows;
  ++gaps_;
}

std::optional<double> Take::average_hz() const {
  const std::int64_t elapsed = last_received_ns_ - first_received_ns_;
  if (!stream_ || elapsed < kSecond || next_ <= first_block_end_) return std::nullopt;
  return static_cast<double>(next_ - first_block_end_) * 1e9 / static_cast<double>(elapsed);
}

std::string summary_table(const std::vector<TakeSummary>& takes) {
  std::vector<Row> rows{
      {"device", "status", "rate", "rows", "lost rows", "duration", "start", "stop", "average rate", "file"}};
  for (const TakeSummary& t : takes) {
    if (!t.take->begun()) {
      rows.push_back({t.device, t.status, "-", "0", "0", "-", "-", "-", "-", "-"});
      continue;
    }
    const auto average = t.take->average_hz();
    std::string files;
    for (const auto& file : t.files) files += (files.empty() ? "" : ", ") + file.string();
    rows.push_back({t.device, t.status, rate_text(t.take->rate_hz()), fmt::format("{}", t.take->rows()),
                    fmt::format("{}", t.take->lost()), seconds_text(t.take->stop_ns() - t.take->start_ns()),
                    time_text(t.take->start_ns()), time_text(t.take->stop_ns()),
                    average ? fmt::format("{:.2f} Hz", *average) : "-", files.empty() ? "-" : files});
  }
  const Totals totals = totals_of(takes);
  rows.push_back({"total", fmt::format("{} of {} failed", totals.failed, takes.size()), "",
                  fmt::format("{}", totals.rows), fmt::format("{}", totals.lost)});
  return table(rows);
}

std::string summary_json(const std::vector<TakeSummary>& takes) {
  std::string out;
  for (const TakeSummary& t : takes) {
    runtime::JsonWriter json{out};
    json.begin_object().key("device").string(t.device).key("status").string(t.status);
    if (!t.reason.empty()) json.key("reason").string(t.reason);
    json.key("rows").unsigned_integer(t.take->rows()).key("lost_rows").unsigned_integer(t.take->lost());
    json.key("gaps").unsigned_integer(t.take->gaps());
    if (t.take->begun()) {
      json.key("rate_hz").number(t.take->rate_hz()).key("average_rate_hz");
      if (const auto average = t.take->average_hz())
        json.fixed(*average, 3);
      else
        json.null();
      json.key("duration_s").fixed(static_cast<double>(t.take->stop_ns() - t.take->start_ns()) / 1e9, 6);
      json.key("start").string(runtime::format_time(t.take->start_ns(), runtime::Precision::nanoseconds));
      json.key("stop").string(runtime::format_time(t.take->stop_ns(), runtime::Precision::nanoseconds));
      json.key("channels").begin_array();
      for (const auto& name : t.take->stream().names) json.string(name);
      json.end_array().key("units").begin_array();
      for (const auto& unit : t.take->stream().units) json.string(unit);
      json.end_array();
    }
    json.key("files").begin_array();
    for (const auto& file : t.files) json.string(file.string());
    json.end_array().end_object();
    out += '\n';
  }
  const Totals totals = totals_of(takes);
  runtime::JsonWriter json{out};
  json.begin_object().key("devices").unsigned_integer(takes.size()).key("failed").unsigned_integer(totals.failed);
  json.key("rows").unsigned_integer(totals.rows).key("lost_rows").unsigned_integer(totals.lost).end_object();
  out += '\n';
  return out;
}

}  // namespace mesura::app
