// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/csv_reader.hpp"

#include "import/importer.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace mesura::importing {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

/// The delimiter that a line has most of, outside of quotes.
char find_delimiter(std::string_view line) {
  constexpr std::array kDelimiters{',', ';', '\t', '|'};
  std::array<std::size_t, 4> counts{};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    for (std::size_t i = 0; i < kDelimiters.size(); ++i) counts[i] += c == kDelimiters[i] ? 1U : 0U;
  }
  return kDelimiters[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

}  // namespace

struct CsvReader::File {
  gzFile gz = nullptr;
  explicit File(const std::filesystem::path& path) : gz(gzopen(path.c_str(), "rbe")) {}
  ~File() {
    if (gz != nullptr) gzclose(gz);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
};

CsvReader::CsvReader(const std::filesystem::path& file, char delimiter) : delimiter_(delimiter) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    throw ImportError(fmt::format("imp-open: {} is a directory\n  expected  CSV files\n  hint      {}/*.csv*",
                                  file.string(), file.string()));
  size_ = std::filesystem::file_size(file, error);
  if (error) size_ = 0;
  errno = 0;
  file_ = std::make_unique<File>(file);
  if (file_->gz == nullptr)
    throw ImportError(fmt::format("imp-open: {} can't be read: {}", file.string(), std::strerror(errno)));
  gzbuffer(file_->gz, kPiece);
  (void)fill();
  if (buffer_.starts_with("\xef\xbb\xbf")) at_ = 3;
  if (delimiter_ == 0) {
    const auto first = buffer_.find_first_not_of("\r\n", at_);
    delimiter_ = find_delimiter(std::string_view{buffer_}.substr(std::min(first, buffer_.size())));
  }
}

CsvReader::~CsvReader() = default;

std::uint64_t CsvReader::done() const {
  const auto offset = gzoffset(file_->gz);
  return offset < 0 ? 0 : static_cast<std::uint64_t>(offset);
}

bool CsvReader::fill() {
  if (end_) return false;
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kPiece);
  const int n = gzread(file_->gz, buffer_.data() + before, static_cast<unsigned>(kPiece));
  buffer_.resize(before + static_cast<std::size_t>(std::max(n, 0)));
  if (n == static_cast<int>(kPiece)) return true;
  int code = Z_OK;
  const char* words = gzerror(file_->gz, &code);
  end_ = n <= 0 || code != Z_OK || gzeof(file_->gz) != 0;
  if (code != Z_OK && code != Z_STREAM_END)
    fault_ = code == Z_ERRNO       ? std::strerror(errno)
             : code == Z_BUF_ERROR ? "the compressed file ends too early"
                                   : words;
  return n > 0;
}

/// Where the record at at_ ends, behind its line feed; npos: not in what has been read.
std::size_t CsvReader::record_end(bool& quote_open) {
  bool quoted = false;
  for (std::size_t i = at_; i < buffer_.size(); ++i) {
    if (buffer_[i] == '"') quoted = !quoted;
    if (buffer_[i] == '\n' && !quoted) return i + 1;
  }
  quote_open = quoted;
  return std::string::npos;
}

bool CsvReader::next(std::vector<CsvCell>& cells) {
  for (;;) {
    bad_.clear();
    unfinished_ = false;
    bool quote_open = false;
    std::size_t end = record_end(quote_open);
    while (end == std::string::npos && buffer_.size() - at_ < kLongest && fill()) end = record_end(quote_open);
    if (at_ == buffer_.size()) return false;
    record_line_ = line_;
    if (end == std::string::npos && (quote_open || !end_)) {
      // One line is given up, and what follows is read on its own.
      bad_ = quote_open ? "a quote is not closed" : "the line is too long";
      const auto feed = buffer_.find('\n', at_);
      at_ = feed == std::string::npos ? buffer_.size() : feed + 1;
      ++line_;
      return true;
    }
    if (end == std::string::npos) {
      unfinished_ = true;
      end = buffer_.size();
    }
    std::string_view record{buffer_.data() + at_, end - at_};
    line_ += static_cast<std::uint64_t>(std::count(record.begin(), record.end(), '\n'));
    at_ = end;
    while (!record.empty() && (record.back() == '\n' || record.back() == '\r')) record.remove_suffix(1);
    if (record.empty()) continue;
    split(record, cells);
    return true;
  }
}

void CsvReader::split(std::string_view record, std::vector<CsvCell>& cells) const {
  std::size_t count = 0;
  const auto start = [&]() -> CsvCell& {
    if (count == cells.size()) cells.emplace_back();
    CsvCell& cell = cells[count++];
    cell.text.clear();
    cell.quoted = false;
    return cell;
  };
  CsvCell* cell = &start();
  bool quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted) {
      if (c != '"') {
        cell->text += c;
      } else if (i + 1 < record.size() && record[i + 1] == '"') {
        cell->text += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
      cell->quoted = true;
    } else if (c == delimiter_) {
      cell = &start();
    } else {
      cell->text += c;
    }
  }
  cells.resize(count);
}

}  // namespace mesura::importing
