// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The session as the host sees it: cadence, filters, times, the request line, silences, meter swaps.
#include <mesura/plugin.hpp>

#include <chrono>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "crc16.hpp"
#include "support/catch.hpp"
#include "support/plugin_harness.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace {

using namespace std::chrono_literals;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginEvent::Kind;
using Lines = std::vector<std::string>;

const mesura_plugin& plugin() { return *mesura_plugin_query(nullptr, nullptr); }

std::string telegram(const std::string& lines, const std::string& header = "TST5X") {
  const std::string text = "/" + header + "\r\n\r\n" + lines + "!";
  const auto crc = mesura::dsmr_p1::crc16({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  char digits[5];
  std::snprintf(digits, sizeof digits, "%04X", static_cast<unsigned>(crc));
  return text + digits + "\r\n";
}

const std::string kMinimal = "/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!BD20\r\n";

// 2024-07-01T10:15:00Z
constexpr std::int64_t kNoon = 1'719'828'900'000'000'000;

std::string at_second(int second, const std::string& lines, char suffix = 'S') {
  char stamp[40];
  std::snprintf(stamp, sizeof stamp, "0-0:1.0.0(240701%02d%02d%02d%c)\r\n", 12 + (15 * 60 + second) / 3600,
                (15 + second / 60) % 60, second % 60, suffix);
  return telegram(stamp + lines);
}

std::vector<PluginEvent> measured(const PluginHarness& h, std::string_view channel, std::string_view quantity) {
  std::vector<PluginEvent> found;
  for (const auto& e : h.events(Kind::measurement))
    if (e.channel == channel && e.quantity == quantity) found.push_back(e);
  return found;
}

Lines faults(const PluginHarness& h) {
  Lines codes;
  for (const auto& e : h.events(Kind::fault)) codes.push_back(e.key);
  return codes;
}

PluginHarness::Config live() {
  PluginHarness::Config config;
  config.live = true;
  config.now_ns = kNoon;
  return config;
}

}  // namespace

TEST_CASE("faults name what was expected and what was got, and where") {
  PluginHarness h(plugin());
  h.open();
  h.bytes("xx" + kMinimal);
  h.bytes("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!BD21\r\n");
  h.bytes(telegram("1-0:2.7.0(garbage)\r\n"));
  const auto all = h.events(Kind::fault);
  REQUIRE(all.size() == 3);
  CHECK(all[0].key == "noise");
  CHECK(all[0].offset == 0);
  CHECK(all[0].length == 2);
  CHECK(all[1].key == "crc_error");
  CHECK(all[1].text == "expected CRC BD20, got BD21");
  CHECK(all[1].offset == 41);
  CHECK(all[2].key == "line_error");
  CHECK(all[2].text == "expected a number, got 'garbage'");
  CHECK(all[2].offset == 80 + 10);
}

TEST_CASE("a frame is reported whole and before its measurements") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(kMinimal);
  const auto lines = h.lines({Kind::frame, Kind::measurement});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == R"({"frame":39})");
  CHECK(h.events(Kind::frame)[0].text == kMinimal);
}

TEST_CASE("series carry OBIS codes and the country's tariff names") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(telegram("0-0:96.1.4(50217)\r\n1-0:1.8.1(000001.000*kWh)\r\n1-0:1.8.2(000002.000*kWh)\r\n", "FLU5\\253"));
  CHECK(measured(h, "t1", "active_energy_import").at(0).source == "1-0:1.8.1");
  CHECK(measured(h, "t1", "active_energy_import").at(0).label == "day");
  CHECK(measured(h, "t2", "active_energy_import").at(0).label == "night");

  PluginHarness dutch(plugin(), PluginOptions{}.map("tariff_labels", {{"2", "dear"}}));
  dutch.open();
  dutch.bytes(telegram("1-3:0.2.8(50)\r\n1-0:1.8.1(000001.000*kWh)\r\n1-0:1.8.2(000002.000*kWh)\r\n"));
  CHECK(measured(dutch, "t1", "active_energy_import").at(0).label == "low");
  CHECK(measured(dutch, "t2", "active_energy_import").at(0).label == "dear");
}

