// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The reference monitor's directories: years, months, days and quarter hours of the local clock.
#pragma once

#include <mesura/store.hpp>

#include "model/zones.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::http::compat::p1_monitor {

/// The quarter hour of /meter/YYYY/MM/DD/HHMMX.json, X = S in summer time and W in winter time. Nothing: no such path
/// ever existed.
[[nodiscard]] std::optional<std::int64_t> quarter_at(std::string_view year, std::string_view month,
                                                     std::string_view day, std::string_view file,
                                                     const model::Zone& zone);

/// A whole number of up to four digits; nothing: something else.
[[nodiscard]] std::optional<int> small_number(std::string_view text);

/// A local year, month or day (month and day: 0 for all). Nothing: there is none such from 2000 to 2127.
[[nodiscard]] std::optional<store::TimeRange> local_range(int year, int month, int day, const model::Zone& zone);

}  // namespace mesura::http::compat::p1_monitor
