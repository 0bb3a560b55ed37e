// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/log.hpp"
#include "sinks/recording/reader.hpp"
#include "sinks/recording/recording_sink.hpp"

#include <mesura/measurement.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace mesura::app {

/// The files of `waveform record`: one that was named, or a directory of recordings as the sink writes them.
class WaveformFiles {
 public:
  /// `form`: "plain", "mkv", "csv"; empty: what the name of the file says, else plain. `output` is a file if it has the
  /// ending of one. Throws VerbError for what contradicts itself, for a file that exists and for several devices in
  /// one.
  WaveformFiles(const std::string& form, const std::string& output, bool force, bool one_device);

  /// Before devices are opened: what can't be kept must not be begun. Empty, or what is wrong: "sink-io]: ...".
  [[nodiscard]] std::string open(const std::shared_ptr<runtime::Log>& log);
  /// Durable when it returns; empty, or why not: "sink-io: ...". Nothing can be written after that.
  [[nodiscard]] std::string write(const std::vector<BatchPtr>& blocks);
  /// Ends the files.
  void close();
  /// The files with a device's rows of this time; CSV is made here. What goes wrong is added to `trouble`.
  [[nodiscard]] std::vector<std::filesystem::path> written(const std::string& device, std::int64_t from_ns,
                                                           std::int64_t to_ns, std::string& trouble) const;

 private:
  void name_file(const std::filesystem::path& file, bool force);
  [[nodiscard]] std::vector<std::filesystem::path> csv_of(
      const std::vector<sinks::recording::RecordedFile>& files) const;

  sinks::recording::Options options_;
  std::filesystem::path file_;  ///< that was named, or empty
  bool csv_ = false;
  std::unique_ptr<sinks::recording::RecordingSink> sink_;
};

}  // namespace mesura::app
