// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/answer.hpp"

#include "http/head.hpp"

#include <Poco/Net/HTTPResponse.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <iterator>
#include <utility>

namespace mesura::http {
namespace {

constexpr std::size_t kWorthCompressing = 1024;
constexpr std::size_t kLongBody = 64 * 1024;
constexpr std::chrono::milliseconds kSlice{50};

/// "Date: Sun, 06 Nov 1994 08:49:37 GMT", made once a second and thread.
const std::string& date_line() {
  thread_local std::time_t made = -1;
  thread_local std::string line;
  const std::time_t now = std::time(nullptr);
  if (now == made) return line;
  made = now;
  static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  line =
      fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n", kDays.at(static_cast<std::size_t>(utc.tm_wday)),
                  utc.tm_mday, kMonths.at(static_cast<std::size_t>(utc.tm_mon)), utc.tm_year + 1900, utc.tm_hour,
                  utc.tm_min, utc.tm_sec);
  return line;
}

bool is_safe(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

void add(std::string& head, std::string_view name, std::string_view value) {
  ((head += name) += ": ") += value;
  head += "\r\n";
}

/// By RFC 9110 13.1.2: any of the listed tags, weak or not, or "*".
bool matches(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto one = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
  }
  return false;
}

bool wants_gzip(const Response& response, const AnswerFacts& facts) {
  if (!facts.gzip || response.events || !is_compressible(response.content_type)) return false;
  return response.stream || response.body.size() > kWorthCompressing;
}

/// The handler's fields; the server's defaults where it has none.
void add_fields(std::string& head, const Response& response, const AnswerFacts& facts, bool tagged) {
  const bool html = response.content_type.starts_with("text/html");
  bool cache = false, policy = false, resource = false;
  for (const auto& [name, value] : response.headers) {
    if (!is_safe(name) || !is_safe(value)) continue;  // what a handler took from a request must not become a header
    cache = cache || equal_no_case(name, "Cache-Control");
    policy = policy || equal_no_case(name, "Content-Security-Policy");
    resource = resource || equal_no_case(name, "Access-Control-Allow-Origin");
    add(head, name, value);
  }
  // A tag is of use only to who may keep the body, and asks each time.
  if (!cache) head += tagged ? "Cache-Control: private, no-cache\r\n" : "Cache-Control: no-store\r\n";
  head += "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n";
  if (html && !policy)
    head +=
        "Content-Security-Policy: default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "frame-ancestors 'self'; form-action 'self'; base-uri 'none'\r\n";
  if (facts.cors && !resource) head += "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: ETag\r\n";
  if (!facts.cors && !resource) head += "Cross-Origin-Resource-Policy: same-origin\r\n";
}

std::string content_type(const Response& response) {
  auto type = response.content_type;
  const bool text = type.starts_with("text/") || type.ends_with("/javascript") || type.ends_with("svg+xml");
  if (text && type.find(';') == std::string::npos) type += "; charset=utf-8";
  return type;
}

}  // namespace

const char* reason_of(int status) {
  switch (status) {
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    default: break;
  }
  const auto& text =
      Poco::Net::HTTPResponse::getReasonForStatus(static_cast<Poco::Net::HTTPResponse::HTTPStatus>(status));
  return text.c_str();
}

void append_chunk(std::string& out, std::string_view data) {
  if (data.empty()) return;
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", data.size());
  out += data;
  out += "\r\n";
}

void BodyStream::produce(std::string& out, std::size_t enough) {
  const auto until = std::chrono::steady_clock::now() + kSlice;
  try {
    while (!ended && out.size() < enough) {
      std::string text, packed;
      ended = !pull(text);
      if (gzip) {
        gzip->add(text, packed);
        if (ended) gzip->finish(packed);
      }
      const auto& data = gzip ? packed : text;
      if (chunked)
        append_chunk(out, data);
      else
        out += data;
      if (ended && chunked) out += "0\r\n\r\n";
      // A handler that has nothing yet is asked again later, not in a loop.
      if (text.empty() || std::chrono::steady_clock::now() >= until) break;
    }
  } catch (const std::exception& e) {
    error = e.what();
    failed = true;
  } catch (...) {
    error = "unknown exception";
    failed = true;
  }
}

bool is_long_work(const Response& response, const AnswerFacts& facts) {
  return response.body.size() > kLongBody && wants_gzip(response, facts);
}

Answer make_answer(Response&& response, const AnswerFacts& facts) {
  Answer answer;
  answer.status = response.status;
  answer.keep_alive = facts.keep_alive;
  const bool varies = is_compressible(response.content_type) && !response.events;
  const bool gzip = wants_gzip(response, facts);
  const bool long_body = response.stream || response.events;
  std::string tag;
  if (facts.get && response.status == 200 && response.etag && !long_body) {
    tag = '"' + content_hash(response.body) + (gzip ? "-gz\"" : "\"");
    if (!facts.if_none_match.empty() && matches(facts.if_none_match, tag)) answer.status = 304;
  }
  const bool no_body = answer.status == 204 || answer.status == 304 || answer.status < 200;

  auto& head = answer.head;
  head.reserve(512);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", answer.status, reason_of(answer.status));
  head += date_line();
  if (!no_body) add(head, "Content-Type", content_type(response));
  add_fields(head, response, facts, !tag.empty());
  if (!tag.empty()) add(head, "ETag", tag);
  if (varies) head += "Vary: Accept-Encoding\r\n";

  if (!no_body && gzip) head += "Content-Encoding: gzip\r\n";
  if (!no_body && long_body) {
    if (facts.http_1_0)
      answer.keep_alive = false;
    else
      head += "Transfer-Encoding: chunked\r\n";
    answer.chunked = !facts.http_1_0;
    if (response.stream && !facts.head_only) {
      answer.stream = std::make_shared<BodyStream>();
      answer.stream->pull = std::move(response.stream);
      answer.stream->chunked = answer.chunked;
      if (gzip) answer.stream->gzip.emplace();
    } else if (!facts.head_only) {
      answer.events = std::move(response.events);
      answer.interval = std::max(response.interval, std::chrono::milliseconds{10});
    }
  } else if (!no_body) {
    if (gzip) {
      Gzip packer;
      packer.add(response.body, answer.body);
      packer.finish(answer.body);
    } else {
      answer.body = std::move(response.body);
    }
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", answer.body.size());
    if (facts.head_only) answer.body.clear();
  }
  if (!answer.keep_alive)
    head += "Connection: close\r\n";
  else if (facts.http_1_0)
    head += "Connection: keep-alive\r\n";
  head += "\r\n";
  return answer;
}

}  // namespace mesura::http
