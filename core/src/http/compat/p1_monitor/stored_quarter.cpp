// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/p1_monitor/stored_quarter.hpp"

#include <charconv>
#include <string_view>

namespace mesura::http::compat::p1_monitor {
namespace {

using Quarter = sinks::rollup::Quarter;

/// "[652,null,10]"; the server of a database may have put blanks in.
bool read_slots(std::string_view json, std::array<std::optional<std::int64_t>, Quarter::kSlots>& slots) {
  const auto skip = [&] {
    while (!json.empty() && (json.front() == ' ' || json.front() == '\n')) json.remove_prefix(1);
  };
  const auto take = [&](std::string_view token) {
    skip();
    if (!json.starts_with(token)) return false;
    json.remove_prefix(token.size());
    return true;
  };
  if (!take("[")) return false;
  if (take("]")) return true;
  for (auto& slot : slots) {
    if (!take("null")) {
      std::int64_t watts = 0;
      const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), watts);
      if (error != std::errc{}) return false;
      json.remove_prefix(static_cast<std::size_t>(end - json.data()));
      slot = watts;
    }
    if (take("]")) return true;
    if (!take(",")) return false;
    skip();
  }
  return false;
}

}  // namespace

std::optional<Quarter> read_stored(const store::StoredQuarter& stored, const model::Zone& zone) {
  Quarter quarter;
  quarter.start = stored.start_ns / 1000;
  quarter.id = sinks::rollup::quarter_id(quarter.start, zone);
  quarter.average = stored.average_w;
  quarter.samples = stored.samples;
  if (!read_slots(stored.import_w, quarter.imported) || !read_slots(stored.export_w, quarter.exported))
    return std::nullopt;
  return quarter;
}

}  // namespace mesura::http::compat::p1_monitor
