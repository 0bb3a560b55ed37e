// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/export.hpp"

#include "runtime/time_text.hpp"
#include "store/export_writers.hpp"
#include "store/godenerg.hpp"
#include "store/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::store {

namespace {

constexpr std::size_t kPiece = 1U << 20U;
constexpr std::uint64_t kRowsBetweenLooks = 256;

StoreError question(const std::string& text) { return {StoreError::Cause::question, text}; }

}  // namespace

Export::Export(Archive& archive, std::vector<StoredSeries> series, TimeRange range, ExportOptions options)
    : archive_(archive), series_(std::move(series)), range_(range), options_(std::move(options)) {
  const bool old = options_.form == ExportForm::godenerg_csv || options_.form == ExportForm::godenerg_json;
  if (old && options_.resolution != Resolution::raw)
    throw question(fmt::format(
        "exp-layout: the layout of godenerg has raw rows only\n  expected  --resolution raw\n  got       {}",
        to_string(options_.resolution)));
  if (options_.resolution != Resolution::raw) {
    cells_ = options_.parts;
    if (cells_.empty()) cells_ = {Part::mean, Part::min, Part::max, Part::last, Part::delta};
    std::erase_if(series_, [](const StoredSeries& s) { return s.stored_as_state; });
    if (series_.empty())
      throw question(
          fmt::format("exp-states: states have no rows of {}\n  hint      --resolution raw has their changes",
                      to_string(options_.resolution)));
  } else {
    if (!options_.parts.empty())
      throw question(
          "exp-parts: raw rows have one value each\n  hint      leave --columns out, or name a --resolution");
  }
  if (old) {
    series_ = godenerg_series(archive_.series(), series_);
    writer_ = make_godenerg_writer(archive_, series_, options_);
  } else if (options_.form == ExportForm::wide) {
    writer_ = make_wide_writer(series_, cells_, options_);
  } else {
    writer_ = make_line_writer(series_, cells_, options_);
  }
  if (options_.form == ExportForm::wide || old) {
    parts_.push_back(series_);
  } else {
    for (const StoredSeries& s : series_) {
      if (parts_.empty() || parts_.back().front().info.device != s.info.device) parts_.emplace_back();
      parts_.back().push_back(s);
    }
  }
}

Export::~Export() = default;

const std::string& Export::header() const { return writer_->header(); }
bool Export::resumable() const { return writer_->resumable(); }

std::optional<ExportPlace> Export::place_of(std::string_view line) const {
  const auto found = writer_->place_of(line);
  if (!found || !range_.contains(found->time_ns)) return std::nullopt;
  ExportPlace place{0, found->time_ns};
  if (parts_.size() < 2) return place;
  for (; place.part < parts_.size(); ++place.part)
    if (parts_[place.part].front().info.device == series_[found->series].info.device) return place;
  return std::nullopt;
}

bool Export::run(const std::optional<ExportPlace>& place, const Output& output, const std::function<bool()>& stop) {
  sinks::csv::Buffer out;
  std::uint64_t values = 0;
  std::size_t first_series = 0;
  const auto put = [&](double part) {
    const bool good = output(Step{out.view(), values, part});
    out.clear();
    return good;
  };
  if (!place) writer_->begin(out);
  for (std::size_t i = 0; i < parts_.size(); first_series += parts_[i].size(), ++i) {
    if (place && i < place->part) continue;
    MergedRows rows{archive_, parts_[i], options_.resolution, cells_};
    const bool here = place && i == place->part;
    const TimeRange extent = rows.extent(here ? TimeRange{place->time_ns, range_.to_ns} : range_);
    writer_->part(first_series, parts_[i].size(), extent.from_ns, here);
    const auto done = [&](std::int64_t time_ns) {
      const double span = static_cast<double>(extent.to_ns - extent.from_ns);
      const double of_part = span > 0 ? static_cast<double>(time_ns - extent.from_ns) / span : 1;
      return (static_cast<double>(i) + std::clamp(of_part, 0.0, 1.0)) / static_cast<double>(parts_.size());
    };
    std::uint64_t since_look = 0;
    const bool whole = rows.read(
        extent,
        [&](const MergedRow& row) {
          values += writer_->row(out, row);
          if (++since_look >= kRowsBetweenLooks) {
            since_look = 0;
            if (stop()) return false;
          }
          return out.size() < kPiece || put(done(row.time_ns));
        },
        [&](std::int64_t time_ns) { return !stop() && (out.size() < kPiece / 4 || put(done(time_ns))); });
    if (!whole) {
      put(done(extent.from_ns));  // what is in lines is whole
      return false;
    }
  }
  writer_->end(out);
  return put(1);
}

}  // namespace mesura::store
