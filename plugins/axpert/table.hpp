// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The types of the tables that describe replies: everything that differs from model to model is a row of these.
#pragma once

#include "dialect.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace mesura::axpert {

/// What a token of a reply is.
enum class Form : std::uint8_t {
  none,         ///< passed over
  number,       ///< decimal, times the scale
  pv_current,   ///< QPIGS.13: with a decimal point the tracker's current, otherwise what it charges the battery with
  code,         ///< a number that stands for a word
  raw,          ///< text as sent
  rest,         ///< text as sent, this token and all behind it
  first24,      ///< text as sent, this token and the 23 behind it
  bits,         ///< characters 0 and 1: each its own flag, the word itself as text if `quantity` is given
  warnings,     ///< QPIWS
  letters,      ///< QFLAG: enabled behind E, disabled behind D
  inverted,     ///< 0 means yes
  cv_minutes,   ///< minutes as s; 255 means automatic, which is 0
  present,      ///< whether a parallel unit exists; if not, nothing else in its reply counts
  date_time,    ///< YYYYMMDDHHMMSS
  attribute,    ///< a fact about the device
  protocol,     ///< attribute, as PInn
  firmware,     ///< attribute behind a colon; 00000.00 means that there is no such module
  serial,       ///< attribute serial
  long_serial,  ///< the same, two digits of length in front
  extra         ///< undocumented: published raw
};

/// What is physically possible; a reply with an impossible value is dropped whole.
enum class Gate : std::uint8_t { none, volts, hertz, percent, amps, celsius, watts };

/// Values that others are derived from, or that the session remembers.
enum class Part : std::uint8_t {
  none,
  battery_voltage,
  charge,
  discharge,
  pv1,
  pv2,
  pv3,
  rated_voltage,
  rated_power,
  machine_type,
  model_code,
  count
};

struct Code {
  std::string_view token;  ///< without leading zeros
  std::string_view name;
  Dialects dialects = kAll;
};

/// A flag in a word of 0 and 1.
struct Bit {
  std::uint8_t index;  ///< from the left
  std::string_view channel;
  std::string_view quantity;
  Dialects dialects = kAll;
};

struct Letter {
  char letter;
  std::string_view quantity;
};

struct Field {
  Form form = Form::none;
  std::string_view channel = {};
  std::string_view quantity = {};  ///< or the attribute's name
  Gate gate = Gate::none;
  bool state = false;   ///< published when it changes
  bool system = false;  ///< of all parallel units together: each repeats it, one tells
  Part part = Part::none;
  std::uint32_t multiply = 1;  ///< to base units
  std::uint8_t decimals = 0;   ///< places that the wire leaves out: 2300 for 230.0 V has one
  Dialects dialects = kAll;    ///< passed over by the others
  std::span<const Code> codes = {};
  std::span<const Bit> bits = {};
};

/// What is computed from the values of a reply.
enum Derived : std::uint8_t {
  kNothing = 0,
  kBattery = 1,       ///< direct_current and active_power of the battery
  kPvTotal = 2,       ///< pv active_power, of the trackers that this reply and the one before tell of
  kPvSingle = 4,      ///< the same, where one tracker is all
  kChargeSource = 8,  ///< from bits "charging" of solar and grid
};

/// How one reply is laid out.
struct Layout {
  std::string_view command;  ///< '#' in it stands for a digit, '@' at its end for a date
  Dialects dialects;
  /// What its first tokens look like: n number, f with a decimal point, i without one, b eight bits, w a warning word,
  /// a one letter, d digits (`shortest` to `longest` of them), D a date and time, F flag letters, t anything.
  std::string_view shape;
  std::uint8_t least, most;  ///< documented tokens; more are taken and published as they are
  std::uint16_t extra;       ///< number of the channel of its undocumented token n: extra + n
  std::span<const Field> fields;
  std::uint8_t derived = kNothing;
  std::uint8_t shortest = 0, longest = 0;
  std::string_view prefix = {};  ///< what the reply begins with
};

enum class Cadence : std::uint8_t {
  once,     ///< for each connection
  cycle,    ///< with every interval
  second,   ///< with every second one
  slow,     ///< once a minute
  parallel  ///< as cycle where units work in parallel, else slow
};

/// What can be asked.
struct Query {
  std::string_view command;
  Dialects dialects;
  Cadence cadence;
  bool essential = false;  ///< asked again whatever the answer was
};

[[nodiscard]] std::span<const Layout> layouts_pi30();
[[nodiscard]] std::span<const Layout> layouts_settings();
[[nodiscard]] std::span<const Layout> layouts_pi18();
[[nodiscard]] std::span<const Query> queries();

/// Calls `f(const Layout&)` for each layout of every table until it returns true; whether one did.
template <class F>
bool any_layout(F&& f) {
  for (const auto table : {layouts_pi30(), layouts_settings(), layouts_pi18()})
    for (const Layout& layout : table)
      if (f(layout)) return true;
  return false;
}

/// Whether `command` ("QPGS2", "QED20240501") is one of `pattern` ("QPGS#", "QED@").
[[nodiscard]] bool command_fits(std::string_view pattern, std::string_view command);

// Rows read better with a word for each form than with its initialisers.
constexpr Field skip() { return {}; }
constexpr Field undocumented() { return {.form = Form::extra, .state = true}; }
constexpr Field gauge(std::string_view channel, std::string_view quantity, Gate gate = Gate::none,
                      Part part = Part::none) {
  return {.form = Form::number, .channel = channel, .quantity = quantity, .gate = gate, .part = part};
}
constexpr Field state(std::string_view channel, std::string_view quantity, std::uint32_t multiply = 1) {
  return {.form = Form::number, .channel = channel, .quantity = quantity, .state = true, .multiply = multiply};
}
constexpr Field word(std::string_view channel, std::string_view quantity, std::span<const Code> codes) {
  return {.form = Form::code, .channel = channel, .quantity = quantity, .state = true, .codes = codes};
}
constexpr Field bits(std::span<const Bit> rows, std::string_view channel = {}, std::string_view quantity = {}) {
  return {.form = Form::bits, .channel = channel, .quantity = quantity, .state = true, .bits = rows};
}
constexpr Field text_of(Form form, std::string_view channel, std::string_view quantity) {
  return {.form = form, .channel = channel, .quantity = quantity, .state = true};
}
constexpr Field fact(std::string_view attribute, Form form = Form::attribute) {
  return {.form = form, .quantity = attribute, .state = true};
}
/// The same row for some dialects only.
constexpr Field only(Dialects dialects, Field f) {
  f.dialects = dialects;
  return f;
}
/// Sent without its decimal point.
constexpr Field tenths(Field f) {
  f.decimals = 1;
  return f;
}
constexpr Field of_system(Field f) {
  f.system = true;
  return f;
}
constexpr Field as(Part part, Field f) {
  f.part = part;
  return f;
}

}  // namespace mesura::axpert
