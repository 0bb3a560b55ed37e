// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "composite.hpp"
#include "line.hpp"
#include "mbus.hpp"
#include "telegram.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::dsmr_p1 {

/// What a line shows of its telegram's dialect: Feature bits, none for a line that is not well-formed.
[[nodiscard]] std::uint32_t features_of(const Line& line);

/// What one line contributes to its telegram.
struct Contribution {
  RowId row = kNoRow;
  std::uint32_t features = 0;
  std::uint8_t reading_count = 0;
  std::array<Reading, 2> readings;
  std::string text;  ///< of a text reading: its view points here
  MbusPart mbus;
  std::optional<Stamp> stamp;  ///< of the telegram
  bool simple_number = false;  ///< one group: digits with an optional point, then the unit
  std::string error;           ///< why the line was refused; empty when it was not

  void clear();
  void add(const Reading& reading) { readings[reading_count++] = reading; }
};

/// Reads the content of lines, one by one.
class LineDecoder {
 public:
  struct Context {
    const StampClock& clock;
    bool israeli;
    std::int64_t received_ns;
  };

  LineDecoder() : table_(ObisTable::instance()) {}

  /// Events with a time of their own (month maxima, failure log) go to `events` when they are new; facts to
  /// `attributes`.
  void decode(const Line& line, const Context& context, Contribution& out, std::vector<Reading>& events,
              Attributes& attributes);
  /// Events told so far are new again.
  void forget() { composites_ = {}; }

 private:
  void number(const Line& line, const Row& row, Contribution& out) const;
  void limiter(const Line& line, const Row& row, Contribution& out) const;
  void limit_pair(const Line& line, const Row& row, Contribution& out) const;
  void on_off(std::string_view value, FieldId field, Contribution& out) const;
  void tariff(const Line& line, const Row& row, Contribution& out);
  void text(const Line& line, const Row& row, Contribution& out) const;
  void attribute(const Line& line, const Row& row, Contribution& out, Attributes& attributes);
  void mbus_identity(const Line& line, const Row& row, Attributes& attributes);
  void mbus_type(const Line& line, Contribution& out) const;
  void mbus_reading(const Line& line, Contribution& out) const;
  void profile_rows(const Line& line, Contribution& out) const;
  void paper_reading(const Line& line, const Row& row, const Context& context, Contribution& out,
                     std::vector<Reading>& events);

  const ObisTable& table_;
  CompositeReader composites_;
  std::string scratch_;
};

}  // namespace mesura::dsmr_p1
