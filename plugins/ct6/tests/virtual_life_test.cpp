// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6 over time: restarts, firmware upgrades, calibration, and the hand of whoever runs it.
#include <cmath>
#include <string>

#include "tests/virtual_rig.hpp"
#include "virtual_digest.hpp"

using namespace mesura::ct6::test;
using mesura::ct6::twin::Object;
using mesura::ct6::twin::Value;
using mesura::test::contains;

namespace {

std::string file_request(std::string_view name, std::string_view folder, std::string_view content) {
  return "FILE " + std::string(name) + " " + std::string(folder) + " " + std::to_string(content.size()) + " " +
         mesura::ct6::twin::sha256_hex(content) + " HTTP/1.1\n" + std::string(content);
}

double live(Rig& rig, std::string_view path) { return number_at(Rig::json(rig.get("/get_stats")), path); }

std::string state_of(Rig& rig) { return *at(rig.state(), "state").as<std::string>(); }

/// Waits at most `seconds` for an answer; how long it took in tenths, or -1.
int tenths_until_answer(Rig& rig, int seconds) {
  for (int i = 0; i < seconds * 10; ++i) {
    rig.host.clear();
    rig.ayt();
    rig.host.advance(100ms);
    if (!rig.sent(kData).empty()) return i;
  }
  return -1;
}

}  // namespace

// ---------------------------------------------------------------- restarts

TEST_CASE("twin restart: power cycle and reboot are an outage of four to five seconds") {
  for (const char* path : {"/power_cycle", "/reboot"}) {
    INFO(path);
    Rig rig;
    rig.host.advance(1h);
    rig.host.peer("10.0.0.1:1", true, kHttp);  // says nothing
    rig.host.clear();
    rig.get(path);
    rig.host.advance(500ms);
    const auto dropped = rig.host.events(Kind::dropped);
    CHECK(std::any_of(dropped.begin(), dropped.end(), [](const auto& e) { return e.to == "10.0.0.1:1"; }));
    CHECK(rig.ask().empty());
    CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n").empty());  // a new connection ends at once
    rig.host.advance(2s);
    CHECK(rig.ask().empty());
    const int waited = tenths_until_answer(rig, 10);
    CHECK(waited > 0);
    CHECK(waited < 25);
    CHECK(number_at(Rig::json(rig.get("/get_uptime")), "UPTIME_SECONDS") < 5);
    CHECK(number_at(rig.state(), "counters.restarts") == 1);
  }
}

TEST_CASE("twin restart: configuration survives, LEDs do not") {
  Rig rig;
  rig.get("/set_config?CT1_NAME=Mains,YDEV_UNIT_NAME=Cellar");
  rig.get("/set_wifi_led?on=force_on");
  rig.get("/power_cycle");
  rig.host.advance(6s);
  const Value state = rig.state();
  CHECK(*at(state, "config.CT1_NAME").as<std::string>() == "Mains");
  CHECK(*at(state, "config.YDEV_UNIT_NAME").as<std::string>() == "Cellar");
  CHECK(*at(state, "wifi_led").as<std::string>() == "release");
}

TEST_CASE("twin restart: an uploaded this.machine.cfg acts at the boot") {
  Rig rig;
  rig.http(file_request("this.machine.cfg", "/", R"({"CT1_NAME": "Restored", "ACTIVE": 1, "WIFI": {"WIFI_CFG": 1}})"));
  CHECK_THAT(rig.get("/get_config"), contains(R"("CT1_NAME": "Grid")"));
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK_THAT(rig.get("/get_config"), contains(R"("CT1_NAME": "Restored")"));
  CHECK_THAT(rig.get("/get_config"), contains(R"("CT2_TYPE": "SCT013_100A")"));  // defaults fill what it lacks
}