TEST_CASE("every: a duration takes one telegram of each, states at once") {
  PluginHarness h(plugin(), PluginOptions{}.text("every", "10s"));
  h.open();
  for (int second = 0; second < 30; ++second)
    h.bytes(at_second(second, std::string("0-0:96.14.0(000") + (second < 13 ? "1" : "2") + ")\r\n1-0:1.7.0(00." +
                                  std::to_string(100 + second) + "*kW)\r\n"));
  const auto power = measured(h, "total", "active_power_import");
  REQUIRE(power.size() == 3);
  CHECK(power[0].value == 100);
  CHECK(power[1].value == 110);
  CHECK(power[2].value == 120);
  CHECK(power[1].time_ns == kNoon + 10'000'000'000);
  const auto tariff = measured(h, "total", "tariff_indicator");
  REQUIRE(tariff.size() == 2);
  CHECK(tariff[1].time_ns == kNoon + 13'000'000'000);
}

TEST_CASE("every: on_change leaves out what did not change") {
  PluginHarness h(plugin(), PluginOptions{}.text("every", "on_change"));
  h.open();
  for (const char* kw : {"00.100", "00.100", "00.200", "00.200", "00.100"})
    h.bytes(telegram(std::string("1-0:1.7.0(") + kw + "*kW)\r\n1-0:2.7.0(00.000*kW)\r\n"));
  CHECK(measured(h, "total", "active_power_import").size() == 3);
  CHECK(measured(h, "total", "active_power_export").size() == 1);
}

TEST_CASE("include and exclude choose series by globs") {
  const std::string text =
      telegram("1-0:1.7.0(00.100*kW)\r\n1-0:2.7.0(00.000*kW)\r\n1-0:32.7.0(230.0*V)\r\n1-0:21.7.0(00.100*kW)\r\n");
  PluginHarness h(plugin(),
                  PluginOptions{}.list("include", {"total/active_*", "voltage"}).list("exclude", {"*_export"}));
  h.open();
  h.bytes(text);
  CHECK(
      h.lines({Kind::measurement}) ==
      Lines{
          R"({"channel":"total","quantity":"active_power_import","time":"2026-01-01T00:00:00Z","value":100})",
          R"({"channel":"l1","quantity":"voltage","time":"2026-01-01T00:00:00Z","value":230})",
          R"({"channel":"total","quantity":"active_power","time":"2026-01-01T00:00:00Z","value":100,"quality":["derived"]})"});
}

TEST_CASE("raw_telegram stores the verified text") {
  PluginHarness h(plugin(), PluginOptions{}.flag("raw_telegram", true));
  h.open();
  h.bytes(kMinimal);
  const auto raw = measured(h, "total", "raw_telegram");
  REQUIRE(raw.size() == 1);
  CHECK(raw[0].is_text);
  CHECK(raw[0].text == kMinimal.substr(0, 37));
}

TEST_CASE("counters: guard drops what goes back or leaps, until it fits again") {
  PluginHarness h(plugin(), PluginOptions{}.text("counters", "guard").number("counter_max_power", 10000));
  h.open();
  const char* kwh[] = {"000100.000", "000100.002", "000099.000", "009100.002", "000100.004"};
  for (int i = 0; i < 5; ++i) h.bytes(at_second(i, std::string("1-0:1.8.0(") + kwh[i] + "*kWh)\r\n"));
  const auto energy = measured(h, "total", "active_energy_import");
  REQUIRE(energy.size() == 3);
  CHECK(energy[2].value == 100004);
  CHECK(faults(h) == Lines{"counter_guard", "counter_guard"});
  CHECK(h.events(Kind::log).size() == 1);  // the first of a row only
}

TEST_CASE("counters: guard lets a new meter begin anew") {
  PluginHarness h(plugin(), PluginOptions{}.text("counters", "guard"));
  h.open();
  h.bytes(at_second(0, "0-0:96.1.1(4530303030303031)\r\n1-0:1.8.0(012345.000*kWh)\r\n0-0:96.14.0(0001)\r\n"));
  h.bytes(at_second(1, "0-0:96.1.1(4530303030303032)\r\n1-0:1.8.0(000000.001*kWh)\r\n0-0:96.14.0(0001)\r\n"));
  CHECK(measured(h, "total", "active_energy_import").size() == 2);
  CHECK(measured(h, "total", "tariff_indicator").size() == 2);  // another meter's state
  CHECK(faults(h).empty());
}

TEST_CASE("counters: guard watches gas, too, and lets a new gas meter begin anew") {
  PluginHarness h(plugin(), PluginOptions{}.text("counters", "guard"));
  h.open();
  const auto gas = [](const char* serial, const char* stamp, const char* m3) {
    return telegram(std::string("0-1:24.1.0(003)\r\n0-1:96.1.0(") + serial + ")\r\n0-1:24.2.1(" + stamp + ")(" + m3 +
                    "*m3)\r\n");
  };
  h.bytes(gas("4730303330303031", "240701120000S", "03456.789"));
  h.bytes(gas("4730303330303031", "240701120500S", "03456.000"));  // back
  h.bytes(gas("4730303330303031", "240701121000S", "03456.800"));
  h.bytes(gas("4730303330303032", "240701121500S", "00000.001"));  // another one
  const auto volume = measured(h, "mbus1", "gas_volume");
  REQUIRE(volume.size() == 3);
  CHECK(volume[1].value == 3456.8);
  CHECK(volume[2].value == 0.001);
  CHECK(faults(h) == Lines{"counter_guard"});
}

TEST_CASE("a meter clock that can't be right does not become a key") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  const auto power = [&] { return measured(h, "total", "active_power_import"); };
  h.bytes(at_second(0, "1-0:1.7.0(00.100*kW)\r\n"));
  CHECK(power().back().time_ns == kNoon);
  CHECK(power().back().quality == MESURA_GOOD);

  h.advance(1s);
  h.bytes(telegram("0-0:1.0.0(260701121500S)\r\n1-0:1.7.0(00.101*kW)\r\n"));  // two years ahead
  CHECK(power().back().time_ns == kNoon + 1'000'000'000);
  CHECK(power().back().quality == MESURA_CLOCK_SUSPECT);

  h.advance(1s);
  h.bytes(at_second(2, "1-0:1.7.0(00.102*kW)\r\n"));
  CHECK(power().back().time_ns == kNoon + 2'000'000'000);
  CHECK(power().back().quality == MESURA_GOOD);

  h.advance(1s);
  h.bytes(at_second(1, "1-0:1.7.0(00.103*kW)\r\n"));  // back by a second
  CHECK(power().back().time_ns == kNoon + 3'000'000'000);
  CHECK(power().back().quality == MESURA_CLOCK_SUSPECT);

  h.advance(1s);
  h.bytes(at_second(2, "1-0:1.7.0(00.104*kW)\r\n"));  // the same stamp for another telegram
  CHECK(power().back().quality == MESURA_CLOCK_SUSPECT);
  h.bytes(at_second(2, "1-0:1.7.0(00.102*kW)\r\n"));  // the same telegram again: a repeat, no new key
  CHECK(power().back().time_ns == kNoon + 2'000'000'000);
  CHECK(power().back().quality == MESURA_GOOD);
}

TEST_CASE("a recording's stamps are not compared with the present") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(at_second(5, "1-0:1.7.0(00.100*kW)\r\n"));
  h.bytes(at_second(3, "1-0:1.7.0(00.200*kW)\r\n"));
  const auto power = measured(h, "total", "active_power_import");
  CHECK(power.at(0).time_ns == kNoon + 5'000'000'000);
  CHECK(power.at(1).time_ns == kNoon + 3'000'000'000);
  CHECK(power.at(1).quality == MESURA_GOOD);
}

TEST_CASE("time_source: host takes the receive time") {
  PluginHarness h(plugin(), PluginOptions{}.text("time_source", "host"));
  h.open();
  h.bytes(at_second(0, "1-0:1.7.0(00.100*kW)\r\n"));
  CHECK(measured(h, "total", "active_power_import").at(0).time_ns == h.now_ns());
}

TEST_CASE("200 ms of silence end a telegram without CRC") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!");
  CHECK(h.counts().frames == 0);
  h.advance(199ms);
  CHECK(h.counts().frames == 0);
  h.advance(1ms);
  CHECK(h.counts().frames == 1);
}

TEST_CASE("two seconds of silence end a torn telegram") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes(kMinimal.substr(0, 20));
  h.advance(1500ms);
  h.bytes(kMinimal.substr(20, 2));  // the silence begins anew
  h.advance(1900ms);
  CHECK(faults(h).empty());
  h.advance(200ms);
  CHECK(faults(h) == Lines{"truncated"});
  h.bytes(kMinimal);
  CHECK(h.counts().frames == 1);
}

TEST_CASE("in a recording the receive times show the silence") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(kMinimal.substr(0, 20));
  h.advance(3s);
  h.bytes(kMinimal.substr(20));
  CHECK(h.counts().frames == 0);
  CHECK(faults(h) == Lines{"truncated"});
}

TEST_CASE("one second of silence ends a torn encrypted frame") {
  PluginHarness h(plugin(), PluginOptions{}.text("encryption_key", std::string(32, '0')), live());
  h.open();
  h.bytes(std::string("\xDB\x08SIM\0\0\0\0\1\x7F\x30", 12) + std::string(50, 'x'));
  h.advance(999ms);
  CHECK(faults(h).empty());
  h.advance(2ms);
  CHECK(faults(h) == Lines{"truncated"});
}

TEST_CASE("the end of a file finishes what is pending, a lost link too") {
  for (const bool final : {true, false}) {
    PluginHarness h(plugin());
    h.open();
    h.bytes("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!");
    h.close(final);
    CHECK(h.counts().frames == 1);
  }
}

TEST_CASE("a new connection may lack the CRC that the last one had") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(kMinimal);
  h.close(false);
  h.open();
  h.bytes("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!\r\n");
  CHECK(h.counts().frames == 2);
}

TEST_CASE("a request line that is always held is the port's own matter") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  CHECK(h.lines({Kind::lines}).empty());
}

TEST_CASE("a frame is handed on whole, with the line end behind its CRC") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(kMinimal.substr(0, kMinimal.size() - 2));  // the last CR LF has not come
  h.close(true);
  REQUIRE(h.events(Kind::frame).size() == 1);
  CHECK(h.events(Kind::frame)[0].text == kMinimal);
}

