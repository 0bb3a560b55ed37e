// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_machine.hpp"

#include <utility>

#include "virtual_calendar.hpp"
#include "virtual_house/parse.hpp"

namespace mesura::axpert::twin {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::vector<std::string> serials_from(const std::string& first, int units) {
  std::vector<std::string> all;
  for (int n = 0; n < units; ++n) all.push_back(virtual_house::serial_after(first, static_cast<std::uint32_t>(n)));
  return all;
}

std::uint64_t bit(int place) { return std::uint64_t{1} << static_cast<unsigned>(place); }

}  // namespace

Machine::Machine(const MachineSetup& setup)
    : model(setup.model),
      battery_volts(setup.battery_volts),
      qpigs_fields(setup.qpigs_fields),
      serials(serials_from(setup.serial, setup.units)),
      factory(factory_settings(*setup.model, setup.battery_volts, setup.units)),
      settings(factory),
      plant(setup.plant),
      clock_offset(setup.clock_offset),
      dust_proof_kit((setup.model->profile & (kKing | kMax)) != 0),
      now_s_(setup.plant.start) {
  settings.battery_type = setup.battery_type;
  if (plant.counting()) plant.count(0);
}

void Machine::advance(std::int64_t now_ns) {
  now_s_ = now_ns / kNanosecondsPerSecond;
  refresh();
}

std::uint64_t Machine::warning_bits() const {
  std::uint64_t bits = warnings;
  if (!automatic_warnings) return bits;
  const Live& l = live();
  if (fault_code != 0) bits |= bit(1);
  if (l.line_lost) bits |= bit(5);
  if (l.load_percent > 100) bits |= bit(16);
  if (l.battery_cv <= settings.under_dv * 10) bits |= bit(14);
  if (l.battery_cv <= settings.under_dv * 10 + 25 * blocks()) bits |= bit(12);
  if (in(kKing | kMax) && l.pv[0].dv == 0) bits |= bit(0);
  if (in(kKing | kMax) && settings.equalisation.active) bits |= bit(35);
  return bits;
}

std::optional<DayRange> day_range(std::string_view digits) {
  const auto value = read_digits(digits);
  if (!value) return std::nullopt;
  Date from;
  Date to;
  if (digits.size() == 4) {
    from = {*value, 1, 1};
    to = {*value + 1, 1, 1};
  } else if (digits.size() == 6) {
    from = {*value / 100, *value % 100, 1};
    if (from.month < 1 || from.month > 12) return std::nullopt;
    to = from.month == 12 ? Date{from.year + 1, 1, 1} : Date{from.year, from.month + 1, 1};
  } else if (digits.size() == 8) {
    from = {*value / 10'000, *value / 100 % 100, *value % 100};
    if (from.month < 1 || from.month > 12 || from.day < 1 || from.day > days_in_month(from.year, from.month))
      return std::nullopt;
    return DayRange{day_of(from), day_of(from) + 1};
  } else {
    return std::nullopt;
  }
  return DayRange{day_of(from), day_of(to)};
}

}  // namespace mesura::axpert::twin
