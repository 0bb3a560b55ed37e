// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mesura::app {

/// Writes batches to a sink in groups, each committed before the next: what verbs write to a configured sink.
class SinkWriter {
 public:
  /// Opens the sink. `patience`: for how long a sink that is locked or away is tried again. Throws SinkError.
  explicit SinkWriter(std::unique_ptr<Sink> sink, std::chrono::seconds patience = std::chrono::seconds{0});

  /// Throws std::runtime_error when the sink does not take it in time; what was committed before stays.
  void add(BatchPtr batch);
  void add(const Batch& batch) { add(std::make_shared<Batch>(batch)); }
  void close();
  [[nodiscard]] std::uint64_t committed() const { return committed_; }
  [[nodiscard]] std::uint64_t rejected() const { return rejected_; }
  /// Why the first ones were refused.
  [[nodiscard]] const std::vector<std::string>& reasons() const { return reasons_; }

 private:
  static constexpr std::size_t kGroup = 1000;
  static constexpr std::size_t kReasons = 20;

  void flush();
  WriteResult write();

  std::unique_ptr<Sink> sink_;
  std::chrono::seconds patience_;
  std::vector<BatchPtr> waiting_;
  std::uint64_t committed_ = 0;
  std::uint64_t rejected_ = 0;
  std::vector<std::string> reasons_;
};

}  // namespace mesura::app