TEST_CASE("per_telegram raises the request line for one good telegram at a time") {
  PluginHarness h(plugin(), PluginOptions{}.text("request_line", "per_telegram").duration("sample_interval", 30s),
                  live());
  h.open();
  h.bytes("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!0000\r\n");  // not a good one
  CHECK(h.lines({Kind::lines}).size() == 1);
  h.bytes(kMinimal + kMinimal.substr(0, 12));
  CHECK(h.lines({Kind::lines}) == Lines{R"({"rts":1,"dtr":1})", R"({"rts":0,"dtr":0})"});
  h.bytes(kMinimal.substr(12));  // still under way when the line dropped
  CHECK(h.counts().frames == 1);
  h.advance(29s);
  CHECK(h.lines({Kind::lines}).size() == 2);
  h.advance(1s);
  CHECK(h.lines({Kind::lines}).back() == R"({"rts":1,"dtr":1})");
  h.bytes(kMinimal);
  CHECK(h.counts().frames == 2);
}

TEST_CASE("per_telegram on a link without lines takes every telegram and says so once") {
  auto config = live();
  config.has_lines = false;
  PluginHarness h(plugin(), PluginOptions{}.text("request_line", "per_telegram"), config);
  h.open();
  h.bytes(kMinimal + kMinimal);
  CHECK(h.counts().frames == 2);
  CHECK(h.events(Kind::log).size() == 1);
}

