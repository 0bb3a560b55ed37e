// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::importing {

struct CsvCell {
  std::string text;
  bool quoted = false;  ///< "" is an empty text, where an empty cell is none
};

/// Records of a CSV file (RFC 4180 with any delimiter; LF or CRLF; a byte order mark is passed over), plain or gzip.
/// A record takes at most kLongest bytes: a quote that is never closed costs its line and no more.
class CsvReader {
 public:
  static constexpr std::size_t kLongest = 1024 * 1024;

  /// `delimiter` 0: the one of , ; tab | that the first line has most of. Throws ImportError: imp-open.
  CsvReader(const std::filesystem::path& file, char delimiter);
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  /// The next record that is not blank; false: there is none, or fault() says why.
  bool next(std::vector<CsvCell>& cells);
  /// The number of the line on which the last record began, from 1.
  [[nodiscard]] std::uint64_t line() const { return record_line_; }
  /// The last record has no line end: it may be torn.
  [[nodiscard]] bool unfinished() const { return unfinished_; }
  /// The last record was not one: its reason; the next one may be.
  [[nodiscard]] const std::string& bad() const { return bad_; }
  /// Why the file could not be read to its end, or empty.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] char delimiter() const { return delimiter_; }
  /// Bytes of the file that were read, and its size.
  [[nodiscard]] std::uint64_t done() const;
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  struct File;

  bool fill();
  [[nodiscard]] std::size_t record_end(bool& quote_open);
  void split(std::string_view record, std::vector<CsvCell>& cells) const;

  std::unique_ptr<File> file_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool end_ = false;
  char delimiter_;
  std::uint64_t line_ = 1, record_line_ = 0, size_ = 0;
  bool unfinished_ = false;
  std::string bad_, fault_;
};

}  // namespace mesura::importing
