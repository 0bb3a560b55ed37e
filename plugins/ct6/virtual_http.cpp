// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_http.hpp"

#include <algorithm>
#include <charconv>

#include "virtual_files.hpp"

namespace mesura::ct6::twin {
namespace {

/// The device would run out of memory; the twin hangs up before it does.
constexpr std::size_t kLongestLine = 16 * 1024;
constexpr std::string_view kHeader = "Content-type: application/json\r\n\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto end = text.find(at);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string_view without_line_end(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

HttpRequest malformed() {
  HttpRequest r;
  r.kind = HttpRequest::Kind::malformed;
  return r;
}

}  // namespace

const std::string* HttpRequest::argument(std::string_view key) const {
  const auto at = std::find_if(arguments.begin(), arguments.end(), [&](const auto& a) { return a.first == key; });
  return at == arguments.end() ? nullptr : &at->second;
}

HttpRequest read_target(std::string_view target) {
  HttpRequest r;
  r.kind = HttpRequest::Kind::get;
  const auto parts = split(target, '?');
  r.path = lower(parts[0]);
  if (parts.size() < 2) return r;
  for (const auto part : split(parts[1], ',')) {
    const auto pair = split(part, '=');
    if (pair.size() == 2) r.arguments.emplace_back(lower(pair[0]), std::string(pair[1]));
  }
  return r;
}

std::optional<HttpRequest> HttpReader::first_line(std::string_view line) {
  if (line.substr(0, 5) != "FILE ") {
    const auto words = split(without_line_end(line), ' ');
    if (words[0] == "GET" && words.size() > 1) request_ = read_target(words[1]);
    stage_ = Stage::headers;
    return std::nullopt;
  }
  stage_ = Stage::done;
  const auto words = split(without_line_end(line), ' ');
  if (words.size() != 6) return malformed();
  const std::string_view length = words[3];
  const auto [stop, error] = std::from_chars(length.data(), length.data() + length.size(), length_);
  if (error != std::errc{} || stop != length.data() + length.size() || length_ > kFlashBytes) return malformed();
  request_.kind = HttpRequest::Kind::upload;
  request_.name = std::string(words[1]);
  request_.folder = std::string(words[2]);
  request_.sha256 = std::string(words[4]);
  if (length_ == 0) return std::move(request_);
  stage_ = Stage::content;
  return std::nullopt;
}

std::optional<HttpRequest> HttpReader::feed(std::string_view bytes) {
  while (stage_ == Stage::line || stage_ == Stage::headers) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) {
      buffer_ += bytes;
      if (buffer_.size() <= kLongestLine) return std::nullopt;
      stage_ = Stage::done;
      return malformed();
    }
    buffer_ += bytes.substr(0, end + 1);
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(buffer_, {});
    if (stage_ == Stage::line) {
      if (auto request = first_line(line)) return request;
    } else if (line == "\r\n") {
      stage_ = Stage::done;
      return std::move(request_);
    }
  }
  if (stage_ != Stage::content) return std::nullopt;
  request_.content += bytes.substr(0, length_ - request_.content.size());
  if (request_.content.size() < length_) return std::nullopt;
  stage_ = Stage::done;
  return std::move(request_);
}

std::string http_reply(std::string_view body) {
  std::string out = "HTTP/1.0 200 OK\r\n";
  out += kHeader;
  out += body;
  return out;
}

std::string http_double_reply(std::string_view body) {
  std::string out = "HTTP/1.0 500 Internal Server Error\r\n";
  out += kHeader;
  return out + http_reply(body);
}

}  // namespace mesura::ct6::twin