TEST_CASE("crc: ignore takes wrong ones, but only of what looks like a telegram") {
  PluginHarness h(plugin(), PluginOptions{}.text("crc", "ignore"));
  h.open();
  h.bytes("/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!1234\r\n");
  CHECK(h.counts().frames == 1);
  h.bytes("/TST5X\r\n\r\n!1234\r\n");
  CHECK(h.counts().frames == 1);
}

TEST_CASE("an Irish Iskra's wrong CRC is known") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(
      "/ISk5\\2MIE5E-200\r\n\r\n1-0:0.0.0(12345678)\r\n0-0:1.0.0(240701121507)\r\n1-0:1.7.0(00.100*kW)\r\n!0001\r\n");
  CHECK(h.counts().frames == 1);
  CHECK(measured(h, "total", "active_power_import").at(0).time_ns == kNoon + 7'000'000'000);  // Brussels' summer
}

TEST_CASE("without suffixes, the repeated hour goes on instead of back") {
  PluginHarness::Config config;
  config.now_ns = 1'761'440'340'000'000'000;  // 2025-10-26T00:59:00Z
  PluginHarness h(plugin(), {}, config);
  h.open();
  for (const char* stamp : {"251026025900", "251026020000", "251026020100"})
    h.bytes(telegram(std::string("0-0:1.0.0(") + stamp + ")\r\n1-0:1.7.0(00.100*kW)\r\n"));
  const auto power = measured(h, "total", "active_power_import");
  CHECK(power.at(1).time_ns - power.at(0).time_ns == 60'000'000'000);
  CHECK(power.at(2).time_ns - power.at(1).time_ns == 60'000'000'000);
}

TEST_CASE("another meter may tell its serial in another object") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(
      telegram("0-0:96.1.1(4530303030303031)\r\n0-0:96.1.0(4530303030303039)\r\n1-0:1.7.0(00.100*kW)\r\n", "AAA5X"));
  h.bytes(telegram("0-0:96.1.0(4530303030303032)\r\n1-0:1.7.0(00.100*kW)\r\n", "BBB5X"));
  Lines serials;
  for (const auto& e : h.events(Kind::attribute))
    if (e.key == "serial") serials.push_back(e.text);
  CHECK(serials == Lines{"E0000001", "E0000002"});
}

TEST_CASE("a meter without M-Bus type is bound by its unit, a replaced one is stale") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(at_second(0,
                    "0-1:24.1.0(003)\r\n0-1:24.2.1(240601100000S)(00100.000*m3)\r\n0-2:24.2.3(240701121000S)(00001.000*"
                    "m3)\r\n0-3:24.2.1(240701121000S)(001.500*GJ)\r\n"));
  CHECK(measured(h, "mbus1", "gas_volume").at(0).quality == MESURA_STALE);
  CHECK(measured(h, "mbus2", "gas_volume").at(0).quality == MESURA_GOOD);
  CHECK(measured(h, "mbus3", "thermal_energy_heat").at(0).value == 1.5);
  h.bytes(at_second(1, "0-2:24.2.3(240701121000S)(00001.000*m3)\r\n"));
  CHECK(measured(h, "mbus2", "gas_volume").size() == 1);  // a repeat
  h.bytes(at_second(2, "0-2:24.2.3(240701121500S)(00001.000*m3)\r\n"));
  CHECK(measured(h, "mbus2", "gas_volume").size() == 2);  // the same value, read anew
}

