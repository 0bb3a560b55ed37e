// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What several answers have in common.
#pragma once

#include "collector/collector.hpp"
#include "http/live.hpp"
#include "model/glob.hpp"
#include "runtime/json.hpp"
#include "store/json.hpp"
#include "store/render.hpp"

#include <mesura/measurement.hpp>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mesura::http::api {

using store::append_csv_field;
using store::append_series;
using store::append_value;

/// null for 0.
void append_time(runtime::JsonWriter& json, std::string_view key, std::int64_t time_ns);
/// A device's state, into an open object.
void append_device(runtime::JsonWriter& json, const collector::DeviceStatus& device, std::int64_t now_ns);

/// No globs take everything.
[[nodiscard]] bool matches(const std::vector<model::Glob>& globs, const SeriesInfo& info);

/// The newest values of what is measured, one for each name: a series whose label or role has changed counts once.
/// Thread-safe.
class Newest {
 public:
  explicit Newest(const Live& live) : live_(live) {}
  [[nodiscard]] std::vector<Live::Value> values();
  /// Of the series with one name the newest, by name's first appearance.
  [[nodiscard]] std::vector<std::uint32_t> series();

 private:
  void learn();  // with the lock

  const Live& live_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::uint32_t> groups_;  ///< by name
  std::vector<std::uint32_t> group_;                       ///< by series
};

}  // namespace mesura::http::api
