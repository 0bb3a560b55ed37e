// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "table.hpp"
#include "token.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::axpert {

/// A layout made ready for one dialect and one unit: which token becomes which series. Made once, run for each reply.
struct Plan {
  static constexpr SeriesId kUnresolved = MESURA_NO_SERIES - 1;
  static constexpr std::int8_t kNoBit = -1;

  /// A series that a reply may bring; resolved when it first does.
  struct Slot {
    std::string channel, quantity;
    std::string source;
    SeriesId id = kUnresolved;
  };
  /// What is done with one token.
  struct Op {
    const Field* field = nullptr;
    Form form = Form::none;
    Gate gate = Gate::none;
    Part part = Part::none;
    bool state = false;
    bool system = false;
    bool told = false;  ///< `last` (or `packed`) holds what was published
    bool fast = false;  ///< nothing but a number to be handed on, its series is `id`
    std::uint8_t decimals = 0;
    std::uint32_t multiply = 1;
    std::uint32_t slot = 0;  ///< the first of its series
    SeriesId id = kUnresolved;
    std::uint32_t last_size = 0;
    std::uint64_t last_packed = 0;
    std::string last;
  };
  struct BitSlot {
    std::uint8_t index;
    std::uint32_t slot;
  };

  /// unit: number of a parallel unit, or -1.
  Plan(const Layout& layout, Dialect dialect, int unit);

  /// What was published counts no more: the next reply is told whole.
  void forget();
  /// The operation for token `i`, beyond the documented ones too.
  Op& op(std::size_t i) { return i < ops.size() ? ops[i] : undocumented(i); }

  const Layout& layout;
  Dialect dialect;
  int unit;
  std::vector<Op> ops;
  std::vector<Slot> slots;
  std::vector<BitSlot> bit_slots;  ///< of all words of flags, each op's in a row
  struct Range {
    std::uint32_t first = 0, count = 0;
  };
  std::vector<Range> bit_ranges;  ///< by op
  std::int8_t solar_bit = kNoBit, grid_bit = kNoBit;
  std::uint32_t direct_current = 0, battery_power = 0, pv_power = 0, charge_source = 0;  ///< slots of what is derived

 private:
  void add(const Field& field, std::size_t token);
  std::uint32_t add_slot(std::string_view channel, std::string_view quantity, std::size_t token, bool system = false);
  void add_bits(const Field& field, std::size_t token);
  Op& undocumented(std::size_t i);
  [[nodiscard]] std::string channel_name(std::string_view channel, bool system) const;
};

}  // namespace mesura::axpert
