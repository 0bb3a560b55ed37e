// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes the text of one telegram, in the words, widths and order of each country.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_clock.hpp"
#include "virtual_model.hpp"

namespace mesura::dsmr_p1::twin {

/// How a dialect prints one kind of value: `digits` before and `decimals` after the point.
struct Field {
  int digits;
  int decimals;
  std::int64_t step;      ///< base units of ours in one unit of the last printed digit
  std::string_view unit;  ///< empty: none is printed
};

enum class DialectId { nl2, nl4, nl5, be, lu, at, se, hu, lt };

/// One row of the table of dialects.
struct Dialect {
  DialectId id;
  std::string_view name;
  std::string_view zone;     ///< of the meter's clock; Sweden's is fixed, so that it says W all year
  std::int64_t interval;     ///< s between telegrams
  std::string_view header;   ///< of our meters
  std::string_view version;  ///< 1-3:0.2.8 or 0-0:96.1.4, empty where the dialect has none
  std::string_view serial;
  int day_tariff;
  int night_tariff;
  bool crc;
  std::int64_t mbus_interval;      ///< s between readings of its gas meter
  Field energy;                    ///< from Wh, varh
  Field power;                     ///< from W, var, VA
  Field current;                   ///< from mA
  std::string_view reactive_unit;  ///< of power; of energy with an h behind it
};

/// nullptr when there is none of that name.
const Dialect* find_dialect(std::string_view name);

/// What a meter says of itself, the same in every telegram.
struct MeterIdentity {
  std::string header;  ///< from '/' on, without line end
  std::string version;
  std::string message;                                                    ///< 0-0:96.13.0, as text
  std::string message_code;                                               ///< 0-0:96.13.1, as text
  int current_decimals = -1;                                              ///< 0..2; -1: the dialect's
  enum class List { standard, extended, maximum } list = List::standard;  ///< Lithuania's three sets of lines
  std::vector<std::string> omit;  ///< OBIS codes that this meter leaves out, e.g. after an authorisation expired
};

/// A number that a telegram shows, under the name that a reader gives it.
struct Truth {
  std::string channel;
  std::string_view quantity;  ///< static text
  double value;               ///< as printed, in the base unit
  UtcSeconds time;            ///< its own stamp, or kNever for the telegram's
  bool state;                 ///< a setting or state: news only when it changes

  bool operator==(const Truth&) const = default;
};

struct Telegram {
  std::string body;  ///< from '/' to before '!', each line with CR LF
  std::vector<Truth> truth;
};

/// cost  2 to 5 us and a few allocations
Telegram write_telegram(const Dialect& dialect, const MeterClock& clock, const MeterIdentity& identity,
                        const Reading& reading);

}  // namespace mesura::dsmr_p1::twin
