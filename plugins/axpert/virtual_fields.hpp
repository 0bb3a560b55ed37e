// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes the fields of a reply and, beside each, the truth that it carries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::axpert::twin {

/// A value that a reply carried, exactly as on the wire, in the vocabulary's words and units.
struct Truth {
  std::string channel;
  std::string_view quantity;  ///< a literal
  bool is_text = false;
  double number = 0;
  std::string text;
};

/// Where a field belongs; an empty quantity: nowhere.
struct Where {
  std::string_view channel = {};
  std::string_view quantity = {};
};

/// `value` / 10^`decimals` with at least `digits` digits before the point, zero-padded, as all fields are.
void put_fixed(std::string& out, std::int64_t value, int digits, int decimals = 0);
[[nodiscard]] std::string fixed(std::int64_t value, int digits, int decimals = 0);

/// A reply under construction; fields are separated by `separator`.
class FieldWriter {
 public:
  explicit FieldWriter(char separator = ' ') : separator_(separator) {}

  /// `per_unit`: the truth is value / 10^decimals / per_unit (10 mV steps of a voltage: 100).
  FieldWriter& fixed(std::int64_t value, int digits, int decimals = 0, Where where = {}, std::int64_t per_unit = 1);
  FieldWriter& word(std::string_view token, Where where = {});
  /// A code on the wire, its meaning in the truth.
  FieldWriter& code(std::int64_t value, int digits, Where where, std::string_view meaning);
  /// Truth without a field of its own: one bit of a word.
  FieldWriter& also(Where where, double number);
  FieldWriter& also(Where where, std::string_view text);
  /// Bytes without a separator.
  FieldWriter& raw(std::string_view text);
  /// All channels that follow get this in front: "unit1_".
  void prefix(std::string_view prefix) { prefix_ = prefix; }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take_text() { return std::move(text_); }
  [[nodiscard]] std::vector<Truth> take_truth() { return std::move(truth_); }

 private:
  void separate();

  char separator_;
  std::string prefix_;
  std::string text_;
  std::vector<Truth> truth_;
};

}  // namespace mesura::axpert::twin
