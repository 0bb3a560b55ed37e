// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <stdexcept>

namespace mesura::smartmeter::twin {
namespace {

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void FrameSet::add(std::string_view option, std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = number_of(text.substr(0, dash));
  auto last = first;
  if (dash != std::string_view::npos) {
    last = dash + 1 == text.size() ? std::numeric_limits<std::uint64_t>::max() : number_of(text.substr(dash + 1));
  }
  if (!first || !last || *last < *first)
    throw std::invalid_argument(
        fmt::format("option '{}': a frame number or a range of them was expected, such as 5, 10-12 or 20-; got '{}'",
                    option, text));
  ranges_.emplace_back(*first, *last);
}

bool FrameSet::has(std::uint64_t frame) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const auto& range) { return frame >= range.first && frame <= range.second; });
}

}  // namespace mesura::smartmeter::twin
