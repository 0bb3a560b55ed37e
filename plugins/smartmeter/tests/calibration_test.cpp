// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Factors applied on this side: to everything, and to everything once. Numbers by hand.
#include <cmath>

#include "calibration.hpp"
#include "tests/command_rig.hpp"

using namespace smartmeter_test;
using mesura::smartmeter::PowerCheck;
using mesura::test::contains;

namespace {

constexpr double kPi = 3.14159265358979;

// v i of each line: their products are 0.99, 1.32 and -0.6.
PluginOptions factors(PluginOptions options = {}) {
  return options.list("calibration", {"1.1", "0.9", "1.2", "1.1", "0.6", "-1"});
}

double value(const PluginHarness& h, const char* channel, const char* quantity, std::size_t at = 0) {
  const auto all = measured(h, channel, quantity);
  INFO(channel << "/" << quantity);
  REQUIRE(all.size() > at);
  return all[at].value;
}

std::string list(const char* key, const char* values) { return R"(,")" + std::string(key) + R"(":)" + values; }

/// A poll session that has got all momentary answers.
void poll(PluginHarness& h) {
  h.open();
  h.bytes(info(R"({"cmd":"info","type":"smartmeter","name":"m","ip":"10.0.0.1","energy":"[100, 200, 300]"})"));
  h.bytes(info(R"({"cmd":"info","type":"smartmeter","name":"m","ip":"10.0.0.1","energy":"[100, 200, 300]"})"));
  const auto ok = [&](const std::string& cmd, const std::string& rest) {
    h.bytes(info(R"({"error":false,"cmd":")" + cmd + "\"" + rest + "}"));
  };
  ok("getPower", list("activePower", "[1000,1000,1000]") + list("reactivePower", "[100,100,100]") +
                     list("apparentPower", "[1100,1100,1100]"));
  ok("getVoltage", list("voltage", "[230,230,230]"));
  ok("getCurrent", list("current", "[5000,5000,5000]"));
  ok("getEnergy", list("energy", "[100,200,300]"));
  ok("getPeriod", list("period", "[50,50,50]"));
  ok("getPhaseAngle", list("phase", "[10,10,10]"));
}

}  // namespace

TEST_CASE("momentary values") {
  PluginHarness h(plugin(), factors(PluginOptions{}.text("stream", "off")), live());
  poll(h);
  CHECK(value(h, "l1", "voltage") == Approx(253));
  CHECK(value(h, "l2", "voltage") == Approx(276));
  CHECK(value(h, "l3", "voltage") == Approx(138));
  CHECK(value(h, "l1", "current") == Approx(4.5));
  CHECK(value(h, "l3", "current") == Approx(-5));
  CHECK(value(h, "l1", "active_power") == Approx(990));
  CHECK(value(h, "l2", "active_power") == Approx(1320));
  CHECK(value(h, "l3", "active_power") == Approx(-600));
  CHECK(value(h, "total", "active_power") == Approx(1710));
  CHECK(value(h, "l1", "reactive_power") == Approx(99));
  CHECK(value(h, "l2", "apparent_power") == Approx(1452));
  CHECK(value(h, "l1", "active_energy_import") == Approx(99));
  CHECK(value(h, "total", "active_energy_import") == Approx(99 + 264 - 180));
  CHECK(value(h, "l1", "frequency") == Approx(50));
  CHECK(value(h, "l1", "phase_angle") == Approx(10));
}

TEST_CASE("the waveform, by channel as sent") {
  PluginHarness h(plugin(), factors(PluginOptions{}.flag("derive", false)), live());
  start_run(h);
  h.bytes(frame(0, Rows{{100, 1000, 100, 1000, 100, 1000}, {-1, -2, -3, -4, -5, -6}}));
  const auto got = samples(h);
  const std::vector<float> want = {110, 900, 120, 1100, 60, -1000, -1.1F, -1.8F, -3.6F, -4.4F, -3, 6};
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == Approx(want[i]));
}

TEST_CASE("one line alone has the factors of that line") {
  PluginHarness h(plugin(), factors(PluginOptions{}.flag("derive", false).text("measures", "v,i_L2")), live());
  start_run(h, sample_reply("v,i_L2", 1024, 8000, 2, "V,mA"));
  h.bytes(frame(0, Rows{{100, 1000}}));
  const auto got = samples(h);
  CHECK(got.at(0) == Approx(120));
  CHECK(got.at(1) == Approx(1100));
}

