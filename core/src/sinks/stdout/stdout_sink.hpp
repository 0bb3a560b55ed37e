// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include <unistd.h>

#include <chrono>
#include <optional>
#include <span>
#include <string>

namespace mesura::sinks::standard_output {

struct Options {
  std::chrono::nanoseconds timeout = std::chrono::seconds{30};  ///< for a reader that takes nothing
  int fd = STDOUT_FILENO;                                       ///< stays open and as it is
};

/// Measurements as JSON lines on the program's standard output. What has been written counts as stored.
class StdoutSink final : public Sink {
 public:
  /// `series` must outlive the sink.
  StdoutSink(Options options, const SeriesTable& series);
  ~StdoutSink() override;

  /// One sink of the process at a time: the lines of two would end up in each other.
  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  std::optional<std::string> put();

  const Options options_;
  const SeriesTable& series_;
  bool open_ = false;
  std::string text_;
  std::size_t taken_ = 0;      // of text_
  std::string rest_;           // of a line that a write which gave up left half-written
  std::size_t rest_size_ = 0;  // how much of text_ was rest_
};

}  // namespace mesura::sinks::standard_output
