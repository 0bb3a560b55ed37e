// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual meter's telegrams, read by the plugin and followed by the core: quarter hours, warnings and peaks as the
// sheet's scenario S1 has them, and the same without the objects in which the meter says them itself.
#include "energy/demand_watch.hpp"

#include "energy/tests/times.hpp"
#include "support/plugin_harness.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

using mesura::energy::brussels;
using mesura::energy::DemandEvent;
using mesura::energy::DemandSample;
using mesura::energy::DemandWatch;
using mesura::energy::utc;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;

const mesura_plugin& plugin() { return *mesura_plugin_query(nullptr, nullptr); }

/// What the plugin reads out of so many telegrams of the virtual meter.
std::vector<PluginEvent> read(PluginOptions options, std::int64_t start_ns, int telegrams) {
  PluginHarness::Config config;
  config.live = true;
  config.now_ns = start_ns;
  PluginHarness meter(*plugin().virtual_device,
                      options.text("dialect", "be").integer("phases", 1).integer("telegrams", telegrams), config);
  meter.open();
  meter.advance(std::chrono::hours{24});
  PluginHarness reader(plugin());
  reader.open();
  for (const auto& event : meter.events(PluginEvent::Kind::sent)) reader.bytes(event.text);
  reader.close(true);
  return reader.events(PluginEvent::Kind::measurement);
}

/// Telegram by telegram.
std::vector<DemandEvent> follow(DemandWatch& watch, const std::vector<PluginEvent>& measurements) {
  std::vector<DemandEvent> out;
  DemandSample sample;
  const auto feed = [&] {
    if (sample.time_ns != 0) watch.feed(sample, out);
    sample = {};
  };
  for (const PluginEvent& m : measurements) {
    if (m.channel != "total") continue;
    if (m.quantity == "active_demand_import_month_max") {
      watch.meter_peak(m.time_ns, m.value, out);
      continue;
    }
    const bool power = m.quantity == "active_power_import";
    const bool energy = m.quantity == "active_energy_import";
    if (!power && !energy && m.quantity != "active_demand_import") continue;
    if (m.time_ns != sample.time_ns) feed();
    sample.time_ns = m.time_ns;
    (power ? sample.power_w : energy ? sample.register_wh : sample.demand_w) = m.value;
  }
  feed();
  return out;
}

std::vector<DemandEvent> of(const std::vector<DemandEvent>& events, DemandEvent::Kind kind) {
  std::vector<DemandEvent> out;
  std::copy_if(events.begin(), events.end(), std::back_inserter(out), [&](const auto& e) { return e.kind == kind; });
  return out;
}

PluginOptions s1() {
  return PluginOptions{}
      .text("profile", "quarter:1600,4800,800,2400")
      .map("registers", {{"import_t1", "1000.000kWh"}})
      .text("month_peak", "4216W@2024-02-05T16:45:00Z")
      .list("peak_history", {"2023-10=3918W@2023-10-31T18:30:00Z", "2023-11=none", "2023-12=5204W@2023-12-25T17:30:00Z",
                             "2024-01=2407W@2024-01-19T06:45:00Z"});
}

}  // namespace

TEST_CASE("scenario S1 on the wire: quarters, one warning, one new peak") {
  DemandWatch watch({}, brussels());
  const auto events = follow(watch, read(s1(), utc(2024, 2, 12, 17), 3601));

  const auto quarters = of(events, DemandEvent::Kind::quarter);
  REQUIRE(quarters.size() == 4);
  const double expected[] = {1600, 4800, 800, 2400};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(quarters[i].quarter.average_w == expected[i]);
    CHECK(quarters[i].quarter.complete);
    CHECK_FALSE(quarters[i].quarter.estimated);
    CHECK(quarters[i].time_ns == utc(2024, 2, 12, 17, 15) + static_cast<std::int64_t>(i) * 900'000'000'000);
  }
  const auto warnings = of(events, DemandEvent::Kind::warning);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].time_ns == utc(2024, 2, 12, 17, 16));
  CHECK(warnings[0].forecast.forecast_w == Approx(4800).margin(1));
  CHECK(warnings[0].forecast.limit_w == 4216);
  const auto peaks = of(events, DemandEvent::Kind::new_peak);
  REQUIRE(peaks.size() == 1);
  CHECK(peaks[0].time_ns == utc(2024, 2, 12, 17, 30));
  CHECK(peaks[0].quarter.average_w == 4800);
  CHECK(peaks[0].before_w == 4216);

  const auto months = watch.peaks().all();
  REQUIRE(months.size() == 5);
  CHECK(months[0].average_w == 3918);
  CHECK(months[0].quarter_ns == utc(2023, 10, 31, 18, 15));
  CHECK(std::isnan(months[1].average_w));
  CHECK(months[2].average_w == 5204);
  CHECK(months[2].quarter_ns == utc(2023, 12, 25, 17, 15));
  CHECK(months[3].average_w == 2407);
  CHECK(months[3].quarter_ns == utc(2024, 1, 19, 6, 30));
  CHECK(months[4].average_w == 4800);
  CHECK(months[4].quarter_ns == utc(2024, 2, 12, 17, 15));
  for (const auto& month : months) CHECK(month.from_meter);
}

TEST_CASE("without 1.4.0, 1.6.0 and 98.1.0 the peak quarter is the same within 4 W") {
  const auto options = [] {
    return PluginOptions{}.text("profile", "house").list("peak_history", {}).integer("seed", 5);
  };
  const std::int64_t start = utc(2024, 2, 12, 17);
  constexpr int kTelegrams = 2 * 3600 + 1;
  DemandWatch told({}, brussels());
  follow(told, read(options(), start, kTelegrams));
  DemandWatch own({}, brussels());
  follow(own, read(options().list("omit", {"1-0:1.4.0", "1-0:1.6.0", "0-0:98.1.0"}), start, kTelegrams));
  const auto a = told.peaks().peak(start);
  const auto b = own.peaks().peak(start);
  REQUIRE(a);
  REQUIRE(b);
  CHECK(a->from_meter);
  CHECK_FALSE(b->from_meter);
  CHECK(b->since_ns == start);
  CHECK(a->quarter_ns == b->quarter_ns);
  CHECK(b->average_w == Approx(a->average_w).margin(4));
}

TEST_CASE("month end on the wire: the last quarter is February's, March has no peak until 00:15") {
  DemandWatch watch({}, brussels());
  const auto options = PluginOptions{}.text("profile", "quarter:5000,1000").list("peak_history", {});
  const auto events = follow(watch, read(options, utc(2024, 2, 29, 22, 45), 901));
  const auto quarters = of(events, DemandEvent::Kind::quarter);
  REQUIRE(quarters.size() == 1);
  CHECK(quarters[0].quarter.average_w == 5000);
  const auto february = watch.peaks().peak(utc(2024, 2, 29, 12));
  REQUIRE(february);
  CHECK(february->average_w == 5000);
  CHECK(february->quarter_ns == utc(2024, 2, 29, 22, 45));
  CHECK(february->from_meter);
  CHECK_FALSE(watch.peaks().peak(utc(2024, 2, 29, 23)));
  REQUIRE(watch.forecast());
  CHECK(watch.forecast()->limit_w == 2500);
}
