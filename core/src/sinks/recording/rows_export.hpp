// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A recording as one sequence of rows again: CSV or bare floats.
#pragma once

#include "model/zones.hpp"
#include "sinks/csv/format.hpp"
#include "sinks/recording/reader.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::recording {

struct RowsOptions {
  bool csv = true;                   ///< else float32, interleaved; lost rows are NaN
  std::uint64_t every = 1;           ///< least and greatest value of so many rows each
  std::optional<model::Zone> local;  ///< times of this zone; else UTC
};

/// Rows of files that follow one another. At full rate unless `every` says otherwise.
///
/// Where rows are missing CSV has a row with the time of the first lost one and nothing else. As floats, NaN stands for
/// each lost row, so that row n is always start + n * period; a run that begins later is put at the nearest row.
/// errors  SinkError: other channels or another rate than before; a gap of more than 256 MiB of NaN
class RowsExport {
 public:
  using Output = std::function<bool(std::string_view bytes)>;  ///< false: no more
  RowsExport(RowsOptions options, Output output) : options_(options), output_(std::move(output)) {}

  /// All rows of a file in the range; false when the output wanted no more. `look` is asked now and then: false stops.
  bool add(const RecordedFile& file, std::int64_t from_ns, std::int64_t to_ns,
           const std::function<bool(std::uint64_t rows)>& look);
  /// What is left.
  bool finish();

  [[nodiscard]] std::uint64_t rows() const { return rows_; }        ///< read
  [[nodiscard]] std::uint64_t written() const { return written_; }  ///< rows of the output, those for gaps not counted
  [[nodiscard]] std::uint64_t lost() const { return lost_; }        ///< rows of gaps
  [[nodiscard]] std::uint64_t gaps() const { return gaps_; }
  [[nodiscard]] std::int64_t start_ns() const { return start_ns_; }

 private:
  void begin(const RecordedFile& file);
  void gap(const RecordedFile& file, std::int64_t time_ns);
  void rows(const RecordedFile& file, const RecordedRows& rows);
  void reduce(const RecordedFile& file, const RecordedRows& rows);
  void end_window();
  void time(std::int64_t time_ns);
  bool flush(std::size_t at_least);

  RowsOptions options_;
  Output output_;
  csv::Buffer out_;
  csv::TimeWriter times_;
  std::vector<std::string> names_;
  double period_ns_ = 0;
  std::int64_t start_ns_ = 0;
  std::optional<std::int64_t> next_ns_;  ///< of the row that should come
  std::vector<float> least_, greatest_;
  std::uint64_t in_window_ = 0;
  std::int64_t window_ns_ = 0;
  std::uint64_t rows_ = 0, written_ = 0, lost_ = 0, gaps_ = 0;
};

}  // namespace mesura::sinks::recording
