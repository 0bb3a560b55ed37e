// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/target.hpp"

#include "config/text.hpp"

#include <Poco/Exception.h>
#include <Poco/URI.h>

#include <algorithm>

namespace mesura::http {
namespace {

constexpr std::size_t kMaxParameters = 256;

ErrorText bad(std::string_view what, std::string_view got, std::string_view hint = {}) {
  return {"http-target", std::string{what}, {}, config::quote(got), std::string{hint}};
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); }

/// Appends the decoded text; what is wrong with it, or null.
const char* decode(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return "broken percent encoding";
  }
  try {
    Poco::URI::decode(std::string{text}, out);
  } catch (const Poco::Exception&) {
    return "broken percent encoding";
  }
  if (has_control(out)) return "control character";
  if (config::first_bad_byte(out)) return "not UTF-8";
  return nullptr;
}

std::optional<ErrorText> parse_path(std::string_view raw, std::string& path) {
  for (std::size_t i = 0; i + 2 < raw.size(); ++i) {
    if (raw[i] != '%') continue;
    const auto code = raw.substr(i + 1, 2);
    if (code == "2f" || code == "2F" || code == "5c" || code == "5C") return bad("encoded slash in the path", raw);
  }
  if (raw.find('\\') != std::string_view::npos) return bad("backslash in the path", raw);
  std::string decoded;
  if (const char* what = decode(raw, decoded)) return bad(std::string{what} + " in the path", raw);
  std::string_view rest = decoded;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const auto part = rest.substr(0, slash);
    if (part == "." || part == "..") return bad("'" + std::string{part} + "' in the path", raw, "give the full path");
    if (!part.empty()) (path += '/') += part;
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  }
  if (path.empty()) path = "/";
  return std::nullopt;
}

std::optional<ErrorText> parse_query(std::string_view raw, Fields& query) {
  while (!raw.empty()) {
    const auto end = raw.find('&');
    auto part = std::string{raw.substr(0, end)};
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (part.empty()) continue;
    if (query.size() == kMaxParameters) return ErrorText{"http-target", "too many parameters", "at most 256", {}, {}};
    // Poco decodes '+' only behind a '?' of its own.
    std::replace(part.begin(), part.end(), '+', ' ');
    const auto equals = part.find('=');
    auto& [name, value] = query.emplace_back();
    const std::string_view text = part;
    const char* what = decode(text.substr(0, equals), name);
    if (what == nullptr && equals != std::string::npos) what = decode(text.substr(equals + 1), value);
    if (what != nullptr) return bad(std::string{what} + " in the query", part);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ErrorText> parse_target(std::string_view text, Target& out) {
  out = {};
  if (text == "*") {
    out.path = "*";
    return std::nullopt;
  }
  if (has_control(text)) return bad("control character in the request target", text);
  if (text.find('#') != std::string_view::npos) return bad("'#' in the request target", text, "write it as %23");
  if (!text.starts_with('/')) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos || (!text.starts_with("http:") && !text.starts_with("https:")))
      return bad("the request target must begin with '/'", text);
    const auto slash = text.find_first_of("/?", scheme + 3);
    text = slash == std::string_view::npos ? std::string_view{"/"} : text.substr(slash);
  }
  const auto question = text.find('?');
  if (auto error = parse_path(text.substr(0, question), out.path)) return error;
  if (question == std::string_view::npos) return std::nullopt;
  return parse_query(text.substr(question + 1), out.query);
}

}  // namespace mesura::http
