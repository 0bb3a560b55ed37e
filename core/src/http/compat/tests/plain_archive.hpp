// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The file of a sqlite sink as the routes ask it, read with plain SQL: nothing of the store's own code.
#pragma once

#include "database/sqlite.hpp"
#include "store/archive.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace mesura::http::test {

class PlainArchive final : public store::Archive {
 public:
  explicit PlainArchive(const std::filesystem::path& path) : db_(path, database::Database::Open::existing) {}

  const std::vector<store::StoredSeries>& series() override {
    auto rows = db_.prepare(
        "SELECT device, channel, quantity, unit, role, table_name, column_name, kind FROM series ORDER BY id");
    series_.clear();
    columns_.clear();
    while (rows.step()) {
      store::StoredSeries s;
      s.info.id = static_cast<std::uint32_t>(series_.size());
      s.info.device = rows.text(0);
      s.info.channel = rows.text(1);
      s.info.quantity = rows.text(2);
      s.info.unit = rows.text(3);
      s.info.role = rows.text(4);
      s.stored_as_state = rows.text(5) == "states";
      columns_.push_back({rows.text(5), rows.text(6)});
      series_.push_back(std::move(s));
    }
    return series_;
  }
  const model::Zone& site_zone() override { return zone_; }

  void raw(std::span<const std::uint32_t> series, store::TimeRange range, const RawVisitor& visit) override {
    std::string columns, any;
    for (const std::uint32_t id : series) {
      const std::string name = database::quote_name(columns_.at(id).column);
      columns += ", " + name;
      any += (any.empty() ? "" : " OR ") + name + " IS NOT NULL";
    }
    auto rows = db_.prepare(fmt::format("SELECT time{} FROM {} WHERE time >= ?1 AND time < ?2 AND ({}) ORDER BY time",
                                        columns, database::quote_name(columns_.at(series[0]).table), any));
    rows.bind(1, up(range.from_ns));
    rows.bind(2, up(range.to_ns));
    std::vector<double> values(series.size());
    while (rows.step()) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const int column = static_cast<int>(i) + 1;
        values[i] = rows.is_null(column) ? std::numeric_limits<double>::quiet_NaN() : rows.number(column);
      }
      if (!visit({rows.integer(0) * 1000, values})) return;
    }
  }
  void quarters(const std::string& device, store::TimeRange range,
                const std::function<bool(const store::StoredQuarter&)>& visit) override {
    auto rows = db_.prepare(
        "SELECT time, quarter_id, average_w, samples, import_w, export_w FROM quarters WHERE device = ?1 AND "
        "time >= ?2 AND time < ?3 ORDER BY time");
    rows.bind(1, device);
    rows.bind(2, up(range.from_ns));
    rows.bind(3, up(range.to_ns));
    while (rows.step()) {
      if (!visit({rows.integer(0) * 1000, static_cast<std::int32_t>(rows.integer(1)), rows.integer(2),
                  static_cast<std::uint64_t>(rows.integer(3)), rows.text(4), rows.text(5)}))
        return;
    }
  }

  void rollups(store::Resolution, std::span<const std::uint32_t>, store::TimeRange, const RollupVisitor&) override {}
  bool covers(store::Resolution, std::span<const std::uint32_t>, store::TimeRange) override { return false; }
  void states(std::uint32_t, store::TimeRange, const StateVisitor&) override {}
  std::optional<store::Sample> at_or_before(std::uint32_t, std::int64_t) override { return std::nullopt; }
  std::optional<store::Sample> at_or_after(std::uint32_t, std::int64_t) override { return std::nullopt; }
  std::vector<store::LatestValue> latest(std::span<const std::uint32_t>) override { return {}; }
  [[nodiscard]] std::string describe() const override { return "plain SQL"; }

 private:
  struct Column {
    std::string table, column;
  };
  static std::int64_t up(std::int64_t ns) { return ns / 1000 + (ns % 1000 > 0 ? 1 : 0); }

  database::Database db_;
  model::Zone zone_ = model::Zone::utc();
  std::vector<store::StoredSeries> series_;
  std::vector<Column> columns_;
};

}  // namespace mesura::http::test
