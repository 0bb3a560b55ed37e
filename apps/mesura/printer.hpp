// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "verbs.hpp"

#include "service/measurement_text.hpp"

#include <mesura/measurement.hpp>

#include <cstdio>
#include <string>

namespace mesura::app {

/// Writes measurements to stdout.
class Printer {
 public:
  Printer(const SeriesTable& series, Format format)
      : text_(series, format == Format::table ? service::Form::table
                      : format == Format::csv ? service::Form::csv
                                              : service::Form::jsonl) {}

  /// False when the reader of our output has gone (a closed pipe): there is no one left to print for.
  bool print(const Batch& batch) {
    out_.clear();
    text_.append(out_, batch);
    return std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0;
  }

 private:
  service::MeasurementText text_;
  std::string out_;
};

}  // namespace mesura::app
