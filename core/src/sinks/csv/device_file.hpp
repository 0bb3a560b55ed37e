// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"
#include "sinks/csv/format.hpp"
#include "sinks/csv/recent_lines.hpp"
#include "sinks/files.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::csv {

/// The files of one device and one period, one after the other: `stem-20260614-120000.csv.part` while lines are added,
/// without `.part` once it is finished.
///
/// Lines are added between mark() and commit() or rollback(); rollback() leaves the disk as it was at mark(), except
/// that a file finished in between stays finished. All methods throw SinkError.
class DeviceFile {
 public:
  struct Limits {
    std::uint64_t bytes = 0;    ///< a file that has reached this is finished; 0: never
    std::int64_t every_ns = 0;  ///< a file holds one period of this grid (UTC, by the lines' times); 0: any
  };

  DeviceFile(std::filesystem::path directory, std::string stem, Limits limits, std::size_t remembered_bytes);

  /// Continues a file that an earlier run left; `finished`: the one before it, whose last lines may come again.
  void adopt(const std::filesystem::path& part) { part_ = part; }
  void remember(const std::filesystem::path& finished) { finished_ = finished; }
  /// Reads what adopt() and remember() named, once: cuts a torn line off, learns the last lines. Returns the bytes cut.
  /// `present`: the header in use, or empty; lines under another one that it does not begin with are not learnt.
  std::uint64_t recover(const std::string& present);
  /// The header of the file that recover() found, with its line end; empty without one.
  [[nodiscard]] const std::string& known_header() const { return known_header_; }

  void mark();
  /// A file to add a line to: the present one, or a new one when it is full or its header is another.
  void prepare(std::int64_t time_ns, const std::string& header);
  /// After prepare(); `line` without its end.
  void add(std::int64_t time, std::string_view line);
  /// Writes and fdatasyncs what was added.
  void sync();
  void commit();
  void rollback() noexcept;

  /// A file of this period that there is or was: later ones get later names, so that names sort as they were written.
  void follow(std::int64_t name_ns) { latest_name_ = std::max(latest_name_, name_ns); }
  [[nodiscard]] std::int64_t latest_name() const { return latest_name_; }
  /// Syncs the file and gives it its last name.
  void finish();
  /// Whether its period is over at `now_ns` and nothing was added since so many earlier calls.
  [[nodiscard]] bool is_over(std::int64_t now_ns, int quiet_turns);
  /// Gives the descriptor back until it is needed again.
  void release() { fd_.reset(); }

  [[nodiscard]] const RecentLines& recent() const { return recent_; }
  void set_remembered(std::size_t bytes) { recent_.set_limit(bytes); }
  [[nodiscard]] bool in_progress() const { return !part_.empty(); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(fd_); }

 private:
  void open_part();
  void create(std::int64_t time_ns, const std::string& header);
  void flush();
  void forget();
  void remember_finished(const std::string& present);
  [[nodiscard]] std::filesystem::path free_name(std::int64_t time_ns);

  const std::filesystem::path directory_;
  const std::string stem_;
  const Limits limits_;
  std::filesystem::path part_;      // empty: no file
  std::filesystem::path finished_;  // of an earlier run
  bool recovered_ = false;
  runtime::UniqueFd fd_;
  std::string header_;        // of the file, with its line end
  std::string known_header_;  // of the file that recover() found
  std::int64_t latest_name_ = INT64_MIN;
  std::uint64_t size_ = 0;       // written
  std::uint64_t committed_ = 0;  // promised
  bool new_name_ = false;        // the directory must be synced too
  int quiet_turns_ = 0;
  Buffer buffer_;
  RecentLines recent_;
};

/// The number of the period of `every_ns` since 1970 that holds this time; 0 where there are none.
[[nodiscard]] std::int64_t period_of(std::int64_t time_ns, std::int64_t every_ns);

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
