// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "import/problems.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mesura::app {

/// What an import has found and done.
class ImportReport {
 public:
  explicit ImportReport(const SeriesTable& series) : series_(series) {}

  void count(const Batch& batch);

  std::string source, sink;
  bool dry_run = false;
  std::uint64_t records = 0;    ///< rows, lines, files read
  std::uint64_t committed = 0;  ///< measurements
  std::uint64_t refused = 0;    ///< measurements, by the sink
  std::vector<std::string> refusals;
  std::vector<std::string> warnings;

  [[nodiscard]] std::uint64_t measurements() const { return measurements_; }
  [[nodiscard]] std::int64_t first_ns() const { return first_ns_; }
  [[nodiscard]] std::string as_table(const importing::Problems& problems) const;
  [[nodiscard]] std::string as_json(const importing::Problems& problems) const;

 private:
  struct Extent {
    std::uint64_t count = 0;
    std::int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
  };

  const SeriesTable& series_;
  std::vector<Extent> extents_;  // by series
  std::uint64_t measurements_ = 0;
  std::int64_t first_ns_ = INT64_MAX, last_ns_ = INT64_MIN;
};

}  // namespace mesura::app
