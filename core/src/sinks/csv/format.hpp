// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// CSV (RFC 4180, with LF) as text: writing cells fast, reading our own lines back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks::csv {

/// A growing array of characters that is written through a pointer: std::string would fill what is about to be
/// overwritten.
class Buffer {
 public:
  /// Room for `n` more characters; tell end() afterwards how far it was used.
  char* room(std::size_t n) {
    if (size_ + n > capacity_) grow(n);
    return data_.get() + size_;
  }
  void end(const char* end) { size_ = static_cast<std::size_t>(end - data_.get()); }
  void append(std::string_view text) {
    char* to = room(text.size());
    std::memcpy(to, text.data(), text.size());
    end(to + text.size());
  }
  void append(char c) {
    char* to = room(1);
    *to = c;
    end(to + 1);
  }
  void clear() { size_ = 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }

 private:
  void grow(std::size_t n);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Room that any number or time takes.
inline constexpr std::size_t kNumberRoom = 40;

/// The shortest decimal text that reads back as the same double; without an exponent from 1e-5 up to 1e15.
char* write_number(char* to, double value);

/// Times as RFC 3339 in UTC with 3, 6 or 9 decimals, whichever is exact.
class TimeWriter {
 public:
  char* write(char* to, std::int64_t time_ns);

 private:
  std::int64_t second_ = INT64_MIN;
  char text_[19] = {};  // "2026-06-14T12:45:01"
};

/// A text cell, quoted where RFC 4180 asks for it; takes at most text_room().
char* write_text(char* to, std::string_view text);
inline std::size_t text_room(std::string_view text) { return 2 * text.size() + 2; }

/// Splits one record (without its line end) into cells as they stand in the file, quotes included.
[[nodiscard]] std::vector<std::string_view> split_raw(std::string_view record);
/// What a raw cell means.
[[nodiscard]] std::string unquoted(std::string_view raw);

/// The length of the record at the start of `text`, its line end included; nullopt when it is not complete.
[[nodiscard]] std::optional<std::size_t> record_length(std::string_view text);

}  // namespace mesura::sinks::csv
