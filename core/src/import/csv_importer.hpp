// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/csv_header.hpp"
#include "import/csv_time.hpp"
#include "import/importer.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"
#include "model/zones.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace mesura::importing {

struct CsvSetup {
  std::vector<std::filesystem::path> files;
  std::string device;  ///< where a file names none; empty: a sink's file is named by its device
  std::vector<CsvMapping> mappings;
  std::string time_column;
  CsvTime time;
  model::Zone zone = model::Zone::utc();  ///< of times without an offset
  char delimiter = 0;                     ///< 0: found out
  /// The place of a device; null, with the reason: there is none of that name.
  std::function<Target*(const std::string& device, std::string& error)> target;
};

/// Files of the csv sink and of `mesura export`, and others by mapping; plain or gzip, one after the other. A file that
/// has no usable header is left out as a whole; a bad line costs itself, a bad cell that cell.
[[nodiscard]] std::unique_ptr<Importer> csv_files(CsvSetup setup, Problems& problems);

/// The device that a file of the csv sink is named by ("grid-20260614-120000.csv.gz"), or empty.
[[nodiscard]] std::string device_of_file(const std::filesystem::path& file);

}  // namespace mesura::importing
