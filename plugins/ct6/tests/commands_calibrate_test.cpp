// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Calibration converges, keeps within bounds, and puts back what it does not finish.
#include <cmath>
#include <set>
#include <string>

#include "command_rig.hpp"

using namespace mesura::ct6::test;
using mesura::test::contains;

namespace {

using Way = Trouble::Kind;

/// A steady unit, without calibration unless said otherwise.
PluginOptions steady(bool calibrated) { return PluginOptions{}.text("profile", "flat").flag("calibrated", calibrated); }

PluginOptions volts(int port, double value) { return PluginOptions{}.integer("port", port).number("volts", value); }
PluginOptions amperes(int port, double value) { return PluginOptions{}.integer("port", port).number("amperes", value); }

double reading(CommandRig& rig, std::string_view key) { return number_at(Rig::json(rig.unit.get("/get_stats")), key); }

/// Every register value that ever went out.
void check_bounds(const CommandRig& rig) {
  for (const auto& sent : rig.wrote) {
    const std::string path = path_of(sent.to);
    if (!path.starts_with("/set_config?")) continue;
    const double value = std::stod(path.substr(path.find('=') + 1));
    INFO(path);
    CHECK(value <= 65535);
    CHECK(value >= (path.find("OFFSET") != std::string::npos ? 0 : 1));
  }
}

std::string file(CommandRig& rig) {
  const Ended end = rig.run("get_file", PluginOptions{}.text("file", "/factory.cfg"));
  return end.status == MESURA_REPLY_DONE ? end.bytes : "";
}

}  // namespace

TEST_CASE("calibrate_voltage: converges to 0.3 V, for both chips") {
  CommandRig rig(steady(false));
  rig.set("mains_voltage", "236.5");
  CHECK(std::abs(reading(rig, "CT1.VRMS") - 236.5) > 5);
  for (const int port : {1, 5}) {
    const Ended end = rig.run("calibrate_voltage", volts(port, 236.5));
    INFO(end.message);
    REQUIRE(end.status == MESURA_REPLY_DONE);
    CHECK(std::abs(reading(rig, "CT" + std::to_string(port) + ".VRMS") - 236.5) < 0.3);
    const auto result = Rig::json(end.json);
    CHECK(at(result, "before").as<mesura::ct6::twin::Object>()->size() == 16);
    CHECK(at(result, "after").as<mesura::ct6::twin::Object>()->size() == 16);
    CHECK(std::abs(number_at(result, "reading.value") - 236.5) < 0.3);
    CHECK(number_at(result, "steps") >= 1);
  }
  check_bounds(rig);
  CHECK_THAT(file(rig), contains("CS4_VOLTAGE_GAIN"));
  CHECK_THAT(rig.progress.front(), contains("cs4_voltage_gain = 45000, reads "));
  // It outlives a restart.
  REQUIRE(rig.run("power_cycle").status == MESURA_REPLY_DONE);
  CHECK(std::abs(reading(rig, "CT6.VRMS") - 236.5) < 0.3);
  rig.wrote.clear();
  const Ended again = rig.run("calibrate_voltage", volts(2, 236.5));
  CHECK(again.message == "already in force");
  CHECK(rig.wrote.empty());
}

TEST_CASE("calibrate_current: converges to 0.02 A, from either side, with either input gain") {
  for (const char* firmware : {"3.1", "2.70"}) {
    CommandRig rig(steady(false).text("firmware", firmware));
    for (int port = 1; port <= 6; ++port) {
      rig.set("ct" + std::to_string(port) + "_current", "10.02");
      const Ended end = rig.run("calibrate_current", amperes(port, 10.02));
      INFO(firmware << " port " << port << " " << end.message);
      REQUIRE(end.status == MESURA_REPLY_DONE);
      CHECK(std::abs(reading(rig, "CT" + std::to_string(port) + ".IRMS") - 10.02) < 0.02);
    }
    check_bounds(rig);
  }
}

TEST_CASE("calibrate_offset: reads exactly 0 without load, and refuses one with") {
  CommandRig rig(steady(false));
  rig.set("ct3_current", "0");
  rig.set("CT3_IOFFSET", "0");
  REQUIRE(rig.run("init_chips").status == MESURA_REPLY_DONE);
  CHECK(reading(rig, "CT3.IRMS") > 0);
  const Ended end = rig.run("calibrate_offset", PluginOptions{}.integer("port", 3));
  INFO(end.message);
  REQUIRE(end.status == MESURA_REPLY_DONE);
  CHECK(reading(rig, "CT3.IRMS") == 0);
  CHECK(rig.config("CT3_IOFFSET") == "64536.0");
  rig.set("ct4_current", "5");
  rig.wrote.clear();
  const Ended loaded = rig.run("calibrate_offset", PluginOptions{}.integer("port", 4));
  CHECK(loaded.status == MESURA_REPLY_INVALID);
  CHECK_THAT(loaded.message, contains("switch its load off"));
  CHECK(rig.wrote.empty());
}

