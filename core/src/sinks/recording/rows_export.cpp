// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/recording/rows_export.hpp"

#include "runtime/time_text.hpp"
#include "sinks/recording/segment.hpp"

#include <mesura/sink.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace mesura::sinks::recording {
namespace {

constexpr std::size_t kPiece = 1U << 20U;

char* write_float(char* to, float value) {
  if (!std::isfinite(value)) return to;  // an empty cell
  const auto whole = static_cast<std::int64_t>(std::fabs(value) < 1e15F ? value : 0.0F);
  if (static_cast<float>(whole) == value) return std::to_chars(to, to + csv::kNumberRoom, whole).ptr;
  return std::to_chars(to, to + csv::kNumberRoom, value).ptr;
}

}  // namespace

bool RowsExport::flush(std::size_t at_least) {
  if (out_.size() == 0 || out_.size() < at_least) return true;
  const bool good = output_(out_.view());
  out_.clear();
  return good;
}

void RowsExport::time(std::int64_t time_ns) {
  if (options_.local)
    out_.append(options_.local->format(time_ns));
  else
    out_.end(times_.write(out_.room(csv::kNumberRoom), time_ns));
}

void RowsExport::begin(const RecordedFile& file) {
  const Description& about = file.about;
  if (!names_.empty()) {
    if (names_ == about.names && period_ns_ == about.period_ns) return;
    throw SinkError(
        fmt::format("rec-change: {} has other channels or another rate than what comes before it\n"
                    "  hint      end the range at {}, and export the rest by itself",
                    file.data.string(), runtime::format_time(about.start_ns)));
  }
  names_ = about.names;
  period_ns_ = about.period_ns;
  if (!options_.csv) return;
  out_.append("time");
  for (std::size_t c = 0; c < names_.size(); ++c) {
    const auto column = [&](const char* what) {
      const std::string name = fmt::format("{}{} ({})", names_[c], what, about.units[c]);
      out_.append(',');
      out_.end(csv::write_text(out_.room(csv::text_room(name)), name));
    };
    if (options_.every > 1) {
      column(" min");
      column(" max");
    } else {
      column("");
    }
  }
  out_.append("\r\n");
}

void RowsExport::gap(const RecordedFile& file, std::int64_t time_ns) {
  if (!next_ns_) {
    start_ns_ = time_ns;
    return;
  }
  const double missing = std::round(static_cast<double>(time_ns - *next_ns_) / period_ns_);
  if (missing < 1) return;
  end_window();
  ++gaps_;
  lost_ += static_cast<std::uint64_t>(missing);
  if (options_.csv) {
    time(*next_ns_);
    for (std::size_t c = 0; c < names_.size() * (options_.every > 1 ? 2 : 1); ++c) out_.append(',');
    out_.append("\r\n");
    return;
  }
  const double rows = std::ceil(missing / static_cast<double>(options_.every)) * (options_.every > 1 ? 2 : 1);
  if (rows * static_cast<double>(names_.size() * sizeof(float)) > static_cast<double>(kMostFillBytes))
    throw SinkError(
        fmt::format("rec-gap: {:.0f} rows are missing before {}\n  expected  at most 256 MiB of them in "
                    "float32\n  hint      export both sides by themselves, or --format csv",
                    missing, file.data.string()));
  const std::vector<float> none(names_.size(), std::numeric_limits<float>::quiet_NaN());
  for (double row = 0; row < rows; ++row)
    out_.append(std::string_view{reinterpret_cast<const char*>(none.data()), none.size() * sizeof(float)});
}

void RowsExport::end_window() {
  if (in_window_ == 0) return;
  in_window_ = 0;
  ++written_;
  if (!options_.csv) {
    for (const auto* row : {&least_, &greatest_})
      out_.append(std::string_view{reinterpret_cast<const char*>(row->data()), row->size() * sizeof(float)});
    return;
  }
  time(window_ns_);
  for (std::size_t c = 0; c < names_.size(); ++c) {
    for (const float value : {least_[c], greatest_[c]}) {
      out_.append(',');
      out_.end(write_float(out_.room(csv::kNumberRoom), value));
    }
  }
  out_.append("\r\n");
}

void RowsExport::reduce(const RecordedFile& file, const RecordedRows& rows) {
  const std::size_t channels = names_.size();
  for (std::uint64_t row = 0; row < rows.rows; ++row) {
    const float* values = rows.samples.data() + row * channels;
    if (in_window_ == 0) {
      window_ns_ = file.time_ns(rows.first_number + row);
      least_.assign(values, values + channels);
      greatest_ = least_;
    }
    for (std::size_t c = 0; c < channels; ++c) {
      // fmin and fmax leave NaN out.
      least_[c] = std::fmin(least_[c], values[c]);
      greatest_[c] = std::fmax(greatest_[c], values[c]);
    }
    if (++in_window_ == options_.every) end_window();
  }
}

void RowsExport::rows(const RecordedFile& file, const RecordedRows& rows) {
  if (options_.every > 1) return reduce(file, rows);
  written_ += rows.rows;
  if (!options_.csv) {
    out_.append(std::string_view{reinterpret_cast<const char*>(rows.samples.data()), rows.samples.size_bytes()});
    return;
  }
  const std::size_t channels = names_.size();
  for (std::uint64_t row = 0; row < rows.rows; ++row) {
    time(file.time_ns(rows.first_number + row));
    char* to = out_.room((csv::kNumberRoom + 1) * channels + 2);
    for (std::size_t c = 0; c < channels; ++c) {
      *to++ = ',';
      to = write_float(to, rows.samples[row * channels + c]);
    }
    *to++ = '\r';
    *to++ = '\n';
    out_.end(to);
  }
}

bool RowsExport::add(const RecordedFile& file, std::int64_t from_ns, std::int64_t to_ns,
                     const std::function<bool(std::uint64_t rows)>& look) {
  // A repeat of what a file before has (the device's clock was set back) is left out: time goes forward here.
  if (next_ns_) from_ns = std::max(from_ns, *next_ns_ - static_cast<std::int64_t>(file.about.period_ns / 2));
  return read_rows(file, from_ns, to_ns, [&](const RecordedRows& block) {
    begin(file);
    gap(file, file.time_ns(block.first_number));
    rows(file, block);
    rows_ += block.rows;
    next_ns_ = file.time_ns(block.first_number + block.rows);
    return flush(kPiece) && look(rows_);
  });
}

bool RowsExport::finish() {
  end_window();
  return flush(0);
}

}  // namespace mesura::sinks::recording
