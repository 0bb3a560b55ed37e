// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The command channel, word for word: greeting, info, every command, every refusal (sheet 2, 3, 4, 18).
#include "support/catch.hpp"
#include "virtual_rig.hpp"

using namespace mesura::smartmeter::test;
using Kind = mesura::test::PluginEvent::Kind;

namespace {

const std::string kOther = "10.0.0.2:4000";

std::string ok(const std::string& json) { return "Info:" + json + "\r\n"; }

}  // namespace

TEST_CASE("greeting: the info line first, as in the sheet's recording") {
  Rig rig(quiet().number("current", 0).list("energy", {"10149.5684", "5101.2324", "4509.2102"}));
  rig.harness.peer("10.0.0.1:4000", true);
  CHECK(
      rig.take() ==
      ok(R"({"cmd":"info","type":"smartmeter","version":"2.2","compiled":"Nov  3 2021 10:12:33","sys_time":"03/02/2021 16:03:58.120","name":"smartmeter001","ip":"192.168.0.138","mqtt_server":"-","stream_server":"-","time_server":"time.google.com","sampling_rate":8000,"buffer_size":3670016,"psram":true,"rtc":true,"state":"idle","energy":"[10149.5684, 5101.2324, 4509.2102]","dailyReset":"None","calibration":[1,1,1,1,1,1],"ssids":"[energywifi]","ssid":"energywifi","rssi":-71,"bssid":"aa:bb:cc:dd:ee:ff"})"));
}

TEST_CASE("greeting: one client each 100 ms, in the order of their coming") {
  Rig rig(PluginOptions{});
  rig.harness.peer("a:1", true);
  rig.harness.peer("b:1", true);
  CHECK(rig.take("a:1").empty());
  rig.advance(100ms);
  CHECK(rig.take("a:1").rfind("Info:{\"cmd\":\"info\"", 0) == 0);
  CHECK(rig.take("b:1").empty());
  rig.advance(100ms);
  CHECK(rig.take("b:1").rfind("Info:{\"cmd\":\"info\"", 0) == 0);
}

TEST_CASE("clients: the fourth is closed without a byte, the others hear of it") {
  Rig rig;
  for (const char* peer : {"a:1", "b:1", "c:1"}) rig.join(peer);
  rig.take("a:1");
  rig.take("b:1");
  rig.others();
  rig.harness.peer("d:1", true);
  CHECK(rig.take("d:1").empty());
  CHECK(rig.take("a:1") == "Info:[W]03/02 16:03:58: To much clients, could not add client\r\n");
  const auto dropped = rig.others();
  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].kind == Kind::dropped);
  CHECK(dropped[0].to == "d:1");
  rig.harness.peer("d:1", false);
  rig.harness.peer("c:1", false);
  rig.harness.peer("e:1", true);
  CHECK(rig.take("e:1").rfind("Info:{\"cmd\":\"info\"", 0) == 0);
}

TEST_CASE("vector T7: the liveness line, once a second while idle") {
  Rig rig(PluginOptions{}.duration("accept", 0s), "tcp_listen", 1'614'677'827'500 * kMs);
  rig.join();
  rig.advance(1s);
  CHECK(rig.take() == unhex("49 6e 66 6f 3a 5b 49 5d 30 33 2f 30 32 20 31 30 3a 33 37 3a 30 38 3a 20 0d 0a"));
  rig.advance(10s);
  CHECK(pieces(rig.take()).size() == 10);
}

TEST_CASE("liveness: may carry the state") {
  Rig rig(PluginOptions{}.duration("accept", 0s).flag("liveness_state", true).number("current", 0));
  rig.join();
  rig.advance(1s);
  CHECK(rig.take() == R"(Info:[I]03/02 16:03:59: {"power":0,"energy":0,"current":0,"volt":230,"ts":"1614697439"})"
                      "\r\n");
}

TEST_CASE("vector T9: keepalive and availability") {
  Rig rig;
  rig.join();
  CHECK(rig.ask("!").empty());
  CHECK(rig.ask("!anything").empty());
  CHECK(rig.ask("?") == unhex("49 6e 66 6f 3a 53 65 74 75 70 20 64 6f 6e 65 0d 0a"));
  CHECK(rig.ask("?{\"cmd\":\"info\"}") == "Info:Setup done\r\n");
}

