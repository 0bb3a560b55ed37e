// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/export_writers.hpp"

#include "model/text.hpp"
#include "runtime/time_text.hpp"
#include "store/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

namespace mesura::store {

namespace {

using sinks::csv::Buffer;
using sinks::csv::kNumberRoom;
using sinks::csv::write_number;

/// Whether a cell of a series exists: a register has no mean, a gauge does not grow.
std::vector<bool> wanted_cells(const std::vector<StoredSeries>& series, const std::vector<Part>& cells,
                               const ExportOptions& options) {
  std::vector<bool> out;
  for (const StoredSeries& s : series) {
    if (cells.empty()) out.push_back(true);
    for (const Part part : cells) {
      const bool has = s.info.kind == Kind::reg ? part == Part::last || part == Part::delta || part == Part::count
                                                : part != Part::delta;
      out.push_back(has && (!options.parts.empty() || is_usual(part, s.info)));
    }
  }
  return out;
}

std::string text_cell(std::string_view text) {
  std::string out;
  if (text.empty()) return "\"\"";  // a value; an empty cell is none
  append_csv_field(out, text);
  return out;
}

class Wide final : public ExportWriter {
 public:
  Wide(const std::vector<StoredSeries>& series, const std::vector<Part>& cells, const ExportOptions& options)
      : wanted_(wanted_cells(series, cells, options)),
        per_series_(std::max<std::size_t>(cells.size(), 1)),
        time_(options.local) {
    header_ = "time";
    for (std::size_t i = 0; i < series.size(); ++i) {
      const SeriesInfo& info = series[i].info;
      texts_.push_back(info.text);
      for (std::size_t p = 0; p < per_series_; ++p) {
        if (!wanted_[i * per_series_ + p]) continue;
        header_ += ',';
        append_csv_field(header_, fmt::format("{}{}{} ({})", info.name(), cells.empty() ? "" : " ",
                                              cells.empty() ? std::string_view{} : to_string(cells[p]), info.unit));
      }
    }
    header_ += "\r\n";
    all_numbers_ = std::find(wanted_.begin(), wanted_.end(), false) == wanted_.end() &&
                   std::find(texts_.begin(), texts_.end(), true) == texts_.end();
  }

  [[nodiscard]] std::optional<Found> place_of(std::string_view line) const override {
    const auto time_ns = runtime::parse_time(line.substr(0, line.find(',')));
    if (!time_ns) return std::nullopt;
    return Found{0, *time_ns};
  }
  void part(std::size_t, std::size_t, std::int64_t, bool) override {}

  std::uint64_t row(Buffer& out, const MergedRow& row) override {
    std::uint64_t values = 0;
    char* to = time_.write(out.room(kNumberRoom + (kNumberRoom + 1) * row.numbers.size() + 2), row.time_ns);
    if (all_numbers_) {
      for (const double value : row.numbers) {
        *to++ = ',';
        if (std::isfinite(value)) {
          to = write_number(to, value);
          ++values;
        }
      }
      *to++ = '\r';
      *to++ = '\n';
      out.end(to);
      return values;
    }
    for (std::size_t i = 0; i < row.numbers.size(); ++i) {
      if (!wanted_[i]) continue;
      *to++ = ',';
      const std::size_t series = i / per_series_;
      if (std::isfinite(row.numbers[i])) {
        to = write_number(to, row.numbers[i]);
        ++values;
      } else if (texts_[series] && !row.texts.empty() && row.texts[series].data() != nullptr) {
        const std::string text = text_cell(row.texts[series]);
        out.end(to);
        out.append(text);
        to = out.room((kNumberRoom + 1) * (row.numbers.size() - i) + 2);
        ++values;
      }
    }
    *to++ = '\r';
    *to++ = '\n';
    out.end(to);
    return values;
  }

 private:
  std::vector<bool> wanted_;
  std::vector<bool> texts_;
  std::size_t per_series_;
  bool all_numbers_ = false;
  TimeColumn time_;
};

/// A line a series and time.
class Lines final : public ExportWriter {
 public:
  Lines(const std::vector<StoredSeries>& series, const std::vector<Part>& cells, const ExportOptions& options)
      : json_(options.form == ExportForm::jsonl),
        wanted_(wanted_cells(series, cells, options)),
        per_series_(std::max<std::size_t>(cells.size(), 1)),
        time_(options.local) {
    for (const Part part : cells) names_.emplace_back(to_string(part));
    if (cells.empty()) names_.emplace_back("value");
    if (!json_) {
      header_ = "device,channel,quantity,unit,time";
      for (const std::string& name : names_) header_ += "," + name;
      header_ += "\r\n";
    }
    for (const StoredSeries& s : series) {
      texts_.push_back(s.info.text);
      prefixes_.push_back(prefix_of(s.info));
    }
  }

