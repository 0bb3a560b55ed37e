// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"
#include "object_scanner.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::ct6 {

/// Receives, in the order of the bytes, what a splitter finds. References end with the call.
class SplitterSink {
 public:
  virtual void on_object(std::string_view text, std::uint64_t offset) = 0;
  virtual void on_problem(const Problem& problem) = 0;

 protected:
  ~SplitterSink() = default;
};

/// Cuts a stream of bytes into the JSON objects in it: datagrams written one after another, with or without anything
/// between them. The result is the same however the bytes are cut into calls.
///
/// An object that is cut off costs itself: the next one is looked for inside it, wherever an object could stand that is
/// no value of the broken one.
/// problems  truncated (another object begins inside it, or the bytes end), bad_json, too_long, too_deep; noise and
///           no_sample (`null`), one for each run of bytes outside of objects
/// cost      linear: after kMaxRetries restarts within one object the rest of it is given up
/// memory    limit
class Splitter {
 public:
  static constexpr unsigned kMaxRetries = 16;

  /// limit: bytes of the longest object.
  Splitter(std::size_t limit, SplitterSink& sink) : limit_(limit), sink_(sink) {}

  /// offset: of the first byte in the stream.
  void push(std::string_view bytes, std::uint64_t offset);
  /// No more bytes will come: what is pending is told.
  void finish();
  /// Forgets what is pending, without a word.
  void reset();

 private:
  /// Bytes that belong to no object: nothing yet, blanks not counted; noise; or the rest of an object that broke.
  struct Lost {
    std::string_view code;  ///< empty: none
    std::string message;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::string begin;  ///< the first bytes of noise
  };

  void scan();
  void scan_outside();
  void scan_object();
  void begin_object();
  void lose(std::string_view code, std::string_view message);
  void lose_outside(char c);
  void tell_lost();
  [[nodiscard]] std::size_t restart() const;

  std::size_t limit_;
  SplitterSink& sink_;
  ObjectScanner scanner_;
  std::string pending_;     ///< bytes that are still needed
  std::uint64_t base_ = 0;  ///< offset of pending_[0]
  std::size_t at_ = 0;      ///< in pending_: what is looked at next
  std::size_t start_ = 0;   ///< in pending_: where the open object begins
  bool open_ = false;
  unsigned retries_ = 0;  ///< since the last complete object
  char before_ = 0;       ///< the byte before at_ that is no blank, outside of objects
  Lost lost_;
};

}  // namespace mesura::ct6
