// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/godenerg.hpp"

#include "config/text.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>

namespace mesura::store {

namespace {

using Type = OldColumn::Type;
constexpr std::int64_t kSecond = 1'000'000'000;

/// What godenerg calls the modes (axpert sheet, QMOD).
std::string_view mode_code(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kCodes{{{"power_on", "PM"},
                                                                                        {"standby", "SB"},
                                                                                        {"line", "LN"},
                                                                                        {"battery", "BT"},
                                                                                        {"fault", "FA"},
                                                                                        {"power_saving", "PS"}}};
  for (const auto& [name, code] : kCodes)
    if (name == word) return code;
  return word.empty() ? std::string_view{} : "00";
}

/// What only QPIGS tells: a row that has one of them is a reply to it.
bool is_of_qpigs(const OldColumn& column) {
  return column.name == "grid_volt" || column.name == "ac_volt" || column.name == "batt_volt";
}

class Writer final : public ExportWriter {
 public:
  Writer(Archive& archive, const std::vector<StoredSeries>& series, const ExportOptions& options)
      : archive_(archive), json_(options.form == ExportForm::godenerg_json) {
    const auto& all = godenerg_columns();
    if (options.old_columns.empty()) {
      for (const OldColumn& column : all) columns_.push_back({&column, {}});
    }
    for (const std::string& name : options.old_columns) {
      const auto found = std::find_if(all.begin(), all.end(), [&](const OldColumn& c) { return c.name == name; });
      if (found == all.end()) {
        std::vector<std::string> names;
        for (const OldColumn& c : all) names.emplace_back(c.name);
        throw StoreError(
            StoreError::Cause::question,
            fmt::format("exp-column: the table of godenerg has no column {}\n  expected  {}{}{}", config::quote(name),
                        config::joined(names), config::did_you_mean(name, names).empty() ? "" : "\n  hint      ",
                        config::did_you_mean(name, names)));
      }
      columns_.push_back({&*found, {}});
    }
    for (std::size_t i = 0; i < series.size(); ++i) {
      const SeriesInfo& info = series[i].info;
      ids_.push_back(info.id);
      // The sink keeps our sign; the table has the wire's.
      factors_.push_back(info.negated ? -1.0 : 1.0);
      states_.push_back(series[i].stored_as_state);
      for (const OldColumn& c : all)
        if (is_of_qpigs(c) && c.channel == info.channel && c.quantity == info.quantity) signs_of_reply_.push_back(i);
      for (Column& column : columns_) {
        const OldColumn& c = *column.what;
        if (c.channel == info.channel && !c.quantity.empty() &&
            (c.quantity == info.quantity || c.other_quantity == info.quantity))
          column.from.push_back(i);
      }
    }
    const auto time =
        std::find_if(columns_.begin(), columns_.end(), [](const Column& c) { return c.what->type == Type::time; });
    time_column_ = static_cast<std::size_t>(time - columns_.begin());
    numbers_.assign(series.size(), std::numeric_limits<double>::quiet_NaN());
    last_texts_.resize(series.size());
  }

  [[nodiscard]] bool resumable() const override { return !json_ && time_column_ < columns_.size(); }
  [[nodiscard]] std::optional<Found> place_of(std::string_view line) const override {
    for (std::size_t i = 0; i < time_column_; ++i) {
      const auto next = line.find(';');
      if (next == std::string_view::npos) return std::nullopt;
      line.remove_prefix(next + 1);
    }
    line = line.substr(0, line.find(';'));
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), seconds);
    constexpr std::int64_t kMost = INT64_MAX / kSecond;
    if (error != std::errc{} || end != line.data() + line.size() || seconds < -kMost || seconds > kMost)
      return std::nullopt;
    return Found{0, seconds * kSecond};
  }

