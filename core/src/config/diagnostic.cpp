// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostic.hpp"

#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <tuple>

namespace mesura::config {
namespace {

std::string_view word(Severity severity) { return severity == Severity::error ? "error" : "warn"; }

/// A key may hold an escape sequence ("\\x1b[31m" in double quotes): none may reach a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n') || byte == 0x7F)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

}  // namespace

void Diagnostics::sort() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.file, a.mark.line, a.mark.column) < std::tie(b.file, b.mark.line, b.mark.column);
  });
}

bool Diagnostics::has_errors() const {
  return std::any_of(list_.begin(), list_.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string render_text(const Diagnostic& d) {
  std::string out;
  if (!d.file.empty()) {
    out = d.file;
    if (d.mark.line > 0) fmt::format_to(std::back_inserter(out), ":{}:{}", d.mark.line, d.mark.column);
    out += ": ";
  }
  fmt::format_to(std::back_inserter(out), "{}[{}]: {}\n", word(d.severity), d.code, d.message);
  const auto line = [&out](std::string_view label, const std::string& text) {
    if (!text.empty()) fmt::format_to(std::back_inserter(out), "  {:<8}  {}\n", label, text);
  };
  line("expected", d.expected);
  line("got", d.got);
  line("hint", d.hint);
  return printable(out);
}

std::string render_json(const Diagnostic& d) {
  std::string out;
  runtime::JsonWriter json{out};
  const auto member = [&json](std::string_view name, std::string_view text) {
    if (!text.empty()) json.key(name).string(text);
  };
  json.begin_object();
  member("severity", word(d.severity));
  member("code", d.code);
  member("file", d.file);
  if (d.mark.line > 0) json.key("line").integer(d.mark.line).key("column").integer(d.mark.column);
  member("message", d.message);
  member("expected", d.expected);
  member("got", d.got);
  member("hint", d.hint);
  json.end_object();
  return out;
}

}  // namespace mesura::config