TEST_CASE("vector T10: stop while idle is refused without a word") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"stop"})") == unhex(R"(49 6e 66 6f 3a 7b 22 65 72 72 6f 72 22 3a 74 72
                 75 65 2c 22 63 6d 64 22 3a 22 73 74 6f 70 22 7d 0d 0a)"));
}

TEST_CASE("failures: not JSON, no command, unknown command") {
  Rig rig(quiet(), "tcp_listen", 1'614'697'509'000 * kMs);
  rig.join();
  rig.join(kOther);
  rig.take();
  CHECK(rig.ask(R"({"cmd":"switch","payload":{"value":1}})") ==
        "Info:[W]03/02 16:05:09: Received unknown command\r\n"
        "Info:{\"error\":true,\"cmd\":\"switch\",\"msg\":\"unknown command\"}\r\n");
  rig.advance(1s);
  rig.take(kOther);
  CHECK(rig.ask("hello") == "Info:[E]03/02 16:05:10: deserializeJson() failed: hello_\r\n");
  CHECK(rig.take(kOther) == "Info:[E]03/02 16:05:10: deserializeJson() failed: hello_\r\n");
  CHECK(rig.ask(R"({"x":1})") ==
        R"(Info:{"error":true,"msg":"JSON format error, syntax: {\"cmd\":<cmdName>, \"[payload\":{<data>}]}}"})"
        "\r\n");
  CHECK(rig.ask(R"({"cmd":5})").find("JSON format error") != std::string::npos);
  CHECK(rig.ask("") == "Info:[E]03/02 16:05:10: deserializeJson() failed: _\r\n");
  CHECK(rig.ask(R"({"cmd":"info)" + std::string(40, 'x')) ==
        "Info:[E]03/02 16:05:10: deserializeJson() failed: __cmd_:_info" + std::string(18, 'x') + "\r\n");
}

TEST_CASE("lines: 599 bytes at most, in whatever pieces they come") {
  Rig rig;
  rig.join();
  const std::string head = R"({"cmd":"stop","x":")";
  const std::string fits = head + std::string(599 - head.size() - 3, 'x') + "\"}";  // and a CR
  CHECK(rig.ask(fits) == "Info:{\"error\":true,\"cmd\":\"stop\"}\r\n");
  const std::string longer = head + std::string(599 - head.size() - 1, 'x') + "\"}";
  CHECK(rig.ask(longer).find("deserializeJson() failed: __cmd_:_stop_,_x_:_xxx") != std::string::npos);
  CHECK(rig.ask(R"({"cmd":"stop"})") == "Info:{\"error\":true,\"cmd\":\"stop\"}\r\n");
  mesura::test::PluginHarness::From from;
  from.peer = "10.0.0.1:4000";
  for (const char c : std::string("{\"cmd\":\"stop\"}\n{\"cmd\":\"stop\"}\n"))
    rig.harness.bytes(std::string(1, c), from);
  CHECK(rig.take() == "Info:{\"error\":true,\"cmd\":\"stop\"}\r\nInfo:{\"error\":true,\"cmd\":\"stop\"}\r\n");
  for (int i = 0; i < 300; ++i) rig.harness.bytes(std::string(1000, 'y'), from);  // without an end
  rig.harness.bytes("\n", from);
  CHECK(rig.take().find("deserializeJson() failed: yyyy") != std::string::npos);
  CHECK(rig.ask(R"({"cmd":"stop"})") == "Info:{\"error\":true,\"cmd\":\"stop\"}\r\n");
}

