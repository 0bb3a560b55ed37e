// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/glob.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

namespace mesura::model {

namespace {

constexpr std::string_view kExpected = "device, device/channel or device/channel/quantity, with * and ?";

std::optional<Glob> refuse(Problem* problem, std::string_view text, std::string message, std::string hint) {
  if (problem != nullptr) *problem = {std::move(message), std::string{kExpected}, std::string{text}, std::move(hint)};
  return std::nullopt;
}

}  // namespace

bool wildcard_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  auto star = std::string_view::npos;  // the last '*' seen, and where its text ends so far
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<Glob> Glob::parse(std::string_view text, Problem* problem) {
  if (text.empty()) return refuse(problem, text, "empty series glob", "'*' takes every series");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F)
      return refuse(problem, text, "blank or control character in a series glob", "write several globs as a list");
  }
  if (text.find("**") != std::string_view::npos)
    return refuse(problem, text, "'**' in a series glob",
                  "one '*' takes any characters of a part; fewer parts take all that is below");
  std::vector<std::string> parts;
  for (auto rest = text;;) {
    const auto slash = rest.find('/');
    const auto part = rest.substr(0, slash);
    if (part.empty())
      return refuse(problem, text, fmt::format("part {} of a series glob is empty", parts.size() + 1),
                    "write '*' for any device, channel or quantity");
    parts.emplace_back(part);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (parts.size() > 3)
    return refuse(problem, text, fmt::format("a series glob of {} parts", parts.size()),
                  "a series is device/channel/quantity, e.g. grid/l1/active_power");
  return Glob{std::move(parts)};
}

bool Glob::matches(std::string_view device, std::string_view channel, std::string_view quantity) const {
  return wildcard_matches(parts_[0], device) && (parts_.size() < 2 || wildcard_matches(parts_[1], channel)) &&
         (parts_.size() < 3 || wildcard_matches(parts_[2], quantity));
}

bool Glob::matches_device(std::string_view device) const { return wildcard_matches(parts_[0], device); }

std::string Glob::text() const { return fmt::format("{}", fmt::join(parts_, "/")); }

}  // namespace mesura::model
