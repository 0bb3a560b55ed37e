// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mesura::collector {

/// The newest measurement of each series, in memory. Belongs to the loop's thread.
class Latest {
 public:
  struct Entry {
    bool present = false;
    Measurement measurement{};
    std::int64_t received_ns = 0;
    std::string text;
  };

  /// Older measurements than the one at hand change nothing.
  void take(const Batch& batch);
  /// Null: nothing came yet.
  [[nodiscard]] const Entry* find(std::uint32_t series) const;
  /// Calls back for every series that has a value, by id.
  void each(const std::function<void(std::uint32_t series, const Entry& entry)>& callback) const;
  /// A batch of one: what the measurement printers take.
  [[nodiscard]] static Batch as_batch(const SeriesInfo& info, const Entry& entry);

 private:
  std::vector<Entry> entries_;  ///< by series
};

}  // namespace mesura::collector