TEST_CASE("log level: per connection, and its refusals") {
  Rig rig;
  rig.join();
  rig.join(kOther);
  CHECK(rig.ask(R"({"cmd":"log","level":"error"})") ==
        ok(R"({"error":false,"cmd":"log","msg":"Log Level set to: error"})"));
  CHECK(rig.ask(R"({"cmd":"log"})") ==
        ok(R"({"error":true,"cmd":"log","msg":"Not a valid Log level cmd, level missing"})"));
  CHECK(rig.ask(R"({"cmd":"log","level":"loud"})") ==
        ok(R"({"error":true,"cmd":"log","msg":"Unknown log level: loud"})"));
  rig.take(kOther);
  CHECK(rig.ask(R"({"cmd":"none"})") == ok(R"({"error":true,"cmd":"none","msg":"unknown command"})"));
  CHECK(rig.take(kOther) == "Info:[W]03/02 16:03:58: Received unknown command\r\n");
}

TEST_CASE("momentary values") {
  Rig rig(
      quiet().number("voltage", 325.26911934581187).number("current", 10000 * 1.4142135623730951).number("phi", 60));
  rig.join();
  CHECK(rig.ask(R"({"cmd":"getVoltage"})") ==
        ok(R"({"error":false,"cmd":"getVoltage","voltage":[230,230,230],"unit":"V"})"));
  CHECK(rig.ask(R"({"cmd":"getCurrent"})") ==
        ok(R"({"error":false,"cmd":"getCurrent","current":[10000,10000,10000],"unit":"mA"})"));
  CHECK(
      rig.ask(R"({"cmd":"getPower"})") ==
      ok(R"({"error":false,"cmd":"getPower","activePower":[1150,1150,1150],"reactivePower":[1991.858,1991.858,1991.858],"apparentPower":[2300,2300,2300],"unit":"W/var/VA"})"));
  CHECK(rig.ask(R"({"cmd":"getPeriod"})") ==
        ok(R"({"error":false,"cmd":"getPeriod","period":[50,50,50],"unit":"Hz"})"));
  CHECK(rig.ask(R"({"cmd":"getPhaseAngle"})") ==
        ok(R"({"error":false,"cmd":"getPhaseAngle","phase":[60,60,60],"unit":"Deg"})"));
  rig.advance(1h);
  CHECK(
      rig.ask(R"({"cmd":"getEnergy"})") ==
      ok(R"({"error":false,"cmd":"getEnergy","energy":[1150,1150,1150],"unit":"Wh","startTs":1614697438,"start":"03/02/2021 16:03:58.120","days":0})"));
}

TEST_CASE("momentary values: the firmware's apparent power is the reactive one") {
  Rig rig(quiet()
              .flag("quirks", true)
              .number("voltage", 200 * 1.4142135623730951)
              .number("current", 1000 * 1.4142135623730951));
  rig.join();
  CHECK_THAT(rig.ask(R"({"cmd":"getPower"})"),
             mesura::test::contains(R"("reactivePower":[0,0,0],"apparentPower":[0,0,0])"));
}

TEST_CASE("calibration: all or nothing, applied to every path") {
  Rig rig(quiet().number("voltage", 325.26911934581187).number("current", 10000 * 1.4142135623730951));
  rig.join();
  CHECK(rig.ask(R"({"cmd":"calibration"})") ==
        ok(R"({"error":true,"cmd":"calibration","msg":"Missing cal constants"})"));
  CHECK(rig.ask(R"({"cmd":"calibration","cal":[1,1]})") ==
        ok(R"({"error":true,"cmd":"calibration","msg":"Need at least 6 cal constants"})"));
  CHECK(rig.ask(R"({"cmd":"calibration","cal":[2,2,1,3,1,1]})") ==
        ok(R"({"error":true,"cmd":"calibration","msg":"Calibration parameter 3: 3.00 not allowed [0.5-2.0]"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"info"})"), mesura::test::contains(R"("calibration":[1,1,1,1,1,1])"));
  CHECK(
      rig.ask(R"({"cmd":"calibration","cal":[1.01,0.99,1.02,0.98,1.03,0.97]})") ==
      ok(R"({"error":false,"cmd":"calibration","msg":"Calibration set: v1:1.01, i1:0.99, v2:1.02, i2:0.98, v3:1.03, i3:0.97"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"info"})"), mesura::test::contains(R"("calibration":[1.01,0.99,1.02,0.98,1.03,0.97])"));
  CHECK_THAT(rig.ask(R"({"cmd":"getVoltage"})"), mesura::test::contains("[232.3,234.6,236.9]"));
  CHECK_THAT(rig.ask(R"({"cmd":"getCurrent"})"), mesura::test::contains("[9900,9800,9700]"));
  CHECK_THAT(rig.ask(R"({"cmd":"getPower"})"), mesura::test::contains(R"("activePower":[2299.77,2299.08,2297.93])"));
  rig.ask(R"({"cmd":"sample","payload":{"type":"TCP","rate":8000,"measures":"v,i_L2"}})");
  rig.advance(20ms);
  const auto stream = pieces(rig.take());
  REQUIRE(frames_in(stream) == 1);
  // Row 0 of L2: sin(-120 deg).
  CHECK(float_at(stream[0].text, 0) == Approx(-0.8660254 * 325.26911934 * 1.02));
  CHECK(float_at(stream[0].text, 4) == Approx(-0.8660254 * 14142.1356237 * 0.98));
}

