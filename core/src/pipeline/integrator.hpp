// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "model/register_value.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace mesura::pipeline {

/// Energy of power where the device has no register of its own: active_energy_import and active_energy_export of the
/// same channel, in Wh, beside each value of active_power that came.
///
/// A value that is a mean counts for the time since the one before; momentary values are joined by straight lines, and
/// a line through zero feeds both directions. Nothing is counted across a gap longer than three times the usual
/// interval. Import is what is taken, export what is given, on every channel: what a solar input produces is export.
/// A channel whose device sends such a register itself is left alone. Registers that a plugin integrates, because it
/// knows more than its powers tell (source `integrated`), begin at 0 with each of its sessions: here they are carried
/// on.
class Integrator {
 public:
  /// `series` must outlive the integrator.
  explicit Integrator(SeriesTable& series) : series_(series) {}

  /// Appends the registers to a batch that has powers to integrate.
  void apply(Batch& batch);

  /// The totals as text, to be kept over a restart, and back. A text that is not of this make changes nothing.
  [[nodiscard]] std::string save() const;
  void restore(const std::string& text);
  /// A register stood at least there when it was last stored: totals only grow.
  void raise(const model::RegisterValue& stored);
  /// Totals have changed since save() was called last.
  [[nodiscard]] bool changed() const { return changed_; }

 private:
  struct Totals {
    double import_wh = 0;
    double export_wh = 0;
  };
  struct State {
    Integration mode = Integration::none;
    bool positive_is_import = true;
    std::uint32_t import_series = 0;
    std::uint32_t export_series = 0;
    Totals* totals = nullptr;
    bool counted = false;  ///< some interval has been
    std::optional<std::int64_t> last_ns;
    double last_value = 0;
    std::int64_t first_ns = 0;
    std::int64_t usual_ns = 0;  ///< interval
    int odd_intervals = 0;      ///< in a row, that were no gap but a new usual
  };

  /// A register that restarts with its plugin's session.
  struct Carried {
    double* total = nullptr;  ///< what is published
    double last = 0;          ///< what the session said last
  };

  State* state_of(std::uint32_t series);
  void carry(Measurement& m, const SeriesInfo& info);
  void own_register(const SeriesInfo& info);
  void add(State& state, std::int64_t time_ns, double value);
  [[nodiscard]] static bool is_gap(State& state, std::int64_t interval_ns);

  SeriesTable& series_;
  std::vector<std::optional<std::optional<State>>> states_;  ///< by series; empty inside: not integrated
  std::map<std::string, Totals, std::less<>> totals_;        ///< by "device/channel"; addresses are stable
  std::map<std::string, bool, std::less<>> has_register_;    ///< "device/channel" that send one themselves
  std::unordered_map<std::uint32_t, Carried> carried_;       ///< by series
  mutable bool changed_ = false;
};

}  // namespace mesura::pipeline
