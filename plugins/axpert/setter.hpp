// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The types of the table of settings: a row says what a command writes, what may be written, and how it is read back.
#pragma once

#include "command_fields.hpp"
#include "dialect.hpp"
#include "table.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace date {
class time_zone;
}

namespace mesura::axpert {

/// How a setting is shown: in the words and units of the argument.
enum class Shown : std::uint8_t { as_read, minutes, days, on_off, clock };

/// What must be read before a setting is written, beside the setting itself.
enum Need : std::uint8_t {
  kNoNeed = 0,
  kRatings = 1,          ///< QPIRI: the battery's voltage and type, the other voltages
  kChargeCurrents = 2,   ///< QMCHGCR
  kUtilityCurrents = 4,  ///< QMUCHGCR
  kSolarCurrents = 8,    ///< QMSCHGCR
  kMode = 16,            ///< QMOD and QPIGS: whether the output is off
  kDefaults = 32,        ///< QDI
  kFlags = 64,           ///< QFLAG
  kLoad = 128            ///< QLT
};

enum Trait : std::uint8_t {
  kUsual = 0,
  kOnce = 1,     ///< never repeated: it is relative, or a second time would do harm
  kAlways = 2,   ///< written even if the setting is in force already
  kPerUnit = 4,  ///< each of several parallel units has it for itself
  kWhole = 8,    ///< several values are shown
  kShow = 16     ///< what `query` says is shown, but there is nothing to compare
};

struct Expected {
  std::string key;
  Value value;
  double tolerance = 1e-6;
  bool runs = false;     ///< a clock: it is ahead by what has passed
  bool at_most = false;  ///< a counter: this or less
};

/// What a setter makes of its arguments. Filled in by the row's function with the help of the members below.
class Making {
 public:
  const Arguments& args;
  Dialect dialect;
  const Facts& facts;           ///< what the inverter said just now
  const date::time_zone* zone;  ///< of the inverter's clock; null: UTC
  std::int64_t now_ns;          ///< when it last spoke
  std::string_view wire;        ///< the command's beginning
  std::string_view argument;    ///< the name of the first
  std::string key;              ///< where the setting is read back; empty: nowhere
  int unit;                     ///< of parallel ones; -1: none was given

  std::string command;             ///< what goes out
  std::vector<Expected> expected;  ///< what is read back then
  std::string allowed;             ///< what the inverter takes: "48.0 V to 58.4 V in steps of 0.1 V"
  std::string problem;             ///< not empty: it can't be sent, and why

  [[nodiscard]] bool infini() const { return dialect == Dialect::pi18; }
  [[nodiscard]] bool is(Dialects set) const { return has(set, dialect); }
  [[nodiscard]] bool fail(std::string why);
  /// 12, 24 or 48; 0: `problem` says that it is not known.
  int battery_volts();
  /// One of `allowed_now`, or a problem.
  bool voltage_in(int tenths, int low, int high);
  bool voltage_of(int tenths, std::span<const int> list);
  /// The argument in tenths, hundredths of a volt; -1: a problem.
  int tenths(int per_volt = 10);
  void number(int low, int high, int step, int digits, double scale = 1);
  void word(std::span<const Code> codes, int digits);
  void on_off(std::string_view on = "1", std::string_view off = "0");
  /// Voltages are the user's only with a battery type that leaves them to the user.
  bool voltages_are_free();
  /// Frequency, voltage and mode change only while nothing is fed.
  bool output_is_off();
  void charge_current(std::string_view list, std::string_view usual, std::string_view large);
  void expect(Value value) { expected.push_back({key, std::move(value)}); }
};

/// Of a row: there is none.
inline constexpr std::string_view kNone{};

struct Setter {
  std::string_view name;
  Dialects dialects;
  std::string_view wire, wire18;
  std::string_view argument;
  std::string_view query, query18;  ///< that shows the setting; empty: nothing does
  std::string_view key;
  std::uint8_t needs;
  std::uint8_t traits;
  Shown shown;
  void (*make)(Making&);
};

[[nodiscard]] std::span<const Setter> power_setters();
[[nodiscard]] std::span<const Setter> battery_setters();
[[nodiscard]] std::span<const Setter> device_setters();
/// Calls `f(const Setter&)` for each row until it returns true; whether one did.
template <class F>
bool any_setter(F&& f) {
  for (const auto table : {power_setters(), battery_setters(), device_setters()})
    for (const Setter& s : table)
      if (f(s)) return true;
  return false;
}

/// The numbers of a list as sent: "010 020 030".
[[nodiscard]] std::vector<int> numbers_of(std::string_view list);
/// "pi30, pi30max"
[[nodiscard]] std::string names_of(Dialects dialects);

}  // namespace mesura::axpert
