// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace mesura::sinks {
namespace {

constexpr std::size_t kHash = 9;  // "_" and its digits

// FNV-1a: stable across versions and machines, unlike std::hash.
std::uint32_t hash_of(std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : text) {
    h ^= static_cast<unsigned char>(c);
    h *= 0x100000001b3U;
  }
  return static_cast<std::uint32_t>(h ^ (h >> 32U));
}

// Bytes of the well-formed character at `at`, or 0.
std::size_t character(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  const std::size_t n = lead < 0x80                   ? 1
                        : lead >= 0xc2 && lead < 0xe0 ? 2
                        : (lead & 0xf0U) == 0xe0      ? 3
                        : lead >= 0xf0 && lead < 0xf5 ? 4
                                                      : 0;
  if (n == 0 || at + n > text.size()) return 0;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80) return 0;
  }
  if (n == 3 && ((lead == 0xe0 && byte(at + 1) < 0xa0) || (lead == 0xed && byte(at + 1) >= 0xa0))) return 0;
  if (n == 4 && ((lead == 0xf0 && byte(at + 1) < 0x90) || (lead == 0xf4 && byte(at + 1) >= 0x90))) return 0;
  return n;
}

bool plain(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (const std::string_view part : parts) {
    key += part;
    key += '\0';
  }
  return key;
}

std::string folded(std::string_view name) {
  std::string out{name};
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string meaning_of(const SeriesInfo& info) { return joined({info.channel, info.quantity, info.unit}); }

std::string identifier(std::string_view name, const NameLimits& limits) {
  constexpr std::size_t kEscaped = 5;
  std::string out;
  std::size_t characters = 0;
  std::size_t file = 0;
  std::size_t fits = 0;  // bytes of `out` after which a hash has room
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t n = character(name, at);
    const auto lead = static_cast<unsigned char>(name[at]);
    if (n == 0 || lead < 0x20 || lead == 0x7f || (n == 4 && !limits.supplementary)) {
      out += '_';
    } else {
      out += name.substr(at, n);
    }
    at += std::max<std::size_t>(n, 1);
    ++characters;
    file += n == 1 && plain(out.back()) ? 1 : kEscaped;
    if (characters + kHash <= limits.characters && file + kHash <= limits.file_bytes) fits = out.size();
  }
  if (characters > limits.characters || file > limits.file_bytes) {
    out.resize(fits);
    out += fmt::format("_{:08x}", hash_of(name));
  }
  if (!out.empty() && out.back() == ' ') out.back() = '_';
  return out;
}

}  // namespace mesura::sinks