TEST_CASE("several rows of a gas profile: the last is the newest") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(
      telegram("0-1:24.1.0(3)\r\n0-1:24.3.0(240115120000)(2C)(60)(1)(0-1:24.2.1)(m3)\r\n(00320.000)(00321.000)\r\n("
               "00322.500)\r\n"));
  const auto gas = measured(h, "mbus1", "gas_volume");
  REQUIRE(gas.size() == 1);
  CHECK(gas[0].value == 322.5);
  CHECK(gas[0].time_ns == 1'705'323'600'000'000'000);  // 2024-01-15T13:00:00Z: two hours after the oldest
}

TEST_CASE("states are read however meters spell them") {
  const auto one = [](const std::string& line, std::string_view channel, std::string_view quantity) {
    PluginHarness h(plugin());
    h.open();
    h.bytes(telegram(line + "\r\n"));
    const auto found = measured(h, channel, quantity);
    return found.empty() ? -1.0 : found.at(0).value;
  };
  CHECK(one("0-0:96.14.0(0002)", "total", "tariff_indicator") == 2);
  CHECK(one("0-0:96.14.0(TARIFF 1)", "total", "tariff_indicator") == 1);
  CHECK(one("0-0:96.14.0(5431)", "total", "tariff_indicator") == 1);
  CHECK(one("0-0:96.14.1(0003)", "total", "tariff_indicator") == 3);
  CHECK(one("0-0:96.3.10(ON)", "total", "breaker_state") == 1);
  CHECK(one("0-0:96.3.10(OFF)", "total", "breaker_state") == 0);
  CHECK(one("0-0:96.50.68(2)", "total", "breaker_state") == 2);
  CHECK(one("0-3:96.3.10(1)", "relay3", "relay_state") == 1);
  CHECK(one("1-0:94.32.1(400)", "total", "grid_configuration") == 400);
}

