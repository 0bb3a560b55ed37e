// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/known_series.hpp"

#include "database/sqlite.hpp"

#include <string>
#include <system_error>

namespace mesura::importing {

KnownSeriesMap known_series(const std::filesystem::path& file) {
  KnownSeriesMap known;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return known;
  try {
    const database::Database db{file, database::Database::Open::existing};
    auto list = db.prepare("SELECT device, channel, quantity, label, role, source, decimals, quality FROM series");
    while (list.step())
      known[list.text(0) + "/" + list.text(1) + "/" + list.text(2)] = {list.text(3), list.text(4), list.text(5),
                                                                       static_cast<int>(list.integer(6)),
                                                                       static_cast<std::uint8_t>(list.integer(7))};
  } catch (const database::Error&) {
    known.clear();  // the sink itself says what is wrong with it
  }
  return known;
}

}  // namespace mesura::importing
