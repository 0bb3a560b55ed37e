// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/exposition.hpp"

#include "config/text.hpp"

#include <charconv>
#include <cmath>

namespace mesura::http::api {

namespace {

/// Backslash, quote and line feed are escaped; what is not UTF-8 would cost the scraper the whole page.
void append_label_value(std::string& out, std::string_view value) {
  const auto bad = config::first_bad_byte(value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (bad && i >= *bad && (static_cast<unsigned char>(c) >= 0x80 || static_cast<unsigned char>(c) < 0x20)) {
      out += '?';
    } else {
      out += c;
    }
  }
}

void append_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char buffer[64];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }
}

}  // namespace

void Exposition::add(std::string_view name, Type type, std::string_view help, Labels labels, double value) {
  auto found = families_.find(name);
  if (found == families_.end()) {
    std::string head = "# HELP ";
    head.append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    head += type == Type::gauge ? " gauge\n" : " counter\n";
    found = families_.emplace(name, std::move(head)).first;
  }
  std::string& out = found->second;
  out += name;
  char separator = '{';
  for (const auto& [label, content] : labels) {
    if (content.empty()) continue;
    out += separator;
    separator = ',';
    out.append(label).append("=\"");
    append_label_value(out, content);
    out += '"';
  }
  if (separator == ',') out += '}';
  out += ' ';
  append_number(out, value);
  out += '\n';
}

std::string Exposition::text() const {
  std::string out;
  for (const auto& [name, family] : families_) out += family;
  return out;
}

}  // namespace mesura::http::api