TEST_CASE("energy: reset, with values and a time") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"resetEnergy","energy":[1,2]})") ==
        ok(R"({"error":true,"cmd":"resetEnergy","msg":"Need 3 energy values"})"));
  CHECK(
      rig.ask(R"({"cmd":"resetEnergy"})") ==
      ok(R"({"error":false,"cmd":"resetEnergy","msg":"Energy reset to [0.00, 0.00, 0.00], @03/02/2021 16:03:58.120"})"));
  CHECK(
      rig.ask(R"({"cmd":"resetEnergy","energy":[1,2.5,3],"ts":1614600000})") ==
      ok(R"({"error":false,"cmd":"resetEnergy","msg":"Energy reset to [1.00, 2.50, 3.00], @03/01/2021 13:00:00.000"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"getEnergy"})"),
             mesura::test::contains(
                 R"("energy":[1,2.5,3],"unit":"Wh","startTs":1614600000,"start":"03/01/2021 13:00:00.000","days":1})"));
}

TEST_CASE("names and servers") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"mdns"})") ==
        ok(R"({"error":true,"cmd":"mdns","msg":"MDNS name required in payload with key name"})"));
  CHECK(rig.ask(R"({"cmd":"mdns","payload":{"name":"aaaaaaaaaaaaaaaaaaaaaaaaa"}})") ==
        ok(R"({"error":true,"cmd":"mdns","msg":"MDNS name too long, only string of size 25 allowed"})"));
  CHECK(rig.ask(R"({"cmd":"mdns","payload":{"name":"lab7"}})") ==
        "Info:[I]03/02 16:03:58: MDNS Name: lab7\r\n" +
            ok(R"({"error":false,"cmd":"mdns","msg":"Set MDNS name to: lab7","mdns_name":"lab7"})"));
  CHECK(rig.ask(R"({"cmd":"mqttServer"})") ==
        ok(R"({"error":true,"cmd":"mqttServer","msg":"MQTTServer address required in payload with key server"})"));
  CHECK(rig.ask(R"({"cmd":"mqttServer","payload":{"server":"12345678901234567"}})") ==
        ok(R"({"error":true,"cmd":"mqttServer","msg":"MQTTServer address too long, only string of size 17 allowed"})"));
  CHECK(
      rig.ask(R"({"cmd":"mqttServer","payload":{"server":"10.1.1.1"}})") ==
      ok(R"({"error":false,"cmd":"mqttServer","msg":"Set MQTTServer address to: 10.1.1.1","mqtt_server":"10.1.1.1"})"));
  CHECK(rig.ask(R"({"cmd":"streamServer"})") ==
        ok(R"({"error":true,"cmd":"streamServer","msg":"StreamServer address required in payload with key server"})"));
  CHECK(
      rig.ask(R"({"cmd":"streamServer","payload":{"server":"12345678901234567"}})") ==
      ok(R"({"error":true,"cmd":"streamServer","msg":"StreamServer address too long, only string of size 17 allowed"})"));
  CHECK(rig.ask(R"({"cmd":"streamServer","payload":{"server":"-"}})") ==
        ok(R"({"error":false,"cmd":"streamServer","msg":"Set StreamServer address to: -","stream_server":"-"})"));
  CHECK(rig.ask(R"({"cmd":"timeServer"})") ==
        ok(R"({"error":true,"cmd":"timeServer","msg":"StreamServer address required in payload with key server"})"));
  CHECK(rig.ask(R"({"cmd":"timeServer","payload":{"server":"1234567890123456789012345"}})") ==
        ok(R"({"error":true,"cmd":"timeServer","msg":"TimeServer address too long, only string of size 25 allowed"})"));
  CHECK(
      rig.ask(R"({"cmd":"timeServer","payload":{"server":"ptb.de"}})") ==
      "Info:[I]03/02 16:03:58: NTP synced with conf: 4\r\n" +
          ok(R"({"error":false,"cmd":"timeServer","msg":"Set TimeServer address to: ptb.de","time_server":"ptb.de"})"));
  const std::string info = rig.ask(R"({"cmd":"info"})");
  CHECK_THAT(
      info,
      mesura::test::contains(
          R"("name":"lab7","ip":"192.168.0.138","mqtt_server":"10.1.1.1","stream_server":"-","time_server":"ptb.de")"));
}

