// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/tests/rollup_check.hpp"

#include "model/zones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mesura::sinks::test {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

struct Raw {
  std::vector<std::string> columns;
  // device -> time -> values
  std::map<std::int64_t, std::map<std::int64_t, std::vector<std::optional<double>>>> rows;
};

Raw read_raw(const database::Database& db, const std::string& source) {
  Raw raw;
  database::Statement names =
      db.prepare("SELECT name FROM pragma_table_info('" + source + "') WHERE name NOT IN ('time', 'device_id')");
  while (names.step()) raw.columns.push_back(names.text(0));
  const bool fleet =
      db.integer("SELECT count(*) FROM pragma_table_info('" + source + "') WHERE name = 'device_id'") > 0;
  std::string list = fleet ? "time, device_id" : "time, 0";
  for (const std::string& c : raw.columns) list += ", " + database::quote_name(c);
  database::Statement rows = db.prepare("SELECT " + list + " FROM " + database::quote_name(source));
  while (rows.step()) {
    auto& values = raw.rows[rows.integer(1)][rows.integer(0)];
    for (std::size_t i = 0; i < raw.columns.size(); ++i) {
      const int at = static_cast<int>(i) + 2;
      values.push_back(rows.is_null(at) ? std::nullopt : std::optional{rows.number(at)});
    }
  }
  return raw;
}

std::int64_t floor_to(std::int64_t time, std::int64_t unit) { return time - ((time % unit) + unit) % unit; }

std::int64_t start_of(std::int64_t time, const std::string& level, const model::Zone& zone) {
  if (level == "1m") return floor_to(time, kMinute);
  if (level == "15m") return floor_to(time, 15 * kMinute);
  if (level == "1h") return floor_to(time, 60 * kMinute);
  return zone.day(time * 1000).start_ns / 1000;
}

std::int64_t length_of(std::int64_t start, const std::string& level, const model::Zone& zone) {
  if (level == "1m") return kMinute;
  if (level == "15m") return 15 * kMinute;
  if (level == "1h") return 60 * kMinute;
  return zone.day(start * 1000).end_ns / 1000 - start;
}

std::int64_t middle(std::vector<std::int64_t> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

double minute_covered(const std::vector<std::int64_t>& times, std::int64_t start) {
  if (times.size() == 1) return kMinute;
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  const std::int64_t usual = middle(steps);
  std::int64_t sum = std::min(times.front() - start, usual) + std::min(start + kMinute - times.back(), usual);
  for (const std::int64_t s : steps) sum += s <= 3 * usual ? s : 0;
  return static_cast<double>(sum);
}

// Covered time of a quarter hour: of its minutes, and of what lies between them where rows are that rare.
double quarter_covered(const std::map<std::int64_t, std::vector<std::int64_t>>& minutes, std::int64_t start) {
  double sum = 0;
  std::size_t rows = 0;
  std::vector<std::int64_t> steps;
  std::optional<std::int64_t> before;
  for (const auto& [minute, times] : minutes) {
    sum += minute_covered(times, minute);
    rows += times.size();
    if (before) steps.push_back(minute - *before);
    before = minute;
  }
  if (minutes.size() > 1 && rows <= 2 * minutes.size()) {
    const std::int64_t usual = middle(steps);
    for (const std::int64_t s : steps) sum += s <= 3 * usual ? static_cast<double>(s - kMinute) : 0;
    sum += static_cast<double>(std::min(minutes.begin()->first - start, usual - kMinute));
    sum += static_cast<double>(std::min(start + 15 * kMinute - minutes.rbegin()->first - kMinute, usual - kMinute));
  }
  return std::min(sum, 15.0 * kMinute);
}

double rounded(double v) { return std::round(v * 1e6) / 1e6; }

}  // namespace

RollupRows stored_rollups(const database::Database& db, const std::string& table) {
  RollupRows out;
  const bool fleet = db.integer("SELECT count(*) FROM pragma_table_info('" + table + "') WHERE name = 'device_id'") > 0;
  std::vector<std::string> columns;
  database::Statement names =
      db.prepare("SELECT name FROM pragma_table_info('" + table + "') WHERE name NOT IN ('time', 'device_id')");
  while (names.step()) columns.push_back(names.text(0));
  std::string list = fleet ? "time, device_id" : "time, 0";
  for (const std::string& c : columns) list += ", " + database::quote_name(c);
  database::Statement rows = db.prepare("SELECT " + list + " FROM " + database::quote_name(table));
  while (rows.step()) {
    RollupRow& row = out[{rows.integer(0), rows.integer(1)}];
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const int at = static_cast<int>(i) + 2;
      row[columns[i]] = rows.is_null(at) ? std::nullopt : std::optional{rounded(rows.number(at))};
    }
  }
  return out;
}

