// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/store.hpp>

#include "config/value.hpp"
#include "model/zones.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mesura::store {

/// A row of raw values, in the order of the series asked for; NaN where there is none.
struct RawRow {
  std::int64_t time_ns;
  std::span<const double> values;
};

/// One series in one window.
struct Cell {
  std::uint64_t count = 0;            ///< 0: nothing came, and nothing else is meant
  double mean = 0, min = 0, max = 0;  ///< of a gauge
  double last = 0;
  double delta = 0;  ///< of a register: the sum of its steps upward, the one into the window included
};

struct RollupRow {
  TimeRange window;
  std::uint64_t count;          ///< raw rows of the device
  double completeness;          ///< 0..1
  std::span<const Cell> cells;  ///< in the order of the series asked for
};

struct Sample {
  std::int64_t time_ns = 0;
  double value = 0;
};

/// A quarter hour in five-second steps, as the sqlite and mysql sinks keep them (their table `quarters`).
struct StoredQuarter {
  std::int64_t start_ns = 0;
  std::int32_t quarter_id = 0;
  std::int64_t average_w = 0;
  std::uint64_t samples = 0;
  std::string import_w;  ///< JSON array: whole watts or null
  std::string export_w;  ///< the same, plus for export
};

/// What the store asks of one kind of database. Read-only; never keeps the writer waiting; each call sees what is
/// committed when it begins. Throws StoreError.
class Archive {
 public:
  Archive() = default;
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  virtual ~Archive() = default;

  /// Everything stored, new series included; `info.id` is the index and stays what it is.
  [[nodiscard]] virtual const std::vector<StoredSeries>& series() = 0;
  [[nodiscard]] virtual const model::Zone& site_zone() = 0;

  using RawVisitor = std::function<bool(const RawRow& row)>;          ///< false: enough
  using RollupVisitor = std::function<bool(const RollupRow& row)>;    ///< false: enough
  using StateVisitor = std::function<bool(const StatePoint& point)>;  ///< false: enough

  /// Rows in the range by time that have a value of any of these series, which are of one device and not states.
  virtual void raw(std::span<const std::uint32_t> series, TimeRange range, const RawVisitor& visit) = 0;
  /// Windows that start in the range, by time. Not for Resolution::raw.
  virtual void rollups(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range,
                       const RollupVisitor& visit) = 0;
  /// Whether the rows of this resolution hold the range for these series: kept at all, not expired, not behind. The
  /// running window and what is pending count as behind.
  [[nodiscard]] virtual bool covers(Resolution resolution, std::span<const std::uint32_t> series, TimeRange range) = 0;
  /// What of the range the rows of this resolution do not hold: whole windows, by time, so that an answer can be put
  /// together. Of Resolution::raw: what has expired.
  [[nodiscard]] virtual std::vector<TimeRange> behind(Resolution resolution, std::span<const std::uint32_t> series,
                                                      TimeRange range) {
    return covers(resolution, series, range) ? std::vector<TimeRange>{} : std::vector<TimeRange>{range};
  }
  /// Changes in the range by time, before them the one that holds at its beginning.
  virtual void states(std::uint32_t series, TimeRange range, const StateVisitor& visit) = 0;

  /// The newest value at or before (the first at or after) a time; not for states.
  [[nodiscard]] virtual std::optional<Sample> at_or_before(std::uint32_t series, std::int64_t time_ns) = 0;
  [[nodiscard]] virtual std::optional<Sample> at_or_after(std::uint32_t series, std::int64_t time_ns) = 0;
  /// The newest value of each series; absent where there is none.
  [[nodiscard]] virtual std::vector<LatestValue> latest(std::span<const std::uint32_t> series) = 0;

  /// Quarter hours of a device that start in the range, by time.
  virtual void quarters(const std::string& device, TimeRange range,
                        const std::function<bool(const StoredQuarter& quarter)>& visit) = 0;

  /// What a person calls it: "sqlite mesura.db". No secrets.
  [[nodiscard]] virtual std::string describe() const = 0;
};

/// The archive that a configured sink writes; null for kinds that can't be read back (mqtt, csv, ...).
/// `sink` is its options by that kind's schema. Throws StoreError.
[[nodiscard]] std::unique_ptr<Archive> open_archive(const std::string& kind, const config::Value& options,
                                                    const std::string& site_zone);
/// Whether open_archive() knows this kind.
[[nodiscard]] bool can_read(const std::string& kind);

}  // namespace mesura::store
