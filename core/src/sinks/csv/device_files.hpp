// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/csv/device_file.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mesura::sinks::csv {

/// The files of one device by the period of what is in them. Lines of a newer period finish the file before; late ones
/// go to a file of their own period, so that at most two are in progress: the newest and a late one.
///
/// mark(), sync(), commit() and rollback() as in DeviceFile, for all of them. All methods throw SinkError.
class DeviceFiles {
 public:
  DeviceFiles(std::filesystem::path directory, std::string stem, DeviceFile::Limits limits, std::size_t remembered);

  /// What an earlier run left; `time_ns`: of its name. False: there is one of this period already.
  bool adopt(std::int64_t time_ns, const std::filesystem::path& part);
  void remember(std::int64_t time_ns, const std::filesystem::path& finished);
  /// The name of any of its files.
  void follow(std::int64_t time_ns);
  /// Reads all that, once; returns the bytes of torn lines that were cut off.
  std::uint64_t recover();
  /// The header of the newest file that recover() found, as cells; empty without one.
  [[nodiscard]] const std::vector<std::string>& header() const { return header_; }

  void mark();
  /// The file for lines of this time; to be prepared before one is added.
  DeviceFile& at(std::int64_t time_ns);
  void prepare(DeviceFile& file, std::int64_t time_ns, const std::string& header);
  void sync();
  void commit();
  void rollback() noexcept;

  /// Finishes what is over and has been quiet.
  void maintain(std::int64_t now_ns);
  void release();
  void set_remembered(std::size_t bytes);
  [[nodiscard]] std::size_t open_files() const;

 private:
  [[nodiscard]] std::int64_t period(std::int64_t time_ns) const { return period_of(time_ns, limits_.every_ns); }
  DeviceFile& of_period(std::int64_t period);

  const std::filesystem::path directory_;
  const std::string stem_;
  const DeviceFile::Limits limits_;
  std::size_t remembered_;
  // Also those without a file in progress: they know their last lines. Few: the oldest go with each commit.
  std::map<std::int64_t, DeviceFile> files_;
  std::map<std::int64_t, std::int64_t> names_;  // by period, the latest
  std::vector<std::string> header_;
};

}  // namespace mesura::sinks::csv
