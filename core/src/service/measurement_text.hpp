// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <string>

namespace mesura::service {

/// The forms in which measurements are shown to people and programs.
enum class Form : std::uint8_t {
  jsonl,  ///< a JSON object a line
  csv,    ///< RFC 4180, a measurement a row
  table   ///< aligned columns
};

/// Renders measurements; the first call puts the header (csv, table) in front.
///
/// As CSV, a waveform that comes first makes its rows the rows, and what is derived from it is left out: a file has one
/// set of columns.
class MeasurementText {
 public:
  MeasurementText(const SeriesTable& series, Form form) : series_(series), form_(form) {}
  void append(std::string& out, const Batch& batch);

 private:
  void row(std::string& out, const Batch& batch, const Measurement& m) const;
  void waveform(std::string& out, const Waveform& block);

  const SeriesTable& series_;
  Form form_;
  bool header_ = false;
  bool rows_ = false;  ///< csv of a waveform
};

}  // namespace mesura::service