  [[nodiscard]] std::optional<Found> place_of(std::string_view line) const override {
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      if (!line.starts_with(prefixes_[i])) continue;
      const std::string_view rest = line.substr(prefixes_[i].size());
      const auto time_ns = runtime::parse_time(rest.substr(0, rest.find(json_ ? '"' : ',')));
      if (time_ns) return Found{i, *time_ns};
    }
    return std::nullopt;
  }
  void part(std::size_t first, std::size_t, std::int64_t, bool) override { first_ = first; }

  std::uint64_t row(Buffer& out, const MergedRow& row) override {
    std::uint64_t values = 0;
    char time[kNumberRoom];
    const std::string_view time_text{time, static_cast<std::size_t>(time_.write(time, row.time_ns) - time)};
    const std::size_t count = row.numbers.size() / per_series_;
    for (std::size_t i = 0; i < count; ++i) {
      const double* cells = row.numbers.data() + i * per_series_;
      const std::size_t series = first_ + i;
      if (texts_[series]) {
        if (row.texts.empty() || row.texts[i].data() == nullptr) continue;
        begin_line(out, series, time_text);
        text(out, row.texts[i]);
        ++values;
        continue;
      }
      if (std::none_of(cells, cells + per_series_, [](double v) { return std::isfinite(v); })) continue;
      begin_line(out, series, time_text);
      values += numbers(out, series, cells);
    }
    return values;
  }

 private:
  [[nodiscard]] std::string prefix_of(const SeriesInfo& info) const {
    std::string out;
    if (!json_) {
      for (const std::string& field : {info.device, info.channel, info.quantity, info.unit}) {
        append_csv_field(out, field);
        out += ',';
      }
      return out;
    }
    std::string_view name = "{\"device\":";
    const auto member = [&](std::string_view value, std::string_view next) {
      out += name;
      model::append_json_string(out, value);
      name = next;
    };
    member(info.device, ",\"channel\":");
    member(info.channel, ",\"quantity\":");
    member(info.quantity, ",\"unit\":");
    member(info.unit, {});
    return out + ",\"time\":\"";
  }
  void begin_line(Buffer& out, std::size_t series, std::string_view time) {
    out.append(prefixes_[series]);
    out.append(time);
    if (json_) out.append('"');
  }
  void text(Buffer& out, std::string_view value) const {
    if (json_) {
      std::string quoted;
      model::append_json_string(quoted, value);
      out.append(",\"text\":");
      out.append(quoted);
      out.append("}\n");
      return;
    }
    out.append(',');
    out.append(text_cell(value));
    out.append("\r\n");
  }
  std::uint64_t numbers(Buffer& out, std::size_t series, const double* cells) const {
    std::uint64_t values = 0;
    for (std::size_t p = 0; p < per_series_; ++p) {
      const bool there = wanted_[series * per_series_ + p] && std::isfinite(cells[p]);
      if (json_) {
        if (!there) continue;
        out.append(",\"");
        out.append(names_[p]);
        out.append("\":");
      } else {
        out.append(',');
        if (!there) continue;
      }
      char* to = out.room(kNumberRoom);
      out.end(write_number(to, cells[p]));
      ++values;
    }
    out.append(json_ ? std::string_view{"}\n"} : std::string_view{"\r\n"});
    return values;
  }

  bool json_;
  std::vector<bool> wanted_;
  std::vector<bool> texts_;
  std::size_t per_series_;
  TimeColumn time_;
  std::vector<std::string> names_;
  std::vector<std::string> prefixes_;
  std::size_t first_ = 0;
};

}  // namespace

char* TimeColumn::write(char* to, std::int64_t time_ns) {
  if (!zone_) return utc_.write(to, time_ns);
  const std::string text = zone_->format(time_ns);
  return std::copy_n(text.data(), std::min(text.size(), kNumberRoom), to);
}

bool is_usual(Part part, const SeriesInfo& info) {
  if (info.kind == Kind::reg) return part == Part::last || part == Part::delta;
  return part == Part::mean || part == Part::min || part == Part::max;
}

std::unique_ptr<ExportWriter> make_wide_writer(const std::vector<StoredSeries>& series, const std::vector<Part>& cells,
                                               const ExportOptions& options) {
  return std::make_unique<Wide>(series, cells, options);
}

std::unique_ptr<ExportWriter> make_line_writer(const std::vector<StoredSeries>& series, const std::vector<Part>& cells,
                                               const ExportOptions& options) {
  return std::make_unique<Lines>(series, cells, options);
}

}  // namespace mesura::store