TEST_CASE("twin restart: factory.cfg overrides, so calibration survives a reset to defaults") {
  Rig rig;
  const double gain = number_at(rig.state(), "config.CT1_IGAIN");
  rig.get("/reset_to_default_config");
  Value state = rig.state();
  CHECK(number_at(state, "config.CT1_IGAIN") == 45000);
  CHECK(*at(state, "config.ASSY").as<std::string>() == "ASY0197_V00.0000_SN00000000");
  CHECK(rig.ask().empty());  // no longer active
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK(state_of(rig) == "off_network");  // WiFi went as well
  CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n").empty());
  rig.set("wifi", "on");
  state = rig.state();
  CHECK(*at(state, "state").as<std::string>() == "running");
  CHECK(number_at(state, "config.CT1_IGAIN") == gain);
  CHECK(*at(state, "config.ASSY").as<std::string>() == "ASY0398_V003.300_SN00001846");
  CHECK(number_at(state, "config.ACTIVE") == 0);
}

TEST_CASE("twin restart: a reset to defaults keeps the slot since 2.9") {
  const auto slot = [](const char* firmware) {
    Rig rig(PluginOptions{}.text("firmware", firmware));
    rig.get("/swap_active_app");
    rig.get("/reset_to_default_config");
    return number_at(rig.state(), "next_slot");
  };
  CHECK(slot("2.9") == 2);
  CHECK(slot("2.8") == 1);
}

TEST_CASE("twin restart: without WiFi the firmware since 2.63 restarts after ten seconds") {
  const auto restarts = [](const char* firmware, int seconds) {
    Rig rig(PluginOptions{}.text("firmware", firmware));
    rig.fault("wifi", 1, seconds);
    CHECK(rig.ask().empty());
    rig.host.advance(std::chrono::seconds{seconds} + 1s);
    CHECK_FALSE(rig.ask().empty());
    return number_at(rig.state(), "counters.restarts");
  };
  CHECK(restarts("3.1", 5) == 0);
  CHECK(restarts("3.1", 12) == 1);
  CHECK(restarts("2.61", 12) == 0);
}

// ---------------------------------------------------------------- firmware over the air

TEST_CASE("twin OTA: the vendor's five steps bring the uploaded version") {
  Rig rig;
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.1"})");
  CHECK(rig.get("/erase_offline_app") == R"({"OK": true})");
  CHECK_THAT(rig.get("/get_sys_stats"), contains("DISK_USED_BYTES"));
  CHECK(rig.get("/get_inactive_app_folder") == R"({"INACTIVE_APP_FOLDER": "/app2"})");
  const std::string ok = "HTTP/1.0 200 OK\r\nContent-type: application/json\r\n\r\n{\"OK\": true}";
  CHECK(rig.http(file_request("app.mpy", "/app2",
                              std::string("M\x06\x00\x1f", 4) + "FIRMWARE_VERSION\x03"
                                                                "3.2\x00")) == ok);
  CHECK(rig.http(file_request("web.mpy", "/app2/lib", "M")) == ok);
  CHECK(rig.http(file_request("lcd.mpy", "/app2/lib/drivers", "M")) == ok);
  CHECK(rig.get("/get_active_app_folder") == R"({"ACTIVE_APP_FOLDER": "/app1"})");
  CHECK(rig.get("/swap_active_app") == R"({"ACTIVE_APP_FOLDER": 2})");
  CHECK(rig.get("/get_active_app_folder") == R"({"ACTIVE_APP_FOLDER": "/app2"})");
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.1"})");
  rig.get("/reboot");
  rig.host.advance(6s);
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.2"})");
  CHECK(number_at(rig.state(), "slot") == 2);
  CHECK_THAT(rig.ask(), contains(R"("FIRMWARE_VERSION": "3.2")"));
}

TEST_CASE("twin OTA: a file named version tells it, too") {
  Rig rig;
  rig.http(file_request("version", "/app2", "2.64\n"));
  rig.get("/swap_active_app");
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK_THAT(rig.get("/fw_version"), contains("invalid command"));  // 2.64 has no such thing
  CHECK_THAT(rig.ask(), !contains("TIMESENT"));
}

