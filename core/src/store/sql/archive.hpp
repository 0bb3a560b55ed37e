// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sinks/rollup/levels.hpp"
#include "store/archive.hpp"
#include "store/sql/catalog.hpp"
#include "store/sql/session.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::store::sql {

class Stream;

/// What the sinks sqlite and mysql have written, in the layout that they share. The Session knows which it is.
///
/// Each call is a read transaction. Long ones are cut: after a second a new transaction goes on behind the last row, so
/// that the writer's WAL (or undo log) can be taken back.
class SqlArchive final : public Archive {
 public:
  SqlArchive(std::unique_ptr<Session> session, std::string site_zone);
  ~SqlArchive() override;

  [[nodiscard]] const std::vector<StoredSeries>& series() override;
  [[nodiscard]] const model::Zone& site_zone() override;
  void raw(std::span<const std::uint32_t> series, TimeRange range, const RawVisitor& visit) override;
  void rollups(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
               const RollupVisitor& visit) override;
  [[nodiscard]] bool covers(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range) override;
  [[nodiscard]] std::vector<TimeRange> behind(Resolution resolution, std::span<const std::uint32_t> series,
                                              TimeRange range) override;
  void states(std::uint32_t series, TimeRange range, const StateVisitor& visit) override;
  [[nodiscard]] std::optional<Sample> at_or_before(std::uint32_t series, std::int64_t time_ns) override;
  [[nodiscard]] std::optional<Sample> at_or_after(std::uint32_t series, std::int64_t time_ns) override;
  [[nodiscard]] std::vector<LatestValue> latest(std::span<const std::uint32_t> series) override;
  void quarters(const std::string& device, TimeRange range,
                const std::function<bool(const StoredQuarter& quarter)>& visit) override;
  [[nodiscard]] std::string describe() const override { return session_->describe(); }

 private:
  class Call;
  /// Series of a call that stand in one table.
  struct Group {
    std::uint32_t table = 0;
    std::int64_t member = 0;
    std::vector<std::pair<std::size_t, std::string>> columns;  ///< index in the call, column
  };
  struct Found {
    std::int64_t time_us;
    double value;
  };
  enum class Way : std::uint8_t { back, on };

  std::vector<Group> groups(std::span<const std::uint32_t> series);
  [[nodiscard]] std::string from_where(const Table& table, const std::string& name) const;
  void check_numbers(std::span<const std::uint32_t> series) const;
  void follow(std::vector<Stream>& streams, const std::function<bool(std::int64_t time_us)>& at);
  void read_cells(std::vector<Stream>& streams, std::int64_t time_us, std::span<Cell> cells, RollupRow& row) const;

  // The newest (oldest) value of one place within [from, to).
  std::optional<Found> find_raw(const Place& place, std::int64_t from_us, std::int64_t to_us, Way way);
  std::optional<Found> find_rollup(const Place& place, Level level, std::int64_t from_us, std::int64_t to_us, Way way);
  std::optional<Found> find(const Place& place, std::int64_t time_us, Way way);
  std::optional<Found> find_by_rollups(const Place& place, const Standing& standing, std::int64_t from_us,
                                       std::int64_t to_us, Way way);
  std::optional<Found> best(std::uint32_t series, std::int64_t time_us, Way way);
  struct Wanted;
  void latest_in_table(std::uint32_t table, std::vector<Wanted*>& wanted);
  void put_quality(std::vector<Wanted>& wanted);

  std::unique_ptr<Session> session_;
  Catalog catalog_;
  sinks::rollup::Calendar calendar_;
  std::optional<std::uint64_t> loaded_;  ///< generation of the catalog
  int depth_ = 0;
};

}  // namespace mesura::store::sql
