// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/head.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::http {

/// Takes a request's body out of the bytes that follow its header. The result is the same however they are cut.
class BodyReader {
 public:
  BodyReader() = default;
  BodyReader(const Head& head, std::size_t max_bytes) : kind_(head.body), left_(head.length), max_bytes_(max_bytes) {}

  /// Appends to `body` and tells how many of `bytes` it took; done() and refusal() tell whether there is more to come.
  std::size_t push(std::string_view bytes, std::string& body);
  [[nodiscard]] bool done() const { return done_; }
  /// 400 for malformed chunks, 413 when it grows too long.
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }

 private:
  enum class Part : std::uint8_t { size, data, data_end, trailer };
  void end_line(std::string& body);
  void fail(int status, const char* what, const char* expected);

  Head::Body kind_ = Head::Body::none;
  std::uint64_t left_ = 0;  ///< of the body, or of the chunk
  std::size_t max_bytes_ = 0;
  Part part_ = Part::size;
  std::string line_;
  std::size_t trailer_bytes_ = 0;
  bool done_ = false;
  std::optional<Refusal> refusal_;
};

}  // namespace mesura::http
