// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "runtime/json.hpp"

#include <algorithm>

namespace mesura::http {

namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
  return found == query.end() ? std::nullopt : std::optional<std::string_view>{found->second};
}

std::vector<std::string_view> Request::parameters(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : query)
    if (key == name) values.emplace_back(value);
  return values;
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& field) { return equal_without_case(field.first, name); });
  return found == headers.end() ? std::nullopt : std::optional<std::string_view>{found->second};
}

Response error_response(int status, const ErrorText& error) {
  Response response;
  response.status = status;
  response.etag = false;
  runtime::JsonWriter json{response.body};
  json.begin_object().key("error").begin_object();
  json.key("code").string(error.code).key("message").string(error.message);
  if (!error.expected.empty()) json.key("expected").string(error.expected);
  if (!error.got.empty()) json.key("got").string(error.got);
  if (!error.hint.empty()) json.key("hint").string(error.hint);
  json.end_object().end_object();
  response.body += '\n';
  return response;
}

}  // namespace mesura::http