TEST_CASE("twin OTA: into an empty slot the unit does not come back until it is mended") {
  Rig rig;
  rig.get("/swap_active_app");
  rig.get("/power_cycle");
  rig.host.advance(1min);
  CHECK(rig.ask().empty());
  CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n").empty());
  const Value state = rig.state();
  CHECK(*at(state, "state").as<std::string>() == "bricked");
  CHECK(*at(state, "why").as<std::string>() == "/app2 holds no app");
  rig.set("firmware", "3.0");
  rig.host.advance(1s);
  CHECK_FALSE(rig.ask().empty());
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.0"})");
}

TEST_CASE("twin OTA: across 2.8 the input gain changes, and readings with it") {
  Rig rig(PluginOptions{}.text("firmware", "2.70").text("profile", "constant:1000"));
  CHECK(live(rig, "CT1.PRMS") == Approx(-1000));
  const double amps = live(rig, "CT1.IRMS");
  rig.set("firmware", "3.1");
  rig.host.advance(6s);
  CHECK(live(rig, "CT1.IRMS") == Approx(amps / 4).epsilon(0.01));
  CHECK(live(rig, "CT1.VRMS") == Approx(230).epsilon(0.02));
}

// ---------------------------------------------------------------- calibration

TEST_CASE("twin calibration: VRMS converges as the vendor's procedure has it") {
  for (const auto& [key, path] :
       {std::pair{"CS4_VOLTAGE_GAIN", "CT1.VRMS"}, std::pair{"CS0_VOLTAGE_GAIN", "CT4.VRMS"}}) {
    Rig rig(PluginOptions{}.flag("calibrated", false).integer("seed", 7));
    rig.set("mains_voltage", "236.4");
    int gain = 50000;
    int rounds = 0;
    for (; rounds < 10; ++rounds) {
      rig.get("/set_config?" + std::string(key) + "=" + std::to_string(gain));
      rig.get("/init_atm90e32_devs");
      rig.host.advance(400ms);
      const double read = live(rig, path);
      CHECK(read >= 100);
      if (std::abs(read - 236.4) < 0.3) break;
      gain = static_cast<int>(gain * 236.4 / read);
      if (gain > 65535) gain = 64535;
    }
    CHECK(rounds >= 1);
    CHECK(rounds < 10);
    CHECK(gain == Approx(55600).epsilon(0.01));
  }
}

TEST_CASE("twin calibration: IRMS converges, then the offset silences it") {
  Rig rig(PluginOptions{}.flag("calibrated", false));
  rig.set("ct2_current", "10.3");
  rig.get("/set_config?CT2_IOFFSET=0");
  int gain = 8000;
  int rounds = 0;
  for (; rounds < 10; ++rounds) {
    rig.get("/set_config?CT2_IGAIN=" + std::to_string(gain));
    rig.get("/init_atm90e32_devs");
    const double read = live(rig, "CT2.IRMS");
    if (std::abs(read - 10.3) < 0.02) break;
    gain = static_cast<int>(gain * 10.3 / read);
  }
  CHECK(rounds >= 1);
  CHECK(rounds < 10);
  CHECK(gain == Approx(42720).epsilon(0.01));
  rig.set("ct2_current", "0");
  CHECK(live(rig, "CT2.IRMS") > 0);
  int offset = 0;
  for (rounds = 0; rounds < 10 && live(rig, "CT2.IRMS") != 0.0; ++rounds) {
    offset -= 1000;
    rig.get("/set_config?CT2_IOFFSET=" + std::to_string(offset + 65536));
    rig.get("/init_atm90e32_devs");
  }
  CHECK(offset == -1000);
  CHECK(number_at(rig.state(), "registers.CT2_IOFFSET") == 64536);
}

