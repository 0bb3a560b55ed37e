// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The header of a request, as text in and as facts out. No I/O.
#pragma once

#include "http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::http {

struct Head {
  enum class Body : std::uint8_t { none, length, chunked };
  std::string method;
  std::string target;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  Body body = Body::none;
  std::uint64_t length = 0;
  std::string host;  ///< with its port, if any; empty only in HTTP/1.0
  Fields headers;
};

/// An answer instead of what was asked for.
struct Refusal {
  int status = 400;
  ErrorText error;
};

/// Where the header ends (behind its empty line); npos: not yet.
[[nodiscard]] std::size_t find_head_end(std::string_view text);

/// Reads a whole header, up to and with its empty line.
///
/// Strict where leniency is how requests are smuggled past proxies: bare CR or LF, folded lines, blanks before the
/// colon, both Content-Length and Transfer-Encoding, lengths that differ, two Hosts.
/// errors  400, 411, 417, 431, 501, 505
[[nodiscard]] std::optional<Refusal> parse_head(std::string_view text, Head& head);

/// Whether a comma-separated header holds a word; no case.
[[nodiscard]] bool has_word(std::string_view list, std::string_view word);
[[nodiscard]] bool equal_no_case(std::string_view a, std::string_view b);

}  // namespace mesura::http
