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
/// As CSV, a file has one set of columns: those of a waveform's rows if one comes first or soon after, and then nothing
/// but those; otherwise those of measurements.
class MeasurementText {
 public:
  /// `patience`: so many measurements wait for a waveform before they are rendered as CSV.
  MeasurementText(const SeriesTable& series, Form form, std::size_t patience = 0)
      : series_(series), form_(form), patience_(patience) {}
  void append(std::string& out, const Batch& batch);
  /// What still waits: no waveform will come.
  void finish(std::string& out);

 private:
  void row(std::string& out, const Batch& batch, const Measurement& m) const;
  void waveform(std::string& out, const Waveform& block);

  const SeriesTable& series_;
  Form form_;
  std::size_t patience_;
  std::string held_;
  bool header_ = false;
  bool rows_ = false;  ///< csv of a waveform
};

}  // namespace mesura::service