  void begin(sinks::csv::Buffer& out) override {
    if (json_) out.append('[');
  }
  void part(std::size_t, std::size_t, std::int64_t from_ns, bool continued) override {
    if (continued) first_ = false;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (!states_[i]) continue;
      archive_.states(ids_[i], {from_ns, from_ns + 1}, [&](const StatePoint& point) {
        numbers_[i] = point.number;
        last_texts_[i] = point.text;
        return false;
      });
    }
  }

  std::uint64_t row(sinks::csv::Buffer& out, const MergedRow& row) override {
    for (std::size_t i = 0; i < row.numbers.size(); ++i) {
      // Gauges are those of this reply; states hold until they change.
      if (!states_[i] || std::isfinite(row.numbers[i])) numbers_[i] = row.numbers[i];
      if (!row.texts.empty() && row.texts[i].data() != nullptr) last_texts_[i] = row.texts[i];
    }
    if (std::none_of(signs_of_reply_.begin(), signs_of_reply_.end(),
                     [&](std::size_t i) { return std::isfinite(row.numbers[i]); }))
      return 0;
    line_.clear();
    if (!std::exchange(first_, false)) line_ += json_ ? "," : "\n";
    if (json_) line_ += '[';
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) line_ += json_ ? ',' : ';';
      cell(columns_[c], row.time_ns);
    }
    if (json_) line_ += ']';
    out.append(line_);
    return columns_.size();
  }
  void end(sinks::csv::Buffer& out) override {
    if (json_) out.append(']');
  }

 private:
  struct Column {
    const OldColumn* what;
    std::vector<std::size_t> from;  ///< series that it may come from
  };

  void none() {
    if (json_) line_ += "null";
  }
  void text(std::string_view value) {
    if (json_)
      runtime::append_json_string(line_, value);
    else
      line_ += value;
  }
  void cell(const Column& column, std::int64_t time_ns) {
    if (column.what->type == Type::time) {
      fmt::format_to(std::back_inserter(line_), "{}", (time_ns - ((time_ns % kSecond) + kSecond) % kSecond) / kSecond);
      return;
    }
    for (const std::size_t i : column.from) {
      if (column.what->type == Type::text) {
        if (column.what->name == "mode" && !last_texts_[i].empty()) return text(mode_code(last_texts_[i]));
        // Two digits of 10 mV on the wire.
        if (column.what->name == "mask_b" && std::isfinite(numbers_[i]))
          return text(fmt::format("{:02}", std::lround(numbers_[i] * 100)));
        if (!last_texts_[i].empty()) return text(last_texts_[i]);
        continue;
      }
      if (!std::isfinite(numbers_[i])) continue;
      double value = numbers_[i] * factors_[i];
      if (value == 0) value = 0;  // no "-0"
      char number[sinks::csv::kNumberRoom];
      const std::string_view digits{number, static_cast<std::size_t>(sinks::csv::write_number(number, value) - number)};
      line_ += digits;
      if (column.what->type == Type::real && digits.find_first_of(".e") == std::string_view::npos) line_ += ".0";
      return;
    }
    none();
  }

  Archive& archive_;
  bool json_;
  std::vector<Column> columns_;
  std::size_t time_column_ = 0;
  std::vector<std::uint32_t> ids_;
  std::vector<double> factors_;
  std::vector<bool> states_;
  std::vector<std::size_t> signs_of_reply_;
  std::vector<double> numbers_;
  std::vector<std::string> last_texts_;
  std::string line_;
  bool first_ = true;
};

}  // namespace

const std::vector<OldColumn>& godenerg_columns() {
  static const std::vector<OldColumn> kColumns{
      {"datetime", Type::time, "", ""},
      {"grid_volt", Type::real, "grid", "voltage"},
      {"grid_freq", Type::real, "grid", "frequency"},
      {"ac_volt", Type::real, "ac_output", "voltage"},
      {"ac_freq", Type::real, "ac_output", "frequency"},
      {"ac_va", Type::integer, "ac_output", "apparent_power"},
      {"ac_watt", Type::integer, "ac_output", "active_power"},
      {"load_percent", Type::integer, "ac_output", "load_level"},
      {"bus_volt", Type::integer, "bus", "voltage"},
      {"batt_volt", Type::real, "battery", "voltage"},
      {"batt_charge_amps", Type::integer, "battery", "charge_current"},
      {"batt_capacity", Type::integer, "battery", "state_of_charge"},
      {"temp", Type::integer, "heatsink", "temperature"},
      {"pv_amps", Type::integer, "pv1", "charge_current", "current"},
      {"pv_volts", Type::real, "pv1", "voltage"},
      {"batt_volt_scc", Type::real, "scc1", "voltage"},
      {"batt_discharge_amps", Type::integer, "battery", "discharge_current"},
      {"raw_status", Type::text, "total", "device_status"},
      {"mask_b", Type::text, "fan", "fan_on_voltage_offset"},
      {"mask_c", Type::text, "", ""},  // the EEPROM's version: a fact that sinks don't keep
      {"pv_watts", Type::integer, "pv1", "active_power"},
      {"mask_d", Type::text, "total", "device_status2"},
      {"mode", Type::text, "total", "operating_mode"},
  };
  return kColumns;
}

std::vector<StoredSeries> godenerg_series(const std::vector<StoredSeries>& all,
                                          const std::vector<StoredSeries>& chosen) {
  std::set<std::string> devices;
  for (const StoredSeries& s : chosen) devices.insert(s.info.device);
  if (devices.size() != 1)
    throw StoreError(StoreError::Cause::question,
                     fmt::format("exp-layout: the layout of godenerg holds one inverter\n  expected  the name of one "
                                 "device\n  got       {}",
                                 config::joined({devices.begin(), devices.end()})));
  std::vector<StoredSeries> out;
  bool reply = false;
  for (const StoredSeries& s : all) {
    if (s.info.device != *devices.begin()) continue;
    for (const OldColumn& c : godenerg_columns()) {
      if (c.quantity.empty() || c.channel != s.info.channel) continue;
      if (c.quantity != s.info.quantity && c.other_quantity != s.info.quantity) continue;
      out.push_back(s);
      reply = reply || is_of_qpigs(c);
      break;
    }
  }
  if (!reply)
    throw StoreError(StoreError::Cause::question,
                     fmt::format("exp-layout: {} is no inverter that the layout of godenerg could hold\n  expected  a "
                                 "device with grid/voltage, ac_output/voltage or battery/voltage",
                                 *devices.begin()));
  return out;
}

std::unique_ptr<ExportWriter> make_godenerg_writer(Archive& archive, const std::vector<StoredSeries>& series,
                                                   const ExportOptions& options) {
  return std::make_unique<Writer>(archive, series, options);
}

}  // namespace mesura::store
