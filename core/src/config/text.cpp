// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace mesura::config {
namespace {

constexpr std::size_t kLongestWord = 64;  // nobody misspells more; bounds the distance's cost
constexpr std::size_t kLongestQuote = 80;

/// Length of the UTF-8 sequence at the front, 0 if it is none. Overlong forms and surrogates are none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  const unsigned second = byte(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
      (lead == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' || c == ' ' ? '_' : c;
}

/// Edit distance with swaps of neighbours, case folded.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kLongestWord + 1>, 3> rows{};
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& twice_above = rows[(i + 1) % 3];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0U : 1U)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]))
        row[j] = std::min(row[j], twice_above[j - 2] + 1);
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

std::string mask_urls(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) break;
    const std::size_t begin = scheme + 3;
    // A password may hold '/' and '@' unescaped: up to the last '@' before a blank it may be part of it.
    const std::size_t end = std::min(text.find_first_of(" \t\n\"'", begin), text.size());
    const std::size_t at = text.substr(0, end).rfind('@');
    const std::size_t colon = text.find(':', begin);
    if (at == std::string_view::npos || at < begin || colon == std::string_view::npos || colon > at) {
      out += text.substr(0, begin);
      text.remove_prefix(begin);
      continue;
    }
    out.append(text.substr(0, colon + 1)).append(kMask);
    text.remove_prefix(at);
  }
  return out.append(text);
}

std::string mask_user(std::string_view text, std::size_t begin) {
  const std::size_t at = text.rfind('@');
  const std::size_t colon = text.find(':', begin);
  if (text.find("://") != std::string_view::npos || at == std::string_view::npos || colon > at) return mask_urls(text);
  return std::string(text.substr(0, colon + 1)).append(kMask).append(text.substr(at));
}

std::string quote(std::string_view text) {
  const std::string masked = mask_urls(text);
  std::string_view rest = masked;
  std::string out = "'";
  for (std::size_t n = 0; !rest.empty(); ++n) {
    if (n == kLongestQuote) {
      out += "...";
      break;
    }
    const std::size_t length = sequence_length(rest);
    const auto lead = static_cast<unsigned char>(rest.front());
    if (rest.front() == '\n')
      out += "\\n";
    else if (rest.front() == '\r')
      out += "\\r";
    else if (rest.front() == '\t')
      out += "\\t";
    else if (length == 0 || lead < 0x20 || lead == 0x7F)
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", lead);
    else
      out += rest.substr(0, length);
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + "'";
}

std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates) {
  if (text.empty() || text.size() > kLongestWord) return {};
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, text.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const std::size_t d = distance(text, candidate);
    // A distance of the whole word would turn anything into anything.
    if (d < best_distance && d < std::max(text.size(), candidate.size())) {
      best = &candidate;
      best_distance = d;
    }
  }
  return best == nullptr ? std::nullopt : std::optional{*best};
}

std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates) {
  const auto found = nearest(text, candidates);
  return found ? fmt::format("did you mean '{}'?", *found) : std::string{};
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text.substr(i));
    const auto lead = static_cast<unsigned char>(text[i]);
    const bool control = (lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7F;
    if (length == 0 || control) return i;
    i += length;
  }
  return {};
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

}  // namespace mesura::config