TEST_CASE("latched rows: RMS values by v or i, the chip's P and Q by v i") {
  PluginHarness rms(plugin(), factors(PluginOptions{}.text("measures", "v,i_RMS")), live());
  start_run(rms, sample_reply("v,v,v,i,i,i_RMS", 24, 1, 6, "V,V,V,mA,mA,mA"));
  rms.bytes(frame(0, Rows{{230, 230, 230, 1000, 1000, 1000}}));
  CHECK(value(rms, "l1", "voltage") == Approx(253));
  CHECK(value(rms, "l2", "current") == Approx(1.1));
  CHECK(value(rms, "l3", "current") == Approx(1));  // RMS has no sign
  PluginHarness power(plugin(), factors(PluginOptions{}.text("measures", "p,q")), live());
  start_run(power, sample_reply("p,p,p,q,q,q", 24, 1, 6, "W,W,W,VAR,VAR,VAR"));
  power.bytes(frame(0, Rows{{1000, 1000, 1000, 100, 100, 100}}));
  CHECK(value(power, "l1", "active_power") == Approx(990));
  CHECK(value(power, "l2", "reactive_power") == Approx(132));
  CHECK(value(power, "total", "active_power") == Approx(1710));
}

TEST_CASE("what is derived from a waveform has them once, energy too") {
  CommandBench bench(PluginOptions{}.text("signal", "sine").number("phi", 30), factors());
  bench.advance(3200ms);
  auto& h = bench.session();
  const double active = 2300 * std::cos(kPi / 6);
  CHECK(value(h, "l1", "voltage", 1) == Approx(253).epsilon(1e-3));
  CHECK(value(h, "l1", "current", 1) == Approx(9).epsilon(1e-3));
  CHECK(value(h, "l1", "active_power", 1) == Approx(0.99 * active).epsilon(1e-3));
  CHECK(value(h, "l2", "active_power", 1) == Approx(1.32 * active).epsilon(1e-3));
  CHECK(value(h, "l3", "active_power", 1) == Approx(-0.6 * active).epsilon(1e-3));
  CHECK(value(h, "l2", "reactive_power", 1) == Approx(1.32 * 1150).epsilon(1e-3));
  CHECK(value(h, "l1", "power_factor", 1) == Approx(std::cos(kPi / 6)).epsilon(1e-3));
  CHECK(value(h, "l1", "frequency", 1) == Approx(50).margin(0.005));
  CHECK(value(h, "l2", "active_energy_import", 1) == Approx(1.32 * active * 2 / 3600).epsilon(2e-3));
  CHECK(value(h, "l3", "active_energy_export", 1) == Approx(0.6 * active * 2 / 3600).epsilon(2e-3));
}

TEST_CASE("what MQTT tells: states, one-shot values, rows") {
  auto config = live("mqtt", "broker:1883");
  PluginHarness h(plugin(), factors(), config);
  h.open();
  const auto say = [&](const char* word, const std::string& text) {
    PluginHarness::From from;
    from.topic = std::string("powermeter/m/state/") + word;
    h.bytes(text, from);
  };
  say("sample", R"({"power":3000,"energy":6,"current":15,"volt":230,"v_l1":230,"i_l3":5,"p_l2":1000,"e_l1":1})");
  // Of sums the mean of the lines' factors: (0.99 + 1.32 - 0.6) / 3.
  CHECK(value(h, "total", "active_power") == Approx(1710));
  CHECK((measured(h, "total", "active_power").at(0).quality & MESURA_ESTIMATED) != 0);
  CHECK(value(h, "l1", "voltage") == Approx(253));
  CHECK(value(h, "l3", "current") == Approx(-5));
  CHECK(value(h, "l2", "active_power") == Approx(1320));
  CHECK(measured(h, "l2", "active_power").at(0).quality == MESURA_GOOD);
  CHECK(value(h, "l1", "active_energy_import") == Approx(990));
  say("info", R"({"value":"100.00,100.00,100.00","unit":"V","ts":"03/08/2021 11:42:34.848"})");
  CHECK(value(h, "l2", "voltage") == Approx(120));
  say("info", R"({"unit":"W,W,W,VAR,VAR,VAR","ts":"1614697438.000","values":[1000,1000,1000,100,100,100]})");
  CHECK(value(h, "l2", "reactive_power") == Approx(132));
}

TEST_CASE("a PowerMeter's two factors hold for its sums too") {
  PluginHarness h(plugin(), PluginOptions{}.list("calibration", {"1.1", "0.9"}), live("mqtt", "broker:1883"));
  h.open();
  PluginHarness::From from;
  from.topic = "powermeter/p/state/sample";
  h.bytes(R"({"power":1000,"volt":200})", from);
  CHECK(value(h, "total", "active_power") == Approx(990));
  CHECK(measured(h, "total", "active_power").at(0).quality == MESURA_GOOD);
  CHECK(value(h, "total", "voltage") == Approx(220));
}