TEST_CASE("twin calibration: values act after the init or a boot, not before") {
  Rig rig(PluginOptions{}.text("profile", "constant:500"));
  const double before = live(rig, "CT1.VRMS");
  const double gain = number_at(rig.state(), "registers.CS4_VOLTAGE_GAIN");
  rig.get("/set_config?CS4_VOLTAGE_GAIN=" + std::to_string(static_cast<int>(gain / 2)));
  CHECK(live(rig, "CT1.VRMS") == Approx(before).epsilon(0.001));
  CHECK(number_at(rig.state(), "registers.CS4_VOLTAGE_GAIN") == gain);
  rig.get("/init_atm90e32_devs");
  CHECK(live(rig, "CT1.VRMS") == Approx(before / 2).epsilon(0.001));
  CHECK(live(rig, "CT4.VRMS") == Approx(before).epsilon(0.01));  // the other chip
  rig.get("/set_config?CT1_IGAIN=1000");
  rig.get("/save_factory_cfg");
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK(number_at(rig.state(), "registers.CT1_IGAIN") == 1000);
}

TEST_CASE("twin calibration: saved and restored over WiFi") {
  Rig rig;
  const Value reply = Rig::json(rig.get("/get_file?file=factory.cfg"));
  const Value* file = mesura::ct6::twin::find(*reply.as<Object>(), "factory.cfg");
  REQUIRE(file != nullptr);
  const std::string saved = *file->as<std::string>();
  CHECK(Rig::json(saved).as<Object>()->size() == 16);
  const double gain = number_at(rig.state(), "registers.CT3_IGAIN");
  rig.get("/set_config?CT3_IGAIN=9999");
  rig.get("/save_factory_cfg");
  rig.get("/init_atm90e32_devs");
  CHECK(number_at(rig.state(), "registers.CT3_IGAIN") == 9999);
  rig.http(file_request("factory.cfg", "/", saved));
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK(number_at(rig.state(), "registers.CT3_IGAIN") == gain);
}

TEST_CASE("twin calibration: a gain of 0 or a wrong mains frequency bricks the unit") {
  for (const char* setting : {"CT4_IGAIN=0", "CS0_VOLTAGE_GAIN=0", "LINE_FREQ_HZ=55", "CT1_IGAIN=many"}) {
    INFO(setting);
    Rig rig(PluginOptions{}.flag("calibrated", false));  // without a factory.cfg that would heal it
    rig.get("/set_config?" + std::string(setting));
    CHECK(rig.http("GET /init_atm90e32_devs HTTP/1.1\r\n\r\n").empty());  // the handler throws
    CHECK_FALSE(rig.ask().empty());
    rig.get("/power_cycle");
    rig.host.advance(10min);
    CHECK(rig.ask().empty());
    CHECK(state_of(rig) == "bricked");
    CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n").empty());
    const std::string key = std::string(setting).substr(0, std::string(setting).find('='));
    rig.set(key, key == "LINE_FREQ_HZ" ? "50" : "45000");
    CHECK(state_of(rig) == "running");
    rig.host.advance(1s);
    CHECK_FALSE(rig.ask().empty());
  }
}

TEST_CASE("twin calibration: factory.cfg heals a bad gain, unless it holds it") {
  Rig rig;
  rig.get("/set_config?CT4_IGAIN=0");
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK(state_of(rig) == "running");
  rig.get("/set_config?CT4_IGAIN=0");
  rig.get("/save_factory_cfg");
  rig.get("/power_cycle");
  rig.host.advance(6s);
  CHECK(state_of(rig) == "bricked");
  rig.set("CT4_IGAIN", "42700");
  CHECK(state_of(rig) == "running");
}

TEST_CASE("twin chips: resolution, gate and limits") {
  Rig rig(PluginOptions{}.text("profile", "constant:500"));
  rig.set("ct1_power", "-0.39");
  rig.set("ct2_power", "0.41");
  rig.set("ct3_current", "80");
  rig.set("mains_voltage", "230.004");
  const Value stats = Rig::json(rig.get("/get_stats"));
  CHECK(number_at(stats, "CT1.PRMS") == 0);
  CHECK(number_at(stats, "CT1.PF") == 0);
  CHECK(number_at(stats, "CT2.PRMS") == Approx(0.41).margin(0.00032));
  CHECK(number_at(stats, "CT3.IRMS") == Approx(65.535));
  CHECK(number_at(stats, "CT1.VRMS") == Approx(230.0).margin(0.001));
  CHECK(number_at(stats, "CT3.IPEAK") == Approx(80 * std::sqrt(2.0)).epsilon(0.001));
}

