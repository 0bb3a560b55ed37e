// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "doctor/finding.hpp"

#include <algorithm>

namespace mesura::doctor {
namespace {

constexpr auto kNone = std::string_view::npos;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \n");
  if (first == kNone) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

/// What stands behind "\n  LABEL  ", up to the next line; cut out of `text`.
std::string take_line(std::string& text, std::string_view label) {
  const auto begin = text.find("\n  " + std::string{label} + "  ");
  if (begin == std::string::npos) return {};
  const auto value = begin + 3 + label.size();
  const auto end = std::min(text.find('\n', value), text.size());
  std::string out{trimmed(std::string_view{text}.substr(value, end - value))};
  text.erase(begin, end - begin);
  return out;
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::good: return "good";
    case Severity::note: return "note";
    case Severity::warning: return "warn";
    case Severity::error: break;
  }
  return "error";
}

std::size_t count(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.severity == severity; }));
}

void sort(Findings& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
  if (!text.empty() && text.find_first_not_of(kPlain) == kNone) return std::string{text};
  // Double quotes read better around single ones; but ! means something in them.
  const bool twice = text.find('\'') != kNone && text.find('!') == kNone;
  std::string out(1, twice ? '"' : '\'');
  for (const char c : text) {
    if (twice && std::string_view{"$`\"\\"}.find(c) != kNone) out += '\\';
    if (!twice && c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + out.front();
}

void take_message(Finding& finding, std::string_view message) {
  std::string text{trimmed(message)};
  if (auto hint = take_line(text, "hint"); !hint.empty()) finding.remedy = std::move(hint);
  finding.expected = take_line(text, "expected");
  finding.got = take_line(text, "got");
  constexpr std::string_view kExpected = ": expected ", kGot = ", got ";
  const auto expected = text.find(kExpected);
  const auto got = expected == std::string::npos ? expected : text.find(kGot, expected);
  if (got != std::string::npos) {
    finding.expected = text.substr(expected + kExpected.size(), got - expected - kExpected.size());
    finding.got = text.substr(got + kGot.size());
    text.erase(expected);
  }
  finding.message = std::move(text);
}

}  // namespace mesura::doctor
