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
      : text_(series,
              format == Format::table ? service::Form::table
              : format == Format::csv ? service::Form::csv
                                      : service::Form::jsonl,
              kPatience) {}

  /// False when nothing more can be written: the reader of our output has gone (a closed pipe), or the disk is full.
  bool print(const Batch& batch) {
    out_.clear();
    text_.append(out_, batch);
    return write();
  }
  /// After the last batch: `code`, unless the output could not be written: then 1, with a message. A closed pipe is its
  /// reader's wish.
  [[nodiscard]] int exit_code(int code) {
    out_.clear();
    text_.finish(out_);
    if (error_ == 0) (void)write();
    return error_ == 0 || error_ == EPIPE ? code : failed();
  }

 private:
  /// A device that streams says a word or two about itself before its first rows.
  static constexpr std::size_t kPatience = 64;

  bool write() {
    if (std::fwrite(out_.data(), 1, out_.size(), stdout) == out_.size() && std::fflush(stdout) == 0) return true;
    error_ = errno;
    return false;
  }
  [[nodiscard]] int failed() const {
    std::fprintf(stderr, "mesura: error[out-write]: standard output can't be written: %s\n", std::strerror(error_));
    return kFailed;
  }

  service::MeasurementText text_;
  std::string out_;
  int error_ = 0;
};

}  // namespace mesura::app