RollupRows expected_rollups(const database::Database& db, const std::string& source, const std::string& level,
                            const std::vector<std::string>& registers, const std::string& zone_name) {
  const model::Zone zone = *model::Zone::find(zone_name);
  const Raw raw = read_raw(db, source);
  RollupRows out;
  for (const auto& [device, rows] : raw.rows) {
    std::map<std::int64_t, std::map<std::int64_t, std::map<std::int64_t, std::vector<std::int64_t>>>> times;
    for (const auto& [time, values] : rows) {
      times[start_of(time, level, zone)][floor_to(time, 15 * kMinute)][floor_to(time, kMinute)].push_back(time);
    }
    for (const auto& [start, quarters] : times) {
      RollupRow& row = out[{start, device}];
      double covered = 0;
      double count = 0;
      for (const auto& [quarter, minutes] : quarters) {
        for (const auto& [minute, list] : minutes) count += static_cast<double>(list.size());
        covered += level == "1m" ? minute_covered(minutes.begin()->second, start) : quarter_covered(minutes, quarter);
      }
      row["count"] = count;
      row["completeness"] = rounded(covered / static_cast<double>(length_of(start, level, zone)));
    }
    for (std::size_t c = 0; c < raw.columns.size(); ++c) {
      const std::string& name = raw.columns[c];
      const bool reg = std::find(registers.begin(), registers.end(), name) != registers.end();
      struct Sums {
        double sum = 0, min = INFINITY, max = -INFINITY, last = 0, delta = 0, count = 0;
      };
      std::map<std::int64_t, Sums> sums;
      std::optional<double> before;
      for (const auto& [time, values] : rows) {
        if (!values[c]) continue;
        const double v = *values[c];
        Sums& s = sums[start_of(time, level, zone)];
        s.sum += v;
        s.min = std::min(s.min, v);
        s.max = std::max(s.max, v);
        s.last = v;
        s.count += 1;
        if (before && v > *before) s.delta += v - *before;
        before = v;
      }
      for (auto& [key, row] : out) {
        if (key.second != device) continue;
        const auto s = sums.find(key.first);
        const bool has = s != sums.end();
        const auto put = [&](const std::string& column, double value) {
          row[column] = has ? std::optional{rounded(value)} : std::nullopt;
        };
        const Sums v = has ? s->second : Sums{};
        if (reg) {
          put(name, v.last);
          put(name + "_delta", v.delta);
        } else {
          put(name, v.sum / v.count);
          put(name + "_min", v.min);
          put(name + "_max", v.max);
          put(name + "_last", v.last);
        }
        row[name + "_count"] = has && v.count != *row["count"] ? std::optional{v.count} : std::nullopt;
      }
    }
  }
  return out;
}

std::string difference(const RollupRows& got, const RollupRows& expected) {
  const auto show = [](const std::optional<double>& v) { return v ? fmt::format("{}", *v) : std::string{"NULL"}; };
  for (const auto& [key, row] : expected) {
    const auto found = got.find(key);
    if (found == got.end()) return fmt::format("no row at {} of {}", key.first, key.second);
    for (const auto& [column, value] : row) {
      const auto at = found->second.find(column);
      const std::optional<double> has = at != found->second.end() ? at->second : std::nullopt;
      if (has.has_value() == value.has_value() && (!has || std::abs(*has - *value) <= 2e-6 * (1 + std::abs(*value)))) {
        continue;
      }
      return fmt::format("{} at {} of {}: expected {}, got {}", column, key.first, key.second, show(value), show(has));
    }
  }
  for (const auto& [key, row] : got) {
    if (!expected.contains(key)) return fmt::format("a row too many at {} of {}", key.first, key.second);
  }
  return {};
}

std::string rollups_differ(const database::Database& db, const std::string& source,
                           const std::vector<std::string>& registers, const std::string& zone) {
  for (const char* level : {"1m", "15m", "1h", "1d"}) {
    const std::string table = source + "_" + level;
    if (db.integer("SELECT count(*) FROM sqlite_schema WHERE name = '" + table + "'") == 0)
      return table + " is missing";
    const std::string wrong =
        difference(stored_rollups(db, table), expected_rollups(db, source, level, registers, zone));
    if (!wrong.empty()) return table + ": " + wrong;
  }
  return {};
}

}  // namespace mesura::sinks::test