TEST_CASE("limits are read in whatever they are given, and not at all when switched off") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(telegram("0-0:17.0.0(90.000*kW)\r\n"));
  h.bytes(telegram("0-0:17.0.0(27.600*kVA)\r\n"));
  h.bytes(telegram("0-0:17.0.0(025*A)\r\n"));
  h.bytes(telegram("0-0:17.0.0(00900*W)\r\n"));
  CHECK(measured(h, "total", "limiter_threshold").at(0).value == 90000);
  CHECK(measured(h, "total", "limiter_threshold").at(1).value == 900);
  CHECK(measured(h, "total", "limiter_threshold_apparent").at(0).value == 27600);
  CHECK(measured(h, "total", "limiter_threshold_current").at(0).value == 25);
  const auto before = h.counts().measurements;
  for (const char* off : {"0-0:17.0.0(999.9*kW)", "0-0:17.0.0(99.999*kW)", "0-0:17.0.0(0999.00*kW)",
                          "1-0:31.4.0(999*A)", "1-0:31.4.0(999.99*A)"})
    h.bytes(telegram(std::string(off) + "\r\n"));
  CHECK(h.counts().measurements == before);
  h.bytes(telegram("0-0:17.0.0(50.0*Hz)\r\n"));
  CHECK(faults(h) == Lines{"line_error"});
}

TEST_CASE("logs without entries are no fault") {
  for (const char* line :
       {"1-0:99.97.0(0)(0-0:96.7.19)", "1-0:99.97.0(0)()", "1-0:99.97.0()", "0-0:98.1.0(0)(1-0:1.6.0)(1-0:1.6.0)",
        "0-0:98.1.0(0)(garbage)", "1-0:1.6.0(632525252525W)(00.000*kW)", "0-0:1.0.0()"}) {
    INFO(line);
    PluginHarness h(plugin());
    h.open();
    h.bytes(telegram(std::string(line) + "\r\n"));
    CHECK(h.counts().frames == 1);
    CHECK(h.counts().measurements == 0);
    CHECK(h.counts().faults == 0);
  }
}

TEST_CASE("a failure without unit counts, one without stamp does not") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(
      telegram("1-0:99.97.0(3)(1-0:96.7.19)(231105031512W)(23)(632525252525W)(0000000912*s)(230730163005S)(x)\r\n"));
  const auto log = measured(h, "total", "power_failure_duration");
  REQUIRE(log.size() == 1);
  CHECK(log[0].value == 23);
  CHECK(faults(h) == Lines{"line_error"});
}

TEST_CASE("objects of the old paper are read, too") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(
      telegram("7-0:0.0.0(4730303339303031)\r\n7-0:23.1.0(240701120000S)(00321.987*m3)\r\n7-0:24.4.0(1)\r\n8-0:1.0.0("
               "240701120000S)(00012.5*m3)\r\n"));
  CHECK(measured(h, "total", "gas_volume").at(0).value == 321.987);
  CHECK(measured(h, "total", "gas_volume").at(0).time_ns == kNoon - 15 * 60'000'000'000);
  CHECK(measured(h, "total", "valve_state").at(0).value == 1);
  CHECK(measured(h, "total", "water_volume").at(0).value == 12.5);
}

