// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "store/archive.hpp"
#include "store/energy/tiles.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mesura::store::test {

/// An archive of one device in memory. Its rollups are worked out from its rows the slow way, with nothing of the
/// sinks' code.
class MemoryArchive final : public Archive {
 public:
  /// `cadence_s`: a row covers so much time.
  explicit MemoryArchive(model::Zone zone, double cadence_s = 1) : zone_(zone), cadence_s_(cadence_s) {}

  std::uint32_t add(const std::string& channel, const std::string& quantity, const std::string& unit,
                    Kind kind = Kind::gauge, const std::string& source = {}, const std::string& role = {});
  void put(std::int64_t time_ns, std::uint32_t series, double value);

  /// Rollups hold what lies before; nothing by default.
  void rolled_up_to(std::int64_t time_ns) { rolled_up_to_ = time_ns; }
  /// Raw rows before are gone, rollups stay.
  void expire_raw(std::int64_t before_ns) { expired_ = before_ns; }
  /// Raw rows that were visited.
  std::uint64_t visited = 0;

  [[nodiscard]] const std::vector<StoredSeries>& series() override { return series_; }
  [[nodiscard]] const model::Zone& site_zone() override { return zone_; }
  void raw(std::span<const std::uint32_t> series, TimeRange range, const RawVisitor& visit) override;
  void rollups(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
               const RollupVisitor& visit) override;
  [[nodiscard]] bool covers(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range) override;
  [[nodiscard]] std::vector<TimeRange> behind(Resolution resolution, std::span<const std::uint32_t> series,
                                              TimeRange range) override;
  void states(std::uint32_t, TimeRange, const StateVisitor&) override {}
  [[nodiscard]] std::optional<Sample> at_or_before(std::uint32_t series, std::int64_t time_ns) override;
  [[nodiscard]] std::optional<Sample> at_or_after(std::uint32_t series, std::int64_t time_ns) override;
  [[nodiscard]] std::vector<LatestValue> latest(std::span<const std::uint32_t>) override { return {}; }
  void quarters(const std::string&, TimeRange, const std::function<bool(const StoredQuarter&)>&) override {}
  [[nodiscard]] std::string describe() const override { return "memory"; }

 private:
  [[nodiscard]] const std::vector<KeptRow>& rows_of(Resolution resolution);

  model::Zone zone_;
  double cadence_s_;
  std::vector<StoredSeries> series_;
  std::map<std::int64_t, std::vector<double>> rows_;
  std::array<std::optional<std::vector<KeptRow>>, 5> rollups_;
  std::int64_t rolled_up_to_ = INT64_MIN;
  std::int64_t expired_ = INT64_MIN;
};

}  // namespace mesura::store::test
