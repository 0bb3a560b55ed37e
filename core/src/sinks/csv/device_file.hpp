// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"
#include "sinks/csv/format.hpp"
#include "sinks/csv/recent_lines.hpp"
#include "sinks/files.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::csv {

/// The files of one device, one after the other: `stem-20260614-120000.csv.part` while lines are added, without `.part`
/// once it is finished.
///
/// Lines are added between mark() and commit() or rollback(); rollback() leaves the disk as it was at mark(), except
/// that a file finished in between stays finished. All methods throw SinkError.
class DeviceFile {
 public:
  struct Limits {
    std::uint64_t bytes = 0;    ///< a file that has reached this is finished; 0: never
    std::int64_t every_ns = 0;  ///< a file holds one period of this grid (UTC, by receive time); 0: any
  };

  DeviceFile(std::filesystem::path directory, std::string stem, Limits limits, std::size_t remembered_bytes);

  /// Continues a file that an earlier run left; `finished`: the one before it, whose last lines may come again.
  void adopt(const std::filesystem::path& part) { part_ = part; }
  void remember(const std::filesystem::path& finished) { finished_ = finished; }
  /// Reads what adopt() and remember() named, once: cuts a torn line off, learns the last lines. Returns the bytes cut.
  std::uint64_t recover();
  /// The header of the file that recover() found, as cells; empty without one.
  [[nodiscard]] std::vector<std::string> header() const;

  void mark();
  /// A file to add a line to: the present one, or a new one when its period or size is over or its header is another.
  void prepare(std::int64_t received_ns, const std::string& header);
  /// After prepare(); `line` without its end.
  void add(std::int64_t time, std::string_view line);
  /// Writes and fdatasyncs what was added.
  void sync();
  void commit();
  void rollback() noexcept;

  /// Syncs the file and gives it its last name.
  void finish();
  /// Finishes the file when its period is over at `now_ns` and nothing was added since the last call.
  /// Returns true when it did.
  bool finish_if_over(std::int64_t now_ns);
  /// Gives the descriptor back until it is needed again.
  void release() { fd_.reset(); }

  [[nodiscard]] const RecentLines& recent() const { return recent_; }
  void set_remembered(std::size_t bytes) { recent_.set_limit(bytes); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }

 private:
  void open_part();
  void create(std::int64_t received_ns, const std::string& header);
  void flush();
  void forget();
  void remember_finished();
  [[nodiscard]] std::int64_t period(std::int64_t time_ns) const;
  [[nodiscard]] std::int64_t period_of_name() const;

  const std::filesystem::path directory_;
  const std::string stem_;
  const Limits limits_;
  std::filesystem::path part_;      // empty: no file
  std::filesystem::path finished_;  // of an earlier run
  bool recovered_ = false;
  runtime::UniqueFd fd_;
  std::string header_;        // of the file, with its line end
  std::string known_header_;  // of the file that recover() found
  std::int64_t period_ = 0;
  std::uint64_t size_ = 0;       // written
  std::uint64_t committed_ = 0;  // promised
  bool new_name_ = false;        // the directory must be synced too
  bool idle_ = false;
  Buffer buffer_;
  RecentLines recent_;
};

/// Times in file names: "20260614-120000", UTC.
[[nodiscard]] std::string file_stamp(std::int64_t time_ns);

/// "stem-20260614-120000.csv.part" taken apart; also "-2" after the stamp and ".csv", ".csv.gz" at the end.
struct FileName {
  std::string stem;
  std::int64_t time_ns = 0;
  std::string ending;
};
[[nodiscard]] std::optional<FileName> parse_file_name(std::string_view name);

}  // namespace mesura::sinks::csv
