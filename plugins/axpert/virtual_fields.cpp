// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_fields.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace mesura::axpert::twin {
namespace {

constexpr std::array<std::int64_t, 7> kPowers{1, 10, 100, 1000, 10'000, 100'000, 1'000'000};

void put_padded(std::string& out, std::int64_t value, int digits) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  const auto size = static_cast<int>(end - buffer.data());
  if (size < digits) out.append(static_cast<std::size_t>(digits - size), '0');
  out.append(buffer.data(), end);
}

}  // namespace

void put_fixed(std::string& out, std::int64_t value, int digits, int decimals) {
  if (value < 0) value = 0;  // the wire has no negative numbers
  const std::int64_t scale = kPowers[static_cast<std::size_t>(decimals)];
  put_padded(out, value / scale, digits);
  if (decimals == 0) return;
  out += '.';
  put_padded(out, value % scale, decimals);
}

std::string fixed(std::int64_t value, int digits, int decimals) {
  std::string out;
  put_fixed(out, value, digits, decimals);
  return out;
}

void FieldWriter::separate() {
  if (!text_.empty()) text_ += separator_;
}

FieldWriter& FieldWriter::fixed(std::int64_t value, int digits, int decimals, Where where, std::int64_t per_unit) {
  separate();
  put_fixed(text_, value, digits, decimals);
  return also(where, static_cast<double>(value < 0 ? 0 : value) /
                         static_cast<double>(kPowers[static_cast<std::size_t>(decimals)] * per_unit));
}

FieldWriter& FieldWriter::word(std::string_view token, Where where) {
  separate();
  text_.append(token);
  return also(where, token);
}

FieldWriter& FieldWriter::code(std::int64_t value, int digits, Where where, std::string_view meaning) {
  separate();
  put_fixed(text_, value, digits);
  return also(where, meaning);
}

FieldWriter& FieldWriter::also(Where where, double number) {
  if (!where.quantity.empty())
    truth_.push_back({prefix_ + std::string{where.channel}, where.quantity, false, number, {}});
  return *this;
}

FieldWriter& FieldWriter::also(Where where, std::string_view text) {
  if (!where.quantity.empty())
    truth_.push_back({prefix_ + std::string{where.channel}, where.quantity, true, 0, std::string{text}});
  return *this;
}

FieldWriter& FieldWriter::raw(std::string_view text) {
  text_.append(text);
  return *this;
}

}  // namespace mesura::axpert::twin