// ---------------------------------------------------------------- control

TEST_CASE("twin control: get tells everything") {
  Rig rig;
  rig.ask();
  rig.get("/fw_version");
  const Value state = rig.state();
  for (const char* key : {"state", "firmware", "uptime", "slot", "next_slot", "broker_open", "wifi_led",
                          "bluetooth_led", "config", "registers", "files", "counters", "faults"}) {
    INFO(key);
    CHECK(has(state, key));
  }
  CHECK(number_at(state, "counters.ayt") == 1);
  CHECK(number_at(state, "counters.answers") == 1);
  CHECK(number_at(state, "counters.http_requests") == 1);
  CHECK(number_at(state, "counters.mqtt_messages") == 0);
  rig.host.advance(1h);
  CHECK(number_at(rig.state(), "uptime") >= 3600);
}

TEST_CASE("twin control: set by any name, refusals in words") {
  Rig rig;
  rig.set("active", "0");
  CHECK(rig.ask().empty());
  rig.set("ACTIVE", "1");
  rig.set("unit_name", "Cellar");
  rig.set("ct3_name", "Pump");
  rig.host.advance(1s);
  CHECK_THAT(rig.ask(), contains(R"("UNIT_NAME": "Cellar", )") && contains(R"("NAME": "Pump", )"));
  const auto refused = [&](std::string name, std::string value) {
    return rig.command("set", PluginOptions{}.text("name", std::move(name)).text("value", std::move(value)));
  };
  CHECK_THAT(refused("nonsense", "1"), contains("refused: name: expected a key of the configuration"));
  CHECK(refused("ct1_power", "much") == "refused: ct1_power: expected a number or auto, got 'much'");
  CHECK_THAT(refused("ct7_power", "1"), contains("refused: name:"));
  CHECK(refused("lost", "2") == "refused: lost: expected a chance from 0 to 1, got '2'");
  CHECK(refused("power", "maybe") == "refused: power: expected on or off, got 'maybe'");
  CHECK(refused("wifi", "maybe") == "refused: wifi: expected on or off, got 'maybe'");
  CHECK(refused("firmware", "x") == "refused: firmware: expected a version such as 3.1, got 'x'");
  CHECK(rig.command("dance") == "refused: command: expected get, set or fault, got 'dance'");
}

TEST_CASE("twin control: loads by hand, and back to the profile") {
  Rig rig(PluginOptions{}.text("profile", "constant:500"));
  rig.set("ct5_power", "123");
  CHECK(live(rig, "CT5.PRMS") == Approx(123));
  rig.set("mains_frequency", "49.5");
  CHECK(live(rig, "CT1.FREQ") == Approx(49.5));
  rig.set("ct5_power", "auto");
  rig.set("mains_frequency", "auto");
  CHECK(live(rig, "CT5.PRMS") == Approx(-500));
  CHECK(live(rig, "CT1.FREQ") == Approx(50).margin(0.5));
}

TEST_CASE("twin control: switched off it stays off, switched on it boots") {
  Rig rig;
  rig.set("power", "off");
  rig.host.advance(1h);
  CHECK(rig.ask().empty());
  rig.set("power", "on");
  rig.host.advance(1s);
  CHECK(rig.ask().empty());
  rig.host.advance(5s);
  CHECK_FALSE(rig.ask().empty());
}

TEST_CASE("twin control: chances can be changed while it runs") {
  Rig rig;
  rig.set("lost", "1");
  CHECK(rig.ask().empty());
  rig.set("lost", "0");
  rig.host.advance(1s);
  CHECK_FALSE(rig.ask().empty());
  CHECK(number_at(rig.state(), "faults.lost") == 1);
}
