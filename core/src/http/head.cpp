// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/head.hpp"

#include "config/text.hpp"

#include <Poco/Exception.h>
#include <Poco/MemoryStream.h>
#include <Poco/Net/HTTPRequest.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>

namespace mesura::http {
namespace {

constexpr std::size_t kMaxFields = 100;
constexpr std::size_t kMaxMethod = 32;
constexpr std::size_t kMaxValue = 8 * 1024;  // Poco's limit, told in our words

Refusal refuse(int status, std::string_view what, std::string_view expected = {}, std::string_view got = {}) {
  return {status,
          {"http-request", std::string{what}, std::string{expected}, got.empty() ? "" : config::quote(got), {}}};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  });
}

std::optional<Refusal> check_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last)
    return refuse(400, "not an HTTP request", "METHOD /path HTTP/1.1", line);
  const auto method = line.substr(0, first);
  if (!is_token(method) || method.size() > kMaxMethod) return refuse(400, "not a method", "GET, POST, ...", method);
  const auto version = line.substr(last + 1);
  if (!version.starts_with("HTTP/")) return refuse(400, "not an HTTP request", "METHOD /path HTTP/1.1", line);
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return refuse(505, "unknown version", "HTTP/1.0 or HTTP/1.1", version);
  return std::nullopt;
}

std::optional<Refusal> check_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return refuse(400, "folded header line", {}, line);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
    return refuse(400, "malformed header line", "Name: value", line.substr(0, colon));
  if (line.size() - colon > kMaxValue) return refuse(431, "header line too long", "at most 8 KiB");
  const bool control = std::any_of(line.begin() + static_cast<std::ptrdiff_t>(colon), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
  if (control) return refuse(400, "control character in a header", {}, line.substr(0, colon));
  return std::nullopt;
}

std::optional<Refusal> check_lines(std::string_view text) {
  std::size_t fields = 0;
  bool first = true;
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    if (end == std::string_view::npos || text.substr(end, 2) != "\r\n")
      return refuse(400, "a line that does not end in CR LF", "CR LF after each header line");
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (first) {
      first = false;
      if (auto refusal = check_request_line(line)) return refusal;
      continue;
    }
    if (line.empty()) break;
    if (++fields > kMaxFields) return refuse(431, "too many header lines", "at most 100");
    if (auto refusal = check_field(line)) return refusal;
  }
  return std::nullopt;
}

std::optional<Refusal> read_length(std::string_view value, Head& head) {
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (value.empty() || error != std::errc{} || end != value.data() + value.size()) {
    const bool digits = std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (value.empty() || !digits) return refuse(400, "bad Content-Length", "a number of bytes", value);
    length = std::numeric_limits<std::uint64_t>::max();  // a number, and far beyond any limit
  }
  if (head.body == Head::Body::length && head.length != length) return refuse(400, "two different Content-Lengths");
  head.length = length;
  head.body = Head::Body::length;
  return std::nullopt;
}

/// What the fields say about the message itself.
std::optional<Refusal> read_framing(Head& head) {
  int hosts = 0;
  bool close = head.http_1_0, chunked = false, typed = false;
  for (const auto& [name, value] : head.headers) {
    if (equal_no_case(name, "Content-Length")) {
      if (auto refusal = read_length(value, head)) return refusal;
    } else if (equal_no_case(name, "Transfer-Encoding")) {
      if (chunked || head.http_1_0) return refuse(400, "misplaced Transfer-Encoding");
      if (!equal_no_case(value, "chunked")) return refuse(501, "unknown Transfer-Encoding", "chunked", value);
      chunked = true;
    } else if (equal_no_case(name, "Host")) {
      if (++hosts > 1) return refuse(400, "two Host headers");
      head.host = value;
    } else if (equal_no_case(name, "Connection")) {
      if (has_word(value, "close"))
        close = true;
      else if (head.http_1_0 && has_word(value, "keep-alive"))
        close = false;
    } else if (equal_no_case(name, "Expect")) {
      if (!equal_no_case(value, "100-continue")) return refuse(417, "unknown expectation", "100-continue", value);
      head.expects_continue = !head.http_1_0;
    } else if (equal_no_case(name, "Content-Type")) {
      typed = true;
    }
  }
  head.keep_alive = !close;
  if (chunked && head.body == Head::Body::length) return refuse(400, "both Content-Length and Transfer-Encoding");
  if (chunked) head.body = Head::Body::chunked;
  if (head.host.empty() && !head.http_1_0) return refuse(400, "no Host header", "Host: name[:port]");
  // A body is announced, and where it ends is not.
  if (head.body == Head::Body::none && (typed || head.expects_continue) && head.method != "GET" &&
      head.method != "HEAD")
    return refuse(411, "a body without its length", "Content-Length, or Transfer-Encoding: chunked");
  if (head.body == Head::Body::length && head.length == 0) head.body = Head::Body::none;
  return std::nullopt;
}

}  // namespace

bool equal_no_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto one = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (equal_no_case(one, word)) return true;
  }
  return false;
}

std::size_t find_head_end(std::string_view text) {
  const auto end = text.find("\r\n\r\n");
  if (end != std::string_view::npos) return end + 4;
  // Line feeds alone never become right: no reason to wait for more.
  const auto bare = text.find("\n\n");
  return bare == std::string_view::npos ? bare : bare + 2;
}

std::optional<Refusal> parse_head(std::string_view text, Head& head) {
  if (auto refusal = check_lines(text)) return refusal;
  Poco::Net::HTTPRequest request;
  try {
    Poco::MemoryInputStream stream{text.data(), static_cast<std::streamsize>(text.size())};
    request.read(stream);
  } catch (const Poco::Exception& e) {
    return refuse(400, "not an HTTP request: " + e.displayText());
  }
  head.method = request.getMethod();
  head.target = request.getURI();
  head.http_1_0 = request.getVersion() == Poco::Net::HTTPMessage::HTTP_1_0;
  head.headers.reserve(request.size());
  for (const auto& [name, value] : request) head.headers.emplace_back(name, value);
  return read_framing(head);
}

}  // namespace mesura::http
