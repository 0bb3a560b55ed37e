// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "line_layout.hpp"

namespace mesura::dsmr_p1 {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void LineLayout::learn(std::string_view text) {
  length = text.size();
  kind = Kind::none;
  if (!contribution.error.empty()) return;
  text_.assign(text);
  kind = Kind::same;
  const bool stamp = contribution.stamp && (contribution.stamp->kind == Stamp::Kind::summer ||
                                            contribution.stamp->kind == Stamp::Kind::winter);
  if (text.size() <= kWindow && (contribution.simple_number || stamp)) learn_pattern(text);
}

void LineLayout::learn_pattern(std::string_view text) {
  digits_at_ = text.find('(') + 1;
  std::size_t at = digits_at_;
  while (at < text.size() && is_digit(text[at])) ++at;
  int_digits_ = at - digits_at_;
  frac_digits_ = 0;
  if (text[at] == '.') {
    for (++at; is_digit(text[at]); ++at) ++frac_digits_;
  }
  constexpr std::size_t kStampDigits = 12;
  if (contribution.stamp) {
    if (int_digits_ != kStampDigits) return;
    kind = Kind::time;
  } else {
    if (int_digits_ == 0 || int_digits_ > 2 * detail::kMaxPart || frac_digits_ > detail::kMaxPart ||
        int_digits_ + frac_digits_ > 18)
      return;
    kind = Kind::number;
    exponent = contribution.readings[0].number.exponent;
  }
  for (std::size_t i = 0; i < kWindow; ++i) {
    const bool inside = i < text.size();
    const bool digit = inside && i >= digits_at_ && i < at && text[i] != '.';
    pattern_[i] = inside ? static_cast<std::uint8_t>(text[i]) : 0;
    fixed_[i] = inside && !digit ? 0xFF : 0;
    digits_[i] = digit ? 0xFF : 0;
  }
}

}  // namespace mesura::dsmr_p1