TEST_CASE("networks: added, known, full, removed") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"a"}})") ==
        ok(R"({"error":true,"cmd":"addWifi","msg":"WiFi SSID and PWD required, for open networks, fill empty pwd"})"));
  CHECK(rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"12345678901234567890","pwd":""}})") ==
        ok(R"({"error":true,"cmd":"addWifi","msg":"SSID or PWD too long, max: 20, 20"})"));
  CHECK(
      rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"b","pwd":"x"}})") ==
      ok(R"({"error":false,"cmd":"addWifi","ssid":"b","pwd":"x","msg":"New Ap, SSID: b, PW: x","ssids":"[energywifi, b]"})"));
  CHECK(rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"b","pwd":"y"}})") ==
        ok(R"({"error":true,"cmd":"addWifi","msg":"Wifi AP b already in list","ssids":"[energywifi, b]"})"));
  for (const char* name : {"c", "d", "e"})
    rig.ask(std::string(R"({"cmd":"addWifi","payload":{"pwd":"","ssid":")") + name + "\"}}");
  CHECK(
      rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"f","pwd":""}})") ==
      ok(R"({"error":true,"cmd":"addWifi","msg":"MAX # APs reached, need to delete first","ssids":"[energywifi, b, c, d, e]"})"));
  CHECK(rig.ask(R"({"cmd":"delWifi"})") == ok(R"({"error":true,"cmd":"delWifi","msg":"Required SSID to remove"})"));
  CHECK(rig.ask(R"({"cmd":"delWifi","payload":{"ssid":"12345678901234567890"}})") ==
        ok(R"({"error":true,"cmd":"delWifi","msg":"SSID too long, max: 20"})"));
  CHECK(rig.ask(R"({"cmd":"delWifi","payload":{"ssid":"zz"}})") ==
        ok(R"({"error":true,"cmd":"delWifi","msg":"SSID zz not found","ssids":"[energywifi, b, c, d, e]"})"));
  CHECK(rig.ask(R"({"cmd":"delWifi","payload":{"ssid":"c"}})") ==
        ok(R"({"error":false,"cmd":"delWifi","msg":"Removed SSID: c","ssids":"[energywifi, b, d, e]"})"));
}