TEST_CASE("calibration: absurd true values never leave the bounds, and leave nothing behind") {
  CommandRig rig(steady(true));
  rig.set("mains_voltage", "230");
  rig.set("ct1_current", "2");
  const std::string before = rig.config("CT1_IGAIN"), factory = file(rig);
  for (const double absurd : {3.2, 9.0, 64.0, 65.0}) {
    INFO(absurd);
    const Ended end = rig.run("calibrate_current", amperes(1, absurd));
    CHECK(end.status == MESURA_REPLY_INVALID);
    CHECK_THAT(end.message, contains("is the true value right?"));
    CHECK(rig.config("CT1_IGAIN") == before);
  }
  // One that the register cannot reach is seen at once, without a write.
  CHECK(rig.wrote.empty());
  rig.set("ct1_current", "0");
  const Ended nothing = rig.run("calibrate_current", amperes(1, 10));
  CHECK(nothing.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(nothing.message, contains("nothing to calibrate by"));
  rig.set("mains_voltage", "20");
  const Ended unplugged = rig.run("calibrate_voltage", volts(1, 230));
  CHECK(unplugged.status == MESURA_REPLY_INVALID);
  CHECK_THAT(unplugged.message, contains("AC adapter"));
  CHECK(rig.wrote.empty());
  CHECK(file(rig) == factory);
  for (const auto& arguments : {amperes(7, 10), amperes(0, 10)})
    CHECK(rig.run("calibrate_current", arguments).status == MESURA_REPLY_INVALID);
}

TEST_CASE("calibration: a load that does not stand still ends it, and the old value is put back") {
  CommandRig rig(steady(true));
  rig.set("ct2_current", "10");
  const std::string before = rig.config("CT2_IGAIN"), factory = file(rig);
  const auto id = rig.begin("calibrate_current", amperes(2, 8));
  for (int i = 0; i < 400 && rig.ended(id).status == -1; ++i) {
    rig.advance(190ms);
    rig.set("ct2_current", std::to_string(7 + i * 5 % 7));
  }
  rig.advance(1min);
  const Ended end = rig.ended(id);
  CHECK(end.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(end.message, contains("no gain found in 20 steps"));
  CHECK_THAT(end.message, contains("again"));
  CHECK(std::stod(rig.config("CT2_IGAIN")) == std::stod(before));
  CHECK(file(rig) == factory);
  CHECK(number_at(rig.state(), "registers.CT2_IGAIN") == std::stod(before));
  check_bounds(rig);
}

TEST_CASE("calibration: called off, it puts back what it changed, though nobody waits") {
  for (const auto after : {1200ms, 2400ms}) {
    CommandRig rig(steady(false));
    rig.set("mains_voltage", "230");
    const std::string before = rig.config("CS4_VOLTAGE_GAIN");
    const auto id = rig.begin("calibrate_voltage", volts(1, 200));
    REQUIRE(rig.until_asked("/set_config"));
    rig.advance(after);
    if (rig.ended(id).status != -1) continue;
    CHECK(std::stod(rig.config("CS4_VOLTAGE_GAIN")) != std::stod(before));
    rig.cancel(id);
    rig.advance(10s);
    CHECK(std::stod(rig.config("CS4_VOLTAGE_GAIN")) == std::stod(before));
    CHECK(number_at(rig.state(), "registers.CS4_VOLTAGE_GAIN") == std::stod(before));
    CHECK(rig.ended(id).status == MESURA_REPLY_REFUSED);
  }
}

TEST_CASE("calibration: a unit that fails in the middle is put back when it answers, and says so when not") {
  CommandRig rig(steady(true));
  rig.set("ct1_current", "10");
  const std::string before = rig.config("CT1_IGAIN");
  rig.trouble({Way::closed, "/get_stats", 1, 1});
  const Ended end = rig.run("calibrate_current", amperes(1, 9));
  CHECK(end.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(end.message, contains("ct1_gain is " + std::to_string(std::stoi(before)) + " again"));
  CHECK(std::stod(rig.config("CT1_IGAIN")) == std::stod(before));
  CommandRig away(steady(true));
  away.set("ct1_current", "10");
  away.trouble({Way::silent, "", 6, 1000});
  const Ended gone = away.run("calibrate_current", amperes(1, 9));
  CHECK(gone.status == MESURA_REPLY_TIMEOUT);
  CHECK_THAT(gone.message, contains("could NOT be put back"));
  CHECK(at(Rig::json(gone.json), "before").as<mesura::ct6::twin::Object>()->size() == 16);
}

TEST_CASE("calibration: without save, factory.cfg and the next start have the old value") {
  CommandRig rig(steady(true));
  rig.set("ct1_current", "10");
  const std::string factory = file(rig);
  auto arguments = amperes(1, 9);
  arguments.flag("save", false);
  CHECK(rig.run("calibrate_current", arguments).status == MESURA_REPLY_DONE);
  CHECK(file(rig) == factory);
  const auto shown = Rig::json(rig.run("calibration").json);
  CHECK(at(shown, "differences").dump() == R"(["CT1_IGAIN"])");
  CHECK(at(shown, "configuration").as<mesura::ct6::twin::Object>()->size() == 16);
  const Ended saved = rig.run("save_factory_config");
  CHECK(saved.status == MESURA_REPLY_DONE);
  CHECK(file(rig) != factory);
  CHECK(at(Rig::json(rig.run("calibration").json), "differences").dump() == "[]");
}

TEST_CASE("save_factory_config does not make permanent what keeps the unit from starting") {
  CommandRig rig(steady(true));
  rig.set("CT2_IGAIN", "0");
  const Ended end = rig.run("save_factory_config");
  CHECK(end.status == MESURA_REPLY_INVALID);
  CHECK_THAT(end.message, contains("would not start"));
  CHECK(rig.wrote.empty());
}

TEST_CASE("restore_calibration: brings back a kept factory.cfg, and nothing that is not one") {
  CommandRig rig(steady(true));
  const std::string kept = file(rig);
  rig.set("ct1_current", "10");
  REQUIRE(rig.run("calibrate_current", amperes(1, 9)).status == MESURA_REPLY_DONE);
  REQUIRE(file(rig) != kept);
  const auto content = [](std::string text) { return PluginOptions{}.text("content", std::move(text)); };
  rig.wrote.clear();
  const auto without = [&](std::string_view key) {
    auto object = *Rig::json(kept).as<mesura::ct6::twin::Object>();
    std::erase_if(object, [&](const auto& m) { return m.key == key; });
    return mesura::ct6::twin::Value{object}.dump();
  };
  const auto changed = [&](std::string_view key, mesura::ct6::twin::Value value) {
    auto object = *Rig::json(kept).as<mesura::ct6::twin::Object>();
    mesura::ct6::twin::put(object, key, std::move(value));
    return mesura::ct6::twin::Value{object}.dump();
  };
  using mesura::ct6::twin::Value;
  for (const std::string& bad :
       {std::string{}, std::string{"no json"}, std::string{"[]"}, std::string{"{}"}, without("CT4_IOFFSET"),
        without("ASSY"), changed("CT1_IGAIN", Value{0}), changed("CT1_IGAIN", Value{70000}),
        changed("CS4_VOLTAGE_GAIN", Value{"x"}), changed("LINE_FREQ_HZ", Value{55}), changed("ASSY", Value{"me"}),
        changed("ACTIVE", Value{0})}) {
    INFO(bad);
    CHECK(rig.run("restore_calibration", content(bad)).status == MESURA_REPLY_INVALID);
  }
  CHECK(rig.wrote.empty());
  const Ended end = rig.run("restore_calibration", content(kept));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(at(Rig::json(end.json), "factory_before").as<mesura::ct6::twin::Object>()->size() == 16);
  CHECK(std::stod(rig.config("CT1_IGAIN")) == number_at(Rig::json(kept), "CT1_IGAIN"));
  CHECK(number_at(rig.state(), "registers.CT1_IGAIN") == number_at(Rig::json(kept), "CT1_IGAIN"));
  CHECK(rig.run("restore_calibration", content(kept)).message == "already in force");
  // A file from before the unit had an identity leaves it its own, or gives it the one that is said.
  const std::string nameless = changed("ASSY", Value{"ASY0197_V00.0000_SN00000000"});
  CHECK(rig.run("restore_calibration", content(nameless)).status == MESURA_REPLY_DONE);
  CHECK(rig.config("ASSY") == R"("ASY0398_V003.300_SN00001846")");
  auto named = content(nameless);
  named.text("assy", "ASY0398_V03.2000_SN00001834");
  CHECK(rig.run("restore_calibration", named).status == MESURA_REPLY_DONE);
  CHECK(rig.config("ASSY") == R"("ASY0398_V03.2000_SN00001834")");
}
