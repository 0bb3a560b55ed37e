// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is stored, by year, month and day of the local clock. Sorted by time; {} where nothing is.
#pragma once

#include "http/compat/p1_monitor/quarters.hpp"
#include "http/message.hpp"
#include "model/zones.hpp"

namespace mesura::http::compat::p1_monitor {

[[nodiscard]] Response historic_years(const Quarters& quarters, const model::Zone& zone, const Request& request);
[[nodiscard]] Response historic_months(const Quarters& quarters, const model::Zone& zone, const Request& request);
[[nodiscard]] Response historic_days(const Quarters& quarters, const model::Zone& zone, const Request& request);
[[nodiscard]] Response historic_quarters(const Quarters& quarters, const model::Zone& zone, const Request& request);

}  // namespace mesura::http::compat::p1_monitor