TEST_CASE("quirks: inverted flags and dangling separators") {
  Rig rig(quiet().flag("quirks", true));
  rig.join();
  CHECK(
      rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"b","pwd":"x"}})") ==
      ok(R"({"error":true,"cmd":"addWifi","ssid":"b","pwd":"x","msg":"New Ap, SSID: b, PW: x","ssids":"[energywifi, b, ]"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"b","pwd":"x"}})"),
             mesura::test::contains(R"({"error":true)"));
  for (const char* name : {"c", "d", "e"})
    rig.ask(std::string(R"({"cmd":"addWifi","payload":{"pwd":"","ssid":")") + name + "\"}}");
  CHECK_THAT(rig.ask(R"({"cmd":"addWifi","payload":{"ssid":"f","pwd":""}})"),
             mesura::test::contains(R"({"error":false,"cmd":"addWifi","msg":"MAX # APs reached)"));
  CHECK_THAT(rig.ask(R"({"cmd":"ntp"})"), mesura::test::contains(R"({"error":true,"cmd":"ntp","msg":"Time synced")"));
}

TEST_CASE("time: synced or not") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"ntp"})") ==
        "Info:[I]03/02 16:03:58: NTP synced with conf: 4\r\n" +
            ok(R"({"error":false,"cmd":"ntp","msg":"Time synced","current_time":"03/02/2021 16:03:58.120"})"));
  rig.harness.command("set", PluginOptions{}.text("name", "ntp_fails").text("value", "on"));
  CHECK(rig.ask(R"({"cmd":"ntp","payload":{"bg":true}})") ==
        ok(R"({"error":true,"cmd":"ntp","msg":"Error syncing time","current_time":"03/02/2021 16:03:58.120"})"));
}

TEST_CASE("log file: two lines, rows with their own head") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"getLog"})") ==
        ok(R"({"cmd":"log","msg":"*** LOGFile *** //n*** LOGFile *** "})") + ok(R"({"error":false,"cmd":"getLog"})"));
  rig.ask("hello");
  rig.ask(R"({"cmd":"none"})");
  CHECK(
      rig.ask(R"({"cmd":"getLog"})") ==
      ok(R"({"cmd":"log","msg":"*** LOGFile *** //nInfo:[E]03/02 16:03:58: deserializeJson() failed: hello_//nInfo:[W]03/02 16:03:58: Received unknown command//n*** LOGFile *** "})") +
          ok(R"({"error":false,"cmd":"getLog"})"));
  CHECK(rig.ask(R"({"cmd":"clearLog"})") == ok(R"({"error":false,"cmd":"clearLog"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"getLog"})"), mesura::test::contains("//n*** LOGFile *** \""));
}

TEST_CASE("daily restart: set, refused, done") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"dailyRestart","hour":6})") ==
        ok(R"({"error":true,"cmd":"dailyRestart","msg":"Missing hour/minute"})"));
  CHECK(rig.ask(R"({"cmd":"dailyRestart","hour":24,"minute":0})") ==
        ok(R"({"error":true,"cmd":"dailyRestart","msg":"Hour must be in 24h format, -1 to disable"})"));
  CHECK(rig.ask(R"({"cmd":"dailyRestart","hour":6,"minute":60})") ==
        ok(R"({"error":true,"cmd":"dailyRestart","msg":"Minute must be -1<min<60, -1 to disable"})"));
  CHECK(rig.ask(R"({"cmd":"dailyRestart","hour":-1,"minute":-1})") ==
        ok(R"({"error":false,"cmd":"dailyRestart","msg":"Disabled daily restart"})"));
  CHECK(rig.ask(R"({"cmd":"dailyRestart","hour":6,"minute":30})") ==
        ok(R"({"error":false,"cmd":"dailyRestart","msg":"Set daily restart to: 06:30:00"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"info"})"), mesura::test::contains(R"("dailyReset":"@06:30:00")"));
  rig.ask(R"({"cmd":"dailyRestart","hour":16,"minute":5})");
  rig.others();
  rig.advance(61s);  // 16:04:59
  CHECK(rig.take().empty());
  rig.advance(1s);
  CHECK(rig.take() == "Info:[I]03/02 16:05:00: Daily restart now!\r\n");
  CHECK(rig.count(Kind::dropped) == 0);
  rig.advance(1s);
  CHECK(rig.count(Kind::dropped) == 1);
}