TEST_CASE("results of commands have them") {
  CommandBench bench(PluginOptions{}.text("signal", "sine"),
                     factors(PluginOptions{}.text("stream", "off").duration("interval", 1h)));
  CHECK_THAT(bench.run("voltage").json, contains(R"("l2_voltage":{"value":276.0)"));
  CHECK_THAT(bench.run("power").json, contains(R"("l3_active_power":{"value":-1379.9)"));
  CHECK_THAT(bench.run("current").json, contains(R"("l1_current":{"value":8.9)"));
}

TEST_CASE("without factors nothing is touched: the very floats") {
  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false), live());
  start_run(h);
  h.bytes(frame(0, count_rows(0, 42)));
  CHECK(samples(h) == flat(count_rows(0, 42)));
}

TEST_CASE("options that can't be") {
  using List = std::vector<std::string>;
  for (const List& bad : {List{"1", "1", "1"}, List{"1", "1", "1", "1", "1", "x"}, List{"1", "1", "1", "1", "1", "0"},
                          List{"1", "1", "1", "1", "1", "11"}, List{"nan", "1"}})
    CHECK_THROWS_AS(PluginHarness(plugin(), PluginOptions{}.list("calibration", bad), live()), std::runtime_error);
}

TEST_CASE("waveform and chip: told when they differ, with what would explain it, once a minute") {
  Lines notes;
  PowerCheck check([&](const std::string& text) { notes.push_back(text); });
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto chip = [](double active, double reactive) { return PowerCheck::Power{active, reactive, 0, true}; };
  check.chip(1, chip(1000, 0), 0);  // nothing to compare with
  check.waveform(1, {1000, 0, 1000, true}, kSecond);
  check.chip(1, chip(1040, 0), kSecond);  // 4 %
  CHECK(notes.empty());
  check.chip(1, chip(1110.6, 0), 2 * kSecond);
  REQUIRE(notes.size() == 1);
  CHECK_THAT(notes[0], contains("1.1106"));
  check.chip(1, chip(1200, 0), 10 * kSecond);
  CHECK(notes.size() == 1);
  check.waveform(2, {10, 0, 10, true}, 0);
  check.chip(2, chip(15, 0), kSecond);  // too little to tell
  check.waveform(3, {1000, 0, 1000, true}, 0);
  check.chip(3, chip(2000, 0), 6 * kSecond);  // too long ago
  CHECK(notes.size() == 1);
  check.chip(3, chip(0, 1000), kSecond);  // turned by a quarter, as large
  REQUIRE(notes.size() == 2);
  CHECK_THAT(notes[1], contains("90.0 degrees"));
  check.waveform(1, {1000, 0, 1000, true}, 70 * kSecond);
  check.chip(1, chip(2000, 0), 70 * kSecond);
  CHECK(notes.size() == 3);
}

TEST_CASE("a measure that has both is checked each second, and agreement says nothing") {
  for (const double factor : {1.0, 1.25}) {
    PluginHarness h(plugin(), PluginOptions{}.text("measures", "v,i,p,q").list("calibration", {"1.1", "0.9"}), live());
    h.open();
    h.bytes(kPowerMeterGreeting);
    h.bytes(sample_reply("v,i,p,q", 1024, 4000, 4, "V,mA,W,VAR"));
    std::uint32_t number = 0;
    for (int n = 0; n < 8000; n += 50) {
      Rows rows;
      for (int k = n; k < n + 50; ++k) {
        const double wave = std::sin(2 * kPi * 50 * k / 4000);
        rows.push_back({static_cast<float>(325.27 * wave), static_cast<float>(14142 * wave),
                        static_cast<float>(2300 * factor), 0});
      }
      h.bytes(frame(number++, rows));
    }
    CHECK(value(h, "l1", "active_power") == Approx(0.99 * 2300).epsilon(1e-3));
    CHECK(faults(h) == (factor == 1.0 ? Lines{} : Lines{"power_mismatch"}));
  }
}

TEST_CASE("the chip's power in a pause of the run is compared with the last second") {
  for (const bool lies : {false, true}) {
    CommandBench bench(PluginOptions{}.text("signal", "sine"), {});
    bench.advance(2500ms);
    bench.alter = [&](std::string said) {
      if (const auto at = said.find(R"("activePower":[2299)"); lies && at != std::string::npos)
        said.replace(at, 19, R"("activePower":[2799)");
      return said;
    };
    CHECK(bench.run("power", PluginOptions{}.flag("pause", true)).status == MESURA_REPLY_DONE);
    CHECK(faults(bench.session()) == (lies ? Lines{"power_mismatch"} : Lines{}));
  }
}
