// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "units.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::dsmr_p1 {

/// A-B:C.D.E; the optional sixth group carries nothing and is dropped.
struct ObisCode {
  std::uint8_t a = 0, b = 0, c = 0, d = 0, e = 0;

  [[nodiscard]] constexpr std::uint64_t packed() const {
    return std::uint64_t{a} << 32U | std::uint64_t{b} << 24U | std::uint64_t{c} << 16U | std::uint64_t{d} << 8U | e;
  }
  bool operator==(const ObisCode&) const = default;
};

/// Reads a code at the front of `text` and removes it: groups of 1 to 3 digits up to 255, "A-B:C.D.E" with an optional
/// ".F" or
/// "*F"; ':' passes for the first '.', as printed in the 4.x documents and copied by some meters.
[[nodiscard]] std::optional<ObisCode> take_obis(std::string_view& text);

/// How the content of a line is read.
enum class Shape : std::uint8_t {
  number,       ///< decimal with unit
  count,        ///< decimal without unit
  limit,        ///< decimal with unit where a row of nines means "off"
  limiter,      ///< the same in W, VA or A
  on_off,       ///< integer, or ON or OFF
  tariff,       ///< number at the end of a text
  text,         ///< text as a series
  message,      ///< the same, where all FFh means nothing
  attribute,    ///< text as an attribute
  meter_time,   ///< the telegram's time stamp
  month_max,    ///< stamp and value, in either order
  history,      ///< 0-0:98.1.0: Belgian peaks or Hungarian registers
  failure_log,  ///< 1-0:99.97.0
  limit_pair,   ///< Luxembourg's import and export thresholds
  profile_row,  ///< Israel's last load-profile row
  mbus_type,
  mbus_serial,
  mbus_ean,
  mbus_valve,
  mbus_reading,  ///< (stamp)(value*unit)
  mbus_profile,  ///< (stamp)(status)(period)(count)(code)(unit)(value)...
  paper_reading  ///< DSMR 2.2 paper objects: either of the two above, of one medium
};

enum class Attribute : std::uint8_t {
  serial,
  ean,
  logical_device_name,
  protocol_version,
  firmware_version,
  firmware_signature,
  firmware_module_version,
  firmware_module_signature,
  gas_serial,
  water_serial
};
inline constexpr std::size_t kAttributes = 10;
[[nodiscard]] std::string_view name(Attribute attribute);

enum class Kind : std::uint8_t { gauge, counter, state };

/// A series that this meter can have; which of them it has shows in its telegrams.
struct Field {
  std::string channel;
  std::string_view quantity;
  std::string code;  ///< OBIS code, or what it is computed from
  Kind kind = Kind::gauge;
};
using FieldId = std::uint16_t;

using RowId = std::uint16_t;
inline constexpr RowId kNoRow = 0xFFFF;

/// A known code.
struct Row {
  ObisCode code;
  Shape shape = Shape::number;
  Unit unit = Unit::none;
  FieldId field = 0;         ///< the first of its fields
  std::uint8_t channel = 0;  ///< M-Bus channel, or rank of an attribute (the lowest wins)
  Attribute attribute{};
};

/// What an M-Bus channel can measure, as offsets from its first field.
enum class Medium : std::uint8_t { gas, water, other_volume, heat, cold, electricity };
inline constexpr std::size_t kMedia = 6;
inline constexpr std::size_t kMbusChannels = 4;

/// Fields that are computed or that more than one row fills.
struct SpecialFields {
  FieldId active_power[4], reactive_power[4];  ///< total, l1, l2, l3
  FieldId active_energy_import, active_energy_export;
  FieldId active_demand_import_month_max;
  FieldId power_failure_duration;
  FieldId raw_telegram;
  FieldId month_end_registers;
  FieldId mbus_type[kMbusChannels], mbus_valve[kMbusChannels];
  FieldId mbus_medium[kMbusChannels];  ///< field of Medium m on channel n: mbus_medium[n - 1] + m
};

/// The codes of every dialect; see obis_table.cpp for the rows.
class ObisTable {
 public:
  /// Built once per process.
  [[nodiscard]] static const ObisTable& instance();

  /// The row of a code, or kNoRow. `israeli`: tariff registers 11 to 13 are t1 to t3.
  [[nodiscard]] RowId find(const ObisCode& code, bool israeli) const;
  [[nodiscard]] const Row& row(RowId id) const { return rows_[id]; }
  [[nodiscard]] std::size_t row_count() const { return rows_.size(); }
  [[nodiscard]] const Field& field(FieldId id) const { return fields_[id]; }
  [[nodiscard]] std::size_t field_count() const { return fields_.size(); }
  [[nodiscard]] const SpecialFields& special() const { return special_; }
  /// Rows of the energy registers 1.8.t or 2.8.t (first..last) and the row of their total.
  struct TariffRows {
    RowId total, first, last;
  };
  [[nodiscard]] TariffRows tariff_rows(bool exported) const { return tariffs_[exported ? 1 : 0]; }
  /// Row of import (or export) power: phase 0 is the total; `reactive` for the powers in var.
  [[nodiscard]] RowId power_row(bool reactive, bool exported, std::size_t phase) const {
    return power_rows_[reactive ? 1 : 0][exported ? 1 : 0][phase];
  }
  /// Of a row that stands for the Swiss group B = 1: the same object with B = 0; else kNoRow.
  [[nodiscard]] RowId plain_twin(RowId id) const { return twins_[id]; }

 private:
  struct Spec;
  static const Spec kTable[];

  ObisTable();
  FieldId add_field(std::string channel, std::string_view quantity, std::string code, Kind kind);
  void add_row(const Row& row);
  void expand(const Spec& spec);
  void add_spec(const Spec& spec, const ObisCode& code, std::string channel);
  void add_mbus();
  void link();
  void link_powers(bool reactive, std::string_view quantity, FieldId (&net)[4]);
  [[nodiscard]] RowId must_find(const ObisCode& code) const;
  [[nodiscard]] std::optional<FieldId> find_field(std::string_view channel, std::string_view quantity) const;

  std::vector<Row> rows_;
  std::vector<Field> fields_;
  std::vector<RowId> hash_;
  std::vector<RowId> twins_;
  SpecialFields special_{};
  TariffRows tariffs_[2]{};
  RowId power_rows_[2][2][4]{};
};

}  // namespace mesura::dsmr_p1