TEST_CASE("a thermal converter has its time elsewhere") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(telegram(
      "0-0:1.1.0(240701121500S)\r\n0-1:24.1.0(012)\r\n0-1:24.2.1(240701120000S)(042.170*GJ)\r\n0-2:24.1.0(010)\r\n"
      "0-2:24.2.1(240701120000S)(000100*kWh)\r\n"));
  CHECK(measured(h, "mbus1", "device_type").at(0).time_ns == kNoon);
  CHECK(measured(h, "mbus1", "thermal_energy_heat").at(0).value == 42.17);
  CHECK(measured(h, "mbus2", "thermal_energy_cold").at(0).value == 0.36);  // 100 kWh
}

TEST_CASE("dialects are recognised by what they send") {
  const auto dialect = [](const std::string& lines, const std::string& header = "TST5X") {
    PluginHarness h(plugin());
    h.open();
    h.bytes(telegram(lines, header));
    for (const auto& e : h.events(Kind::attribute))
      if (e.key == "dialect") return e.text;
    return std::string{};
  };
  const std::string time = "0-0:1.0.0(240701121500S)\r\n";
  CHECK(dialect(time + "0-0:96.1.4(50217)\r\n") == "be");
  CHECK(dialect(time, "FLU5\\253") == "be");
  CHECK(dialect(time, "Lux5\\253") == "lu");
  CHECK(dialect(time + "1-3:0.2.8(42)\r\n0-0:42.0.0(5453543030303031)\r\n") == "lu");
  CHECK(dialect(time, "EST5\\253") == "at");
  CHECK(dialect(time, "ESO5\\V") == "lt");
  CHECK(dialect(time + "1-0:1.8.11(000001.000*kWh)\r\n") == "il");
  CHECK(dialect(time + "1-0:15.8.0(1.0*kWh)\r\n1-0:5.8.0(1.0*kvarh)\r\n") == "hu");
  CHECK(dialect(time + "1-0:0.0.0(1)\r\n", "ISk5\\2MIE5") == "iskra_ie");
  CHECK(dialect("1-0:0.0.0*255(1)\r\n", "ESY5Q3D") == "q3d");
  CHECK(dialect(time + "1-3:0.2.8(50)\r\n") == "nl5");
  CHECK(dialect(time + "1-3:0.2.8(42)\r\n") == "nl4");
  CHECK(dialect(time + "1-1:1.8.0(1.0*kWh)\r\n") == "ch");
  CHECK(dialect(time + "1-0:1.8.0(1.0*kWh)\r\n") == "se");
  CHECK(dialect(time + "0-0:96.1.1(1)\r\n") == "generic");
}

