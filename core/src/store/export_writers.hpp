// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The forms of an export's lines.
#pragma once

#include "sinks/csv/format.hpp"
#include "store/export.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::store {

class ExportWriter {
 public:
  ExportWriter() = default;
  ExportWriter(const ExportWriter&) = delete;
  ExportWriter& operator=(const ExportWriter&) = delete;
  virtual ~ExportWriter() = default;

  /// The first line, with its end; or empty.
  [[nodiscard]] const std::string& header() const { return header_; }
  [[nodiscard]] virtual bool resumable() const { return true; }
  /// What a line is about.
  struct Found {
    std::size_t series = 0;
    std::int64_t time_ns = 0;
  };
  [[nodiscard]] virtual std::optional<Found> place_of(std::string_view line) const = 0;

  virtual void begin(sinks::csv::Buffer& out) { out.append(header_); }
  /// Rows of series [first, first + count) follow, from a time on; `continued`: behind lines that are there.
  virtual void part(std::size_t first, std::size_t count, std::int64_t from_ns, bool continued) = 0;
  /// Adds whole lines; returns how many values were in the row.
  virtual std::uint64_t row(sinks::csv::Buffer& out, const MergedRow& row) = 0;
  virtual void end(sinks::csv::Buffer& /*out*/) {}

 protected:
  std::string header_;
};

/// Times in UTC, or of a zone with their offset.
class TimeColumn {
 public:
  explicit TimeColumn(const std::optional<model::Zone>& zone) : zone_(zone) {}
  char* write(char* to, std::int64_t time_ns);

 private:
  std::optional<model::Zone> zone_;
  sinks::csv::TimeWriter utc_;
};

/// Whether such a part is told of a series unless somebody asks for it.
[[nodiscard]] bool is_usual(Part part, const SeriesInfo& info);

[[nodiscard]] std::unique_ptr<ExportWriter> make_wide_writer(const std::vector<StoredSeries>& series,
                                                             const std::vector<Part>& cells,
                                                             const ExportOptions& options);
[[nodiscard]] std::unique_ptr<ExportWriter> make_line_writer(const std::vector<StoredSeries>& series,
                                                             const std::vector<Part>& cells,
                                                             const ExportOptions& options);

}  // namespace mesura::store