TEST_CASE("registers") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(R"({"cmd":"ade9k"})") == ok(R"({"error":true,"cmd":"ade9k","msg":"Missing Register address"})"));
  CHECK(rig.ask(R"({"cmd":"ade9k","address":"0x0a"})") ==
        ok(R"({"error":true,"cmd":"ade9k","msg":"Missing Size, 16 or 32 Bit"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"ade9k","address":"ab","size":16})"),
             mesura::test::contains(
                 R"_({"error":true,"cmd":"ade9k","msg":"Register values should be hex strings (e.g. 0xab)","what":)_"));
  CHECK(
      rig.ask(R"({"cmd":"ade9k","address":"0x20a","size":32,"write":"0x1f"})") ==
      ok(R"({"error":false,"cmd":"ade9k","msg":"Addr: 0x020a, Read: 0x0000, Write: 0x001f, Re-Read: 0x001f","regValue":0,"newRegValue":31})"));
  CHECK(rig.ask(R"({"cmd":"ade9k","address":"0x20a","size":32})") ==
        ok(R"({"error":false,"cmd":"ade9k","msg":"Addr: 0x020a, Read: 0x001f","regValue":31})"));
}

TEST_CASE("busy: refused by name, with the words for both cases") {
  Rig rig;
  rig.join();
  rig.join(kOther);
  rig.ask(R"({"cmd":"sample","payload":{"type":"TCP","rate":8000}})");
  CHECK(
      rig.ask(R"({"cmd":"getPower"})", kOther) ==
      ok(R"({"error":true,"cmd":"getPower","msg":"Device with IP: 192.168.0.138 currently sampling","state":"busy"})"));
  for (const char* name : {"sample", "getVoltage", "getCurrent", "getEnergy", "getPeriod", "getPhaseAngle", "mdns",
                           "mqttServer", "streamServer", "timeServer", "addWifi", "delWifi", "calibration",
                           "resetEnergy", "clearLog", "getLog", "dailyRestart", "ade9k"}) {
    INFO(name);
    CHECK_THAT(rig.ask(std::string(R"({"cmd":")") + name + "\"}", kOther),
               mesura::test::contains(R"("state":"busy"})"));
  }
  CHECK_THAT(rig.ask(R"({"cmd":"info"})", kOther), mesura::test::contains(R"("state":"busy")"));
  CHECK(rig.ask("?", kOther) == "Info:Setup done\r\n");
  CHECK_THAT(rig.ask(R"({"cmd":"ntp"})", kOther), mesura::test::contains("Time synced"));
  CHECK_THAT(rig.ask(R"({"cmd":"log","level":"all"})", kOther), mesura::test::contains("Log Level set to: all"));
}

TEST_CASE("busy: somebody who never sampled over TCP, on demand") {
  Rig rig(quiet().flag("busy", true));
  rig.join();
  CHECK(rig.ask(R"({"cmd":"sample","payload":{"type":"TCP","rate":8000}})") ==
        ok(R"({"error":true,"cmd":"sample","msg":"Currently sampling","state":"busy"})"));
}

TEST_CASE("restart: no reply, everybody is dropped, then it serves again") {
  for (const char* command : {"restart", "factoryReset", "basicReset"}) {
    INFO(command);
    Rig rig;
    rig.join();
    rig.join(kOther);
    rig.ask(R"({"cmd":"mdns","payload":{"name":"lab7"}})");
    rig.ask(R"({"cmd":"calibration","cal":[2,1,1,1,1,1]})");
    rig.others();
    CHECK(rig.ask(std::string(R"({"cmd":")") + command + "\"}").empty());
    CHECK(rig.count(Kind::dropped) == 2);
    rig.harness.peer("late:1", true);
    CHECK(rig.take("late:1").empty());
    rig.advance(3s);
    rig.harness.peer("back:1", true);
    const std::string info = rig.take("back:1");
    const std::string wanted = command == std::string("restart")        ? R"("name":"lab7")"
                               : command == std::string("factoryReset") ? R"("name":"smartmeterX")"
                                                                        : R"("name":"lab7")";
    CHECK_THAT(info, mesura::test::contains(wanted));
    CHECK_THAT(info, mesura::test::contains(command == std::string("restart") ? "[2,1,1,1,1,1]" : "[1,1,1,1,1,1]"));
  }
}

