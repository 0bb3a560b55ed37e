// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "pipeline/integrator.hpp"

#include <support/catch.hpp>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

using namespace mesura;
using pipeline::Integrator;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'700'000'000 * kSecond;

struct Meter {
  SeriesTable series;
  Integrator integrator{series};

  std::uint32_t power(const std::string& channel, Integration integration, const std::string& role = "") {
    SeriesInfo info;
    info.device = "cupboard";
    info.channel = channel;
    info.quantity = "active_power";
    info.unit = "W";
    info.role = role;
    info.integration = integration;
    return series.add(info);
  }
  /// What a value at `seconds` brings along: nothing, or {import, export} in Wh.
  struct Energy {
    double import_wh;
    double export_wh;
  };
  std::optional<Energy> give(std::uint32_t id, double seconds, double watts) {
    Batch batch;
    batch.device = "cupboard";
    Measurement m{};
    m.time_ns = kStart + static_cast<std::int64_t>(seconds * 1e9);
    m.series = id;
    m.number = watts;
    batch.items.push_back(m);
    integrator.apply(batch);
    if (batch.items.size() == 1) return {};
    REQUIRE(batch.items.size() == 3);
    CHECK(series.at(batch.items[1].series).quantity == "active_energy_import");
    CHECK(series.at(batch.items[2].series).quantity == "active_energy_export");
    CHECK(series.at(batch.items[1].series).source == "integrated");
    CHECK(batch.items[1].time_ns == m.time_ns);
    return Energy{batch.items[1].number, batch.items[2].number};
  }
};

bool near(double a, double b) { return std::abs(a - b) < 1e-9; }

}  // namespace

TEST_CASE("integrator: a mean counts for the time since the value before it") {
  Meter meter;
  const auto id = meter.power("ct1", Integration::mean);
  CHECK_FALSE(meter.give(id, 0, 5000).has_value());
  CHECK(near(meter.give(id, 1, 3600)->import_wh, 1));
  const auto energy = meter.give(id, 2, -7200);
  CHECK(near(energy->import_wh, 1));
  CHECK(near(energy->export_wh, 2));
}

TEST_CASE("integrator: momentary values are joined by lines, and a line through zero feeds both directions") {
  Meter meter;
  const auto id = meter.power("battery", Integration::samples);
  CHECK_FALSE(meter.give(id, 0, 3600).has_value());
  // A register of the device's own may still come: for half a minute nothing is published.
  CHECK_FALSE(meter.give(id, 10, 7200).has_value());
  CHECK_FALSE(meter.give(id, 20, -7200).has_value());
  const auto energy = meter.give(id, 30, -7200);
  REQUIRE(energy.has_value());
  CHECK(near(energy->import_wh, 15 + 5));
  CHECK(near(energy->export_wh, 5 + 20));
}

TEST_CASE("integrator: what a solar input gives is export, whatever its sign means") {
  Meter meter;
  const auto id = meter.power("ct2", Integration::mean, "solar");
  meter.give(id, 0, 3600);
  const auto energy = meter.give(id, 1, 3600);
  CHECK(near(energy->import_wh, 0));
  CHECK(near(energy->export_wh, 1));
}

TEST_CASE("integrator: nothing is counted across a gap, or twice, or backwards") {
  Meter meter;
  const auto id = meter.power("ct1", Integration::mean);
  meter.give(id, 0, 3600);
  CHECK(near(meter.give(id, 1, 3600)->import_wh, 1));
  CHECK(near(meter.give(id, 3.9, 3600)->import_wh, 3.9));
  CHECK(near(meter.give(id, 14, 3600)->import_wh, 3.9));
  CHECK(near(meter.give(id, 15, 3600)->import_wh, 4.9));
  CHECK(near(meter.give(id, 15, 3600)->import_wh, 4.9));
  CHECK(near(meter.give(id, 14.5, 3600)->import_wh, 4.9));
  CHECK(near(meter.give(id, 16, 3600)->import_wh, 5.9));
}

TEST_CASE("integrator: an interval that was made longer becomes the usual one") {
  Meter meter;
  const auto id = meter.power("ct1", Integration::mean);
  for (int i = 0; i <= 10; ++i) meter.give(id, i, 3600);
  double now = 10;
  for (int i = 0; i < 3; ++i) meter.give(id, now += 60, 3600);
  const double before = meter.give(id, now += 60, 3600)->import_wh;
  CHECK(near(meter.give(id, now += 60, 3600)->import_wh - before, 60));
}

TEST_CASE("integrator: a channel with registers of its own is left alone") {
  Meter meter;
  const auto id = meter.power("ac_output", Integration::mean);
  meter.give(id, 0, 3600);
  SeriesInfo info;
  info.device = "cupboard";
  info.channel = "ac_output";
  info.quantity = "active_energy_import";
  info.kind = Kind::reg;
  info.source = "QLT";
  const auto own = meter.series.add(info);
  CHECK_FALSE(meter.give(own, 1, 123456).has_value());
  CHECK_FALSE(meter.give(id, 2, 3600).has_value());
}

TEST_CASE("integrator: what a plugin integrates is carried over its sessions, and over a restart") {
  const auto carried = [](Meter& meter) {
    SeriesInfo info;
    info.device = "lab";
    info.channel = "l1";
    info.quantity = "active_energy_import";
    info.kind = Kind::reg;
    info.source = "integrated";
    info.integration = Integration::session;
    return meter.series.add(info);
  };
  const auto give = [](Meter& meter, std::uint32_t id, double wh) {
    Batch batch;
    Measurement m{};
    m.series = id;
    m.number = wh;
    batch.items.push_back(m);
    meter.integrator.apply(batch);
    REQUIRE(batch.items.size() == 1);
    return batch.items[0].number;
  };
  Meter meter;
  const auto id = carried(meter);
  CHECK(give(meter, id, 0) == 0);
  CHECK(give(meter, id, 10) == 10);
  CHECK(give(meter, id, 12) == 12);
  CHECK(give(meter, id, 1) == 13);
  Meter later;
  later.integrator.restore(meter.integrator.save());
  CHECK(give(later, carried(later), 2) == 15);
}

TEST_CASE("integrator: totals survive a restart, and a text of another make changes nothing") {
  Meter meter;
  const auto id = meter.power("ct1", Integration::mean);
  meter.give(id, 0, 3600);
  meter.give(id, 1, 3600.5);
  CHECK(meter.integrator.changed());
  const std::string kept = meter.integrator.save();
  CHECK_FALSE(meter.integrator.changed());

  Meter later;
  later.integrator.restore(kept);
  const auto again = later.power("ct1", Integration::mean);
  CHECK(later.give(again, 100, 3600)->import_wh == 3600.5 / 3600);
  later.integrator.restore("something else\ncupboard/ct1\t9\t9\n");
  later.integrator.restore("mesura-energy 1\ncupboard/ct1\t9\nno tabs\n\t\t\n");
  CHECK(near(later.give(again, 101, 3600)->import_wh, 3600.5 / 3600 + 1));
}
