// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "verbs.hpp"

#include "service/measurement_text.hpp"

#include <mesura/measurement.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace mesura::app {

/// Writes measurements to stdout.
class Printer {
 public:
  Printer(const SeriesTable& series, Format format)
      : text_(series, format == Format::table ? service::Form::table
                      : format == Format::csv ? service::Form::csv
                                              : service::Form::jsonl) {}

  /// False when nothing more can be written: the reader of our output has gone (a closed pipe), or the disk is full.
  bool print(const Batch& batch) {
    out_.clear();
    text_.append(out_, batch);
    if (std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0) return true;
    error_ = errno;
    return false;
  }
  /// `code`, unless the output could not be written: then 1, with a message. A closed pipe is its reader's wish.
  [[nodiscard]] int exit_code(int code) const {
    if (error_ == 0 || error_ == EPIPE) return code;
    std::fprintf(stderr, "mesura: error[out-write]: standard output can't be written: %s\n", std::strerror(error_));
    return kFailed;
  }

 private:
  service::MeasurementText text_;
  std::string out_;
  int error_ = 0;
};

}  // namespace mesura::app
