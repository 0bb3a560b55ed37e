// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "energy/tests/times.hpp"
#include "store/tests/memory_archive.hpp"

#include <memory>

namespace mesura::store {
namespace {

using energy::brussels;
using energy::kHourNs;
using energy::kSecondNs;
using energy::utc;
using test::MemoryArchive;

}  // namespace

TEST_CASE("phases and registers that do not agree with the power are told, hour by hour") {
  auto archive = std::make_unique<MemoryArchive>(brussels(), 10);
  const auto total = archive->add("total", "active_power", "W");
  const auto l1 = archive->add("l1", "active_power", "W");
  const auto l2 = archive->add("l2", "active_power", "W");
  const auto import = archive->add("total", "active_energy_import", "Wh", Kind::reg, "1-0:1.8.0");
  const std::int64_t from = utc(2026, 2, 1);
  double wh = 1'000'000;
  for (std::int64_t t = from; t <= from + 6 * kHourNs; t += 10 * kSecondNs) {
    const std::int64_t hour = (t - 1 - from) / kHourNs;
    archive->put(t, total, 720);
    archive->put(t, l1, 400);
    archive->put(t, l2, hour == 2 ? 200 : 323);  // a swapped clamp; else 3 W of rounding
    archive->put(t, import, wh);
    wh += hour == 4 ? 1 : 2;  // half of it is missing
  }
  archive->rolled_up_to(from + 6 * kHourNs);
  Store store{std::move(archive)};
  const auto checks = store.cross_checks("grid", {from, from + 6 * kHourNs});
  REQUIRE(checks.size() == 2);
  CHECK(checks[0].code == "phases-total");
  CHECK(checks[0].window.from_ns == from + 2 * kHourNs);
  CHECK(checks[0].expected == Approx(720));
  CHECK(checks[0].got == Approx(600).margin(1));
  CHECK(checks[1].code == "power-energy");
  CHECK(checks[1].window.from_ns == from + 4 * kHourNs);
  CHECK(checks[1].expected == Approx(360).margin(2));
  CHECK(checks[1].got == Approx(720));
  CHECK(checks[1].device == "grid");
  CHECK_FALSE(checks[1].message.empty());
  CHECK_THROWS_AS(store.cross_checks("nobody", {0, 1}), StoreError);
}

}  // namespace mesura::store
