// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decimal.hpp"
#include "framer.hpp"
#include "obis_table.hpp"
#include "profile.hpp"
#include "time_stamp.hpp"

#include <mesura/plugin_abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::dsmr_p1 {

/// One decoded value.
struct Reading {
  FieldId field = 0;
  std::uint8_t quality = MESURA_GOOD;  ///< mesura_quality flags
  bool is_text = false;
  Decimal number;                  ///< in the base unit
  std::int64_t time_ns = kNoTime;  ///< its own, or kNoTime for the telegram's
  std::string_view text;           ///< valid until the next telegram

  [[nodiscard]] double value() const { return to_double(number); }
};

inline Reading number_reading(FieldId field, Decimal number, std::int64_t time_ns = kNoTime,
                              std::uint8_t quality = MESURA_GOOD) {
  Reading r;
  r.field = field;
  r.quality = quality;
  r.number = number;
  r.time_ns = time_ns;
  return r;
}

/// The same, made where it stays: copying what was just written costs more than the rest of a line.
inline void append_number(std::vector<Reading>& readings, FieldId field, Decimal number,
                          std::uint8_t quality = MESURA_GOOD) {
  Reading& r = readings.emplace_back();
  r.field = field;
  r.quality = quality;
  r.number = number;
}

inline Reading text_reading(FieldId field, std::string_view text, std::int64_t time_ns = kNoTime) {
  Reading r;
  r.field = field;
  r.is_text = true;
  r.text = text;
  r.time_ns = time_ns;
  return r;
}

/// A line that was not taken.
struct LineFault {
  std::size_t offset;  ///< in the telegram's text
  std::size_t length;
  std::string message;
};

/// Facts about the meter and those behind it; told when they change.
class Attributes {
 public:
  struct Entry {
    std::string key;
    std::string value;
    std::uint8_t rank;
    bool changed;
  };

  /// Of several sources of one fact the lowest rank wins.
  void set(std::string_view key, std::string_view value, std::uint8_t rank = 0) {
    for (Entry& e : entries_) {
      if (e.key != key) continue;
      if (rank > e.rank) return;
      e.rank = rank;
      if (e.value == value) return;
      e.value = value;
      e.changed = true;
      return;
    }
    entries_.push_back({std::string{key}, std::string{value}, rank, true});
  }
  /// From now on any source may set any fact.
  void relax() {
    for (Entry& e : entries_) e.rank = 0xFF;
  }
  [[nodiscard]] std::string_view get(std::string_view key) const {
    for (const Entry& e : entries_)
      if (e.key == key) return e.value;
    return {};
  }
  /// Calls tell(key, value) for what changed since the last time.
  template <class Tell>
  void drain(Tell&& tell) {
    for (Entry& e : entries_) {
      if (!e.changed) continue;
      e.changed = false;
      tell(std::string_view{e.key}, std::string_view{e.value});
    }
  }

 private:
  std::vector<Entry> entries_;
};

/// A telegram and what it says. Views are valid until the next telegram.
struct Telegram {
  Bytes text;                ///< from '/' to the last CRC digit, parity removed
  std::uint64_t offset = 0;  ///< in the link's stream
  std::uint16_t crc = 0;     ///< of the text up to '!'; 0 where it was not computed
  Profile profile = Profile::generic;
  std::int64_t time_ns = kNoTime;  ///< of the meter's clock
  std::uint32_t features = 0;      ///< Feature bits
  bool meter_changed = false;      ///< the serial differs from that of the telegram before
  std::uint8_t mbus_changed = 0;   ///< bit n - 1: the same of M-Bus channel n
  std::vector<Reading> readings;
  std::vector<LineFault> line_faults;
  std::vector<std::string> unknown;  ///< codes met for the first time that nobody knows
};

}  // namespace mesura::dsmr_p1
