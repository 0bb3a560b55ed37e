// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual inverter behind its protocol: what it knows, and what it answers to each command. No bytes, no time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_fields.hpp"
#include "virtual_models.hpp"
#include "virtual_plant.hpp"
#include "virtual_settings.hpp"

namespace mesura::axpert::twin {

struct MachineSetup {
  const ModelInfo* model = nullptr;
  int battery_volts = 48;
  int battery_type = 2;
  int qpigs_fields = 21;
  int units = 1;
  std::string serial;  ///< of unit 0; the others count on
  std::int64_t clock_offset = 0;
  PlantSetup plant;
};

class Machine {
 public:
  explicit Machine(const MachineSetup& setup);

  /// Lives up to now; before every command.
  void advance(std::int64_t now_ns);
  /// Measures anew at the instant of the last command.
  void refresh() { plant.advance(now_s_, clock_offset, settings, fault_code); }
  [[nodiscard]] std::int64_t clock_seconds() const { return now_s_ + clock_offset; }
  [[nodiscard]] const Live& live() const { return plant.live(); }
  [[nodiscard]] bool in(unsigned profiles) const { return (model->profile & profiles) != 0; }
  [[nodiscard]] int units() const { return static_cast<int>(serials.size()); }
  [[nodiscard]] int blocks() const { return battery_volts / 12; }
  /// One bit per place in QPIWS: what was set from outside and what the machine notices itself.
  [[nodiscard]] std::uint64_t warning_bits() const;

  const ModelInfo* model;
  int battery_volts;
  int qpigs_fields;
  std::vector<std::string> serials;
  Settings factory;
  Settings settings;
  Plant plant;
  std::int64_t clock_offset;  ///< of the inverter's clock against UTC, s
  std::uint64_t warnings = 0;
  bool automatic_warnings = true;
  int fault_code = 0;
  bool configuration_changed = false;
  bool dust_proof_kit;
  bool test_mode = false;                                  ///< ATE
  bool dash = false;                                       ///< QPIRI writes `-` where a unit without parallel card does
  bool odd_flags = false;                                  ///< QFLAG with letters that nobody knows
  std::int64_t count = 0;                                  ///< QPIGS replies so far
  std::map<std::string, std::string, std::less<>> canned;  ///< command -> payload played instead of an answer

 private:
  std::int64_t now_s_;
};

/// The payload of a reply without its first byte, framing and checksum.
struct Answer {
  std::string text;
  std::vector<Truth> truth;
  bool chk = false;  ///< REVO: the one-byte checksum
};

/// Nothing: the model does not know the query, or the query asks for what does not exist (a NAK).
[[nodiscard]] std::optional<Answer> answer_query(Machine& machine, std::string_view command);

enum class SetResult { unknown, accepted, refused };
/// An accepted setter has changed the machine; b6 of the status stays set until QPIRI is read.
[[nodiscard]] SetResult apply_setter(Machine& machine, std::string_view command);

/// PI18: `command` is what stands between the length and the checksum.
[[nodiscard]] std::optional<Answer> answer_pi18_query(Machine& machine, std::string_view command);
[[nodiscard]] SetResult apply_pi18_setter(Machine& machine, std::string_view command);

// Parts of answer_query, by topic.
[[nodiscard]] Answer general_status(Machine& machine);                    // QPIGS
[[nodiscard]] Answer general_status2(const Machine& machine);             // QPIGS2
[[nodiscard]] Answer parallel_status(const Machine& machine, int unit);   // QPGSn
[[nodiscard]] Answer parallel_status2(const Machine& machine, int unit);  // QP2GSn
[[nodiscard]] Answer working_mode(const Machine& machine);                // QMOD
[[nodiscard]] Answer warning_status(const Machine& machine);              // QPIWS
[[nodiscard]] Answer ratings(Machine& machine);                           // QPIRI
[[nodiscard]] Answer flags(const Machine& machine);                       // QFLAG
[[nodiscard]] Answer factory_defaults(const Machine& machine);            // QDI
[[nodiscard]] Answer revo_status(Machine& machine);                       // QALL
/// QET, QEY..., QLT...: `from`, `to` in days of the inverter's clock; nothing for an impossible date.
struct DayRange {
  std::int64_t from;
  std::int64_t to;
};
[[nodiscard]] std::optional<DayRange> day_range(std::string_view digits);

}  // namespace mesura::axpert::twin
