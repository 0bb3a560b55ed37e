// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "runtime/log.hpp"
#include "runtime/unique_fd.hpp"
#include "sinks/csv/device_files.hpp"
#include "sinks/csv/format.hpp"
#include "sinks/csv/gzip.hpp"
#include "sinks/rows.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace mesura::sinks::csv {

enum class Form : std::uint8_t {
  wide,  ///< a line per instant, a column per series
  lines  ///< a line per value
};

struct Options {
  std::filesystem::path directory;
  Form form = Form::wide;
  std::uint64_t max_bytes = 0;        ///< 0: never a new file because of size
  std::chrono::nanoseconds every{0};  ///< 0: never because of time
  bool gzip = false;                  ///< finished files
};

/// Measurements in CSV files, one series of files per device. The folder's README shows names, lines and guarantees.
class CsvSink final : public Sink {
 public:
  /// `series` must outlive the sink. Nothing is opened yet.
  CsvSink(Options options, const SeriesTable& series, runtime::Logger log);
  ~CsvSink() override;

  void open() override;
  WriteResult write(std::span<const BatchPtr> batches) override;
  void maintain(std::int64_t now_ns) override;
  void close() override;
  [[nodiscard]] std::string describe() const override;

 private:
  struct Column {
    std::string header;  ///< wide: the column's name
    std::string prefix;  ///< lines: "grid,l1,voltage,V," of each line
  };
  struct Device {
    explicit Device(DeviceFiles f) : files(std::move(f)) {}
    DeviceFiles files;
    std::string header;  ///< of the next file, with its line end
    std::vector<Column> columns;
    std::unordered_map<std::string, std::uint32_t> by_series;  ///< channel, quantity, unit
    bool ready = false;                                        ///< its files of an earlier run are known
    bool touched = false;                                      ///< by the present write()
  };
  struct Slot {
    std::uint32_t device = kNoDevice;
    std::uint32_t column = 0;
  };
  static constexpr std::uint32_t kNoDevice = UINT32_MAX;

  void scan();
  [[nodiscard]] std::uint32_t device_of_stem(const std::string& stem);
  const Slot& resolve(std::uint32_t series);
  std::uint32_t add_column(Device& device, const SeriesInfo& info);
  void make_ready(Device& device);
  void touch(std::uint32_t device);
  void collect(std::span<const BatchPtr> batches, std::vector<Rejected>& rejected);
  void add_wide(Device& device, const Rows::Row& row);
  void add_lines(Device& device, const Rows::Row& row);
  void write_quality(const Device& device, std::span<const Rows::Cell> cells);
  [[nodiscard]] bool known_wide(const DeviceFile& file, std::int64_t time) const;
  void compress_next();

  Options options_;
  const SeriesTable& series_;
  runtime::Logger log_;
  runtime::UniqueFd directory_;  // its lock keeps a second program out
  std::vector<std::unique_ptr<Device>> devices_;
  std::unordered_map<std::string, std::uint32_t> by_stem_;
  std::vector<Slot> slots_;  // by series id
  std::vector<std::uint32_t> touched_;
  Rows rows_;
  std::vector<Rows::Cell> sorted_;
  Buffer line_;
  TimeWriter times_;
  std::unique_ptr<Gzip> gzip_;
};

}  // namespace mesura::sinks::csv