TEST_CASE("sister device: its own words") {
  Rig rig(quiet()
              .text("type", "powermeter")
              .number("voltage", 325.26911934581187)
              .number("current", 1000 * 1.4142135623730951));
  rig.harness.peer("10.0.0.1:4000", true);
  const std::string info = rig.take();
  CHECK_THAT(info, mesura::test::contains(R"({"cmd":"info","type":"powermeter","version":"2.3")"));
  CHECK_THAT(info, mesura::test::contains(R"("name":"powermeter001")"));
  CHECK_THAT(info, mesura::test::contains(R"("sampling_rate":4000)"));
  CHECK_THAT(info, mesura::test::contains(R"("relay":true,"energy":0,"dailyReset":"None","calibration":[1,1],)"));
  CHECK_THAT(info, mesura::test::contains(R"("MAC":")"));
  CHECK_THAT(rig.ask(R"({"cmd":"getPower"})"), mesura::test::contains(R"("activePower":230,)"));
  CHECK(rig.ask(R"({"cmd":"switch","payload":{"value":0}})") ==
        ok(R"({"error":false,"cmd":"switch","msg":"Switching: Off"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"getPower"})"), mesura::test::contains(R"("activePower":0,)"));
  CHECK(rig.ask(R"({"cmd":"switch","payload":{"value":-1}})") ==
        ok(R"({"error":false,"cmd":"switch","msg":"Switching: On"})"));
  CHECK_THAT(rig.ask(R"({"cmd":"calibration","calV":1.5,"calI":0.5})"), mesura::test::contains("v1:1.50, i1:0.50"));
  CHECK_THAT(rig.ask(R"({"cmd":"getPower"})"), mesura::test::contains(R"("activePower":172.5,)"));
  CHECK(rig.ask(R"({"cmd":"publishInterval","intv":5})") == ok(R"({"error":false,"cmd":"publishInterval"})"));
  CHECK_THAT(
      rig.ask(R"({"cmd":"sample","payload":{"type":"TCP","rate":7777,"measures":"v,i,p,q"}})"),
      mesura::test::contains(
          R"("measures":"v,i,p,q","chunksize":1024,"samplingrate":7777,"conn_type":"TCP","measurements":4,"prefix":true,"flowCtr":false,"unit":"V,mA,W,VAR")"));
}

TEST_CASE("control: get, set, fault") {
  Rig rig;
  rig.join();
  rig.harness.command("get", {});
  auto replies = rig.harness.events(Kind::reply);
  REQUIRE(replies.size() == 1);
  CHECK_THAT(replies[0].text,
             mesura::test::contains(
                 R"("clients":[{"link":0,"peer":"10.0.0.1:4000","greeted":true,"level":"info","waiting":0}])"));
  CHECK(mesura::smartmeter::twin::Json::parse(replies[0].text).has_value());
  rig.harness.command("set", PluginOptions{}.text("name", "voltage").text("value", "100"));
  CHECK_THAT(rig.ask(R"({"cmd":"getVoltage"})"), mesura::test::contains("[70.71068,70.71068,70.71068]"));
  rig.harness.clear();
  rig.harness.command("set", PluginOptions{}.text("name", "quirks").text("value", "perhaps"));
  replies = rig.harness.events(Kind::reply);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].fault_kind == MESURA_REPLY_REFUSED);
  CHECK(replies[0].key == "'quirks': on or off was expected, got 'perhaps'");
  rig.harness.clear();
  rig.harness.command("set", PluginOptions{}.text("name", "relay").text("value", "off"));
  CHECK(rig.harness.events(Kind::reply).at(0).key == "'relay': only a powermeter has one");
  rig.harness.command("fault", PluginOptions{}.text("kind", "clock_jump").text("value", "-2s"));
  CHECK_THAT(rig.ask(R"({"cmd":"ntp"})"), mesura::test::contains("03/02/2021 16:03:56.120"));
  rig.harness.command("fault", PluginOptions{}.text("kind", "log").text("value", "Loop 3s behind"));
  CHECK(rig.take() == "Info:[W]03/02 16:03:56: Loop 3s behind\r\n");
  rig.others();
  rig.harness.command("fault", PluginOptions{}.text("kind", "overflow"));
  CHECK_THAT(rig.take(), mesura::test::contains("Overflow during ringBuffer write, lost 1 samples"));
  CHECK(rig.count(Kind::dropped) == 1);
}
