// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"

#include <chrono>
#include <filesystem>
#include <memory>

namespace mesura::sinks::csv {

/// Replaces a finished file by FILE.gz, a piece at a time. At every instant FILE or a whole FILE.gz exists. Given up in
/// between, it leaves FILE.gz.part, which the sink removes when it opens.
class Gzip {
 public:
  /// Throws SinkError, as does step().
  explicit Gzip(std::filesystem::path file);
  ~Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  /// Works until `deadline`; true when all is done.
  bool step(std::chrono::steady_clock::time_point deadline);

 private:
  struct Stream;

  void finish();

  std::filesystem::path file_;
  std::filesystem::path part_;
  runtime::UniqueFd in_;
  runtime::UniqueFd out_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace mesura::sinks::csv