TEST_CASE("a forced profile changes the offset") {
  PluginHarness h(plugin(), PluginOptions{}.text("profile", "fi"));
  h.open();
  h.bytes(at_second(0, "1-0:1.7.0(00.100*kW)\r\n"));
  CHECK(measured(h, "total", "active_power_import").at(0).time_ns == kNoon - 3600'000'000'000);
  PluginHarness offset(plugin(), PluginOptions{}.duration("std_offset", 0h));
  offset.open();
  offset.bytes(at_second(0, "1-0:1.7.0(00.100*kW)\r\n"));
  CHECK(measured(offset, "total", "active_power_import").at(0).time_ns == kNoon + 3600'000'000'000);
}

TEST_CASE("Swiss registers stand for the usual ones unless both are there") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(telegram("1-1:1.8.1(000001.000*kWh)\r\n1-1:1.8.2(000002.000*kWh)\r\n"));
  CHECK(measured(h, "t1", "active_energy_import").at(0).value == 1000);
  CHECK(measured(h, "total", "active_energy_import").at(0).value == 3000);
  h.bytes(telegram("1-0:1.8.1(000005.000*kWh)\r\n1-1:1.8.1(000001.000*kWh)\r\n"));
  CHECK(measured(h, "t1", "active_energy_import").at(1).value == 5000);
  CHECK(measured(h, "t1", "active_energy_import_b1").at(0).value == 1000);
}

TEST_CASE("Israel numbers its tariffs from 11") {
  PluginHarness h(plugin());
  h.open();
  h.bytes(telegram(
      "0-0:1.0.0(240701131500S)\r\n1-0:1.8.11(000001.000*kWh)\r\n1-0:1.8.12(000002.000*kWh)\r\n1-0:1.8.13(000003.000*"
      "kWh)\r\n"
      "1-0:99.1.0(1)(0-0:96.10.7)(1-0:1.29.0)(1-0:2.29.0)(240701131500S)(00)(000000.250*kWh)(000000.000*kWh)\r\n"));
  CHECK(measured(h, "t3", "active_energy_import").at(0).value == 3000);
  CHECK(measured(h, "t1", "active_energy_import").at(0).time_ns == kNoon);  // two hours of winter offset, one of summer
  CHECK(measured(h, "total", "active_energy_import_interval").at(0).value == 250);
  CHECK(measured(h, "total", "active_energy_import_interval").at(0).time_ns == kNoon);
}

TEST_CASE("an option that is wrong is named, a key is not shown") {
  const auto refusal = [](const PluginOptions& options) {
    try {
      PluginHarness h(plugin(), options);
    } catch (const std::runtime_error& e) {
      return std::string(e.what());
    }
    return std::string{};
  };
  CHECK(refusal(PluginOptions{}.text("every", "soon")) ==
        "option every: expected telegram, on_change or a duration such as 10s; got 'soon'");
  CHECK(refusal(PluginOptions{}.text("encryption_key", "SECRETSECRET")) ==
        "option encryption_key: expected 32 hex digits, got 12 characters");
  CHECK(refusal(PluginOptions{}.text("crc", "maybe")) ==
        "option crc: expected one of auto, require, ignore; got 'maybe'");
  CHECK(refusal(PluginOptions{}.map("aliases", {{"1.9.0", "1-0:1.8.0"}})) ==
        "option aliases: expected OBIS codes such as 1-0:1.8.0; got '1.9.0'");
  CHECK(refusal(PluginOptions{}.map("tariff_labels", {{"16", "x"}})) ==
        "option tariff_labels: expected tariff numbers from 1 to 15 as keys; got '16'");
  CHECK(refusal(PluginOptions{}.text("zone", "Mars/Olympus")).find("Mars/Olympus") != std::string::npos);
}

TEST_CASE("an unknown object may be read as another") {
  PluginHarness h(plugin(), PluginOptions{}.map("aliases", {{"1-0:1.9.0", "1-0:1.8.0"}}));
  h.open();
  h.bytes(telegram("1-0:1.9.0(000012.345*kWh)\r\n"));
  CHECK(measured(h, "total", "active_energy_import").at(0).value == 12345);
  CHECK(faults(h).empty());
}

TEST_CASE("an unknown object is told once") {
  PluginHarness h(plugin());
  h.open();
  for (int i = 0; i < 3; ++i) h.bytes(telegram("1-0:1.7.0(00.100*kW)\r\n9-9:99.99.99(1)\r\n"));
  const auto all = h.events(Kind::fault);
  REQUIRE(all.size() == 1);
  CHECK(all[0].key == "unknown_object");
  CHECK(all[0].text == "9-9:99.99.99");
}

TEST_CASE("a megabyte of random bytes yields no measurement") {
  std::mt19937 random(38);
  std::string noise(1 << 20, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (const char* key : {"", "000102030405060708090A0B0C0D0E0F"}) {
    PluginOptions options;
    if (*key != 0) options.text("encryption_key", key);
    PluginHarness h(plugin(), options);
    h.open();
    h.bytes_in_pieces(noise, std::vector<std::size_t>{4096, 1, 700});
    h.close(false);
    CHECK(h.counts().frames == 0);
    CHECK(h.counts().measurements == 0);
    std::uint64_t noise_bytes = 0;
    for (const auto& e : h.events(Kind::fault))
      if (e.key == "noise") noise_bytes += e.length;
    CHECK(noise_bytes > noise.size() / 2);
    h.open();
    h.bytes(kMinimal);
    CHECK(h.counts().frames == 1);
  }
}
