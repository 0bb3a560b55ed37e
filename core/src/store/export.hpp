// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Stored rows as text, whole and in order, so that an interrupted export can go on where it stopped.
#pragma once

#include "model/zones.hpp"
#include "store/merged_rows.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::store {

enum class ExportForm : std::uint8_t {
  wide,           ///< CSV: a row a time, a column a series
  lines,          ///< CSV: a row a value, device after device
  jsonl,          ///< the same as JSON objects
  godenerg_csv,   ///< the old inverter program's: ';', no header, epoch seconds
  godenerg_json,  ///< the same as an array of arrays
};

struct ExportOptions {
  ExportForm form = ExportForm::wide;
  Resolution resolution = Resolution::raw;
  std::vector<Part> parts;               ///< of rollups; empty: mean, min, max of gauges, last and delta of registers
  std::optional<model::Zone> local;      ///< times of this zone with their offset; else UTC
  std::vector<std::string> old_columns;  ///< of godenerg; empty: all of its table
};

class ExportWriter;

/// Where an export stands.
struct ExportPlace {
  std::size_t part = 0;      ///< of the parts that follow one another (devices)
  std::int64_t time_ns = 0;  ///< rows before it are complete
};

/// Turns rows into lines. The same series, range and options give the same bytes.
///
/// thread  one at a time
/// errors  StoreError: `question` for what can't be exported so
class Export {
 public:
  /// `series` by device, channel and quantity. The archive must outlive it.
  Export(Archive& archive, std::vector<StoredSeries> series, TimeRange range, ExportOptions options);
  ~Export();
  Export(const Export&) = delete;
  Export& operator=(const Export&) = delete;

  /// The first line, with its end; empty: there is none.
  [[nodiscard]] const std::string& header() const;
  /// Whether an interrupted file can be continued.
  [[nodiscard]] bool resumable() const;
  /// Whether each line has its end; else it comes with the next one.
  [[nodiscard]] bool lines_end() const { return options_.form != ExportForm::godenerg_csv; }
  /// What a complete line (without its end) is about; nullopt: it is none of this export's.
  [[nodiscard]] std::optional<ExportPlace> place_of(std::string_view line) const;

  struct Step {
    std::string_view lines;    ///< whole ones; godenerg: the last one's end comes with the next
    std::uint64_t values = 0;  ///< in all lines so far
    double part = 0;           ///< 0..1 of the range that has rows
  };
  /// False: stop.
  using Output = std::function<bool(const Step& step)>;
  /// Everything from `place` on (nullopt: from the beginning, header included). Returns false when `output` stopped it.
  /// `stop` is asked often.
  bool run(const std::optional<ExportPlace>& place, const Output& output, const std::function<bool()>& stop);

 private:
  Archive& archive_;
  std::vector<StoredSeries> series_;
  TimeRange range_;
  ExportOptions options_;
  std::vector<Part> cells_;
  std::unique_ptr<ExportWriter> writer_;
  std::vector<std::vector<StoredSeries>> parts_;  ///< that follow one another
};

}  // namespace mesura::store
