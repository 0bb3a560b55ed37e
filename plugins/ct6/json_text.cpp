// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "json_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "text_value.hpp"

namespace mesura::ct6 {

std::string quoted_json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    const std::size_t length = utf8_length(text);
    if (text.front() == '"' || text.front() == '\\') {
      out += '\\';
      out += text.front();
    } else if (byte < 0x20) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (length == 0) {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

std::string json_number(double value) {
  if (!std::isfinite(value)) return "null";
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

void JsonText::begin(std::string_view key) {
  if (text_.size() > 1) text_ += ',';
  text_ += quoted_json(key);
  text_ += ':';
}

JsonText& JsonText::text(std::string_view key, std::string_view value) { return raw(key, quoted_json(value)); }
JsonText& JsonText::number(std::string_view key, double value) { return raw(key, json_number(value)); }
JsonText& JsonText::quantity(std::string_view key, double value, std::string_view unit) {
  return raw(key, fmt::format(R"({{"value":{},"unit":{}}})", json_number(value), quoted_json(unit)));
}
JsonText& JsonText::flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
JsonText& JsonText::null(std::string_view key) { return raw(key, "null"); }
JsonText& JsonText::raw(std::string_view key, std::string_view value) {
  begin(key);
  text_ += value;
  return *this;
}
JsonText& JsonText::item(std::string_view text) { return raw_item(quoted_json(text)); }
JsonText& JsonText::raw_item(std::string_view value) {
  if (text_.size() > 1) text_ += ',';
  text_ += value;
  return *this;
}

}  // namespace mesura::ct6
