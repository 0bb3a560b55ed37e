// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6's HTTP interface: one case for each row of the sheet's table (4.2), and the framing around it.
#include <string>

#include "tests/virtual_rig.hpp"
#include "virtual_digest.hpp"

using namespace mesura::ct6::test;
using mesura::ct6::twin::Array;
using mesura::ct6::twin::Object;
using mesura::ct6::twin::Value;
using mesura::test::contains;

namespace {

const std::string kOkHeader = "HTTP/1.0 200 OK\r\nContent-type: application/json\r\n\r\n";

std::string upload(std::string_view name, std::string_view folder, std::string_view content, std::string hash = {}) {
  if (hash.empty()) hash = mesura::ct6::twin::sha256_hex(content);
  return "FILE " + std::string(name) + " " + std::string(folder) + " " + std::to_string(content.size()) + " " + hash +
         " HTTP/1.1\n" + std::string(content);
}

}  // namespace

// ---------------------------------------------------------------- 4.1

TEST_CASE("twin HTTP: status line, one header, body, end of connection") {
  Rig rig;
  CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n") == kOkHeader + R"({"FIRMWARE_VERSION": "3.1"})");
  CHECK(rig.http("GET /fw_version HTTP/1.0\r\nHost: x\r\nAccept: */*\r\n\r\n") ==
        kOkHeader + R"({"FIRMWARE_VERSION": "3.1"})");
}

TEST_CASE("twin HTTP: any other verb, and errors, come with status 200") {
  Rig rig;
  for (const char* verb : {"POST", "PUT", "HEAD", "get", "XYZ"}) {
    INFO(verb);
    CHECK(rig.http(std::string(verb) + " /fw_version HTTP/1.1\r\n\r\n") ==
          kOkHeader + R"({"ERROR": "NO command found."})");
  }
  CHECK(rig.get("/nonsense") == R"({"ERROR": "/nonsense is an invalid command."})");
}

TEST_CASE("twin HTTP: paths in any case, prefixes match, four are exact") {
  Rig rig;
  CHECK(rig.get("/FW_Version") == R"({"FIRMWARE_VERSION": "3.1"})");
  CHECK(rig.get("/fw_version_and_more") == R"({"FIRMWARE_VERSION": "3.1"})");
  CHECK_THAT(rig.get("/get_machine_configs"), contains("is an invalid command."));
  CHECK_THAT(rig.get("/get_sys_statsx"), contains("is an invalid command."));
  CHECK_THAT(rig.get("/erase_offline_appx"), contains("is an invalid command."));
  CHECK(rig.get("/get_file_listx") == R"({"ERROR": "No file passed to /get_file"})");  // falls to the prefix /get_file
  CHECK_THAT(rig.get("/GET_SYS_STATS"), contains("RAM_USED_BYTES"));
}

TEST_CASE("twin HTTP: arguments between commas, keys in any case, nothing decoded") {
  Rig rig;
  CHECK(rig.get("/set_config?ct1_name=A%20B,Ct2_Name=C") == R"({"CT1_NAME": "A%20B", "CT2_NAME": "C"})");
  CHECK(rig.get("/set_config?CT1_NAME=A&CT2_NAME=B") == R"({"ERROR": "Config parameter unset"})");  // two '=' in one
  CHECK(rig.get("/set_config?CT1_NAME=a=b") == R"({"ERROR": "Config parameter unset"})");
  CHECK(rig.get("/set_config?CT1_NAME=a?b") == R"({"CT1_NAME": "a"})");
}

TEST_CASE("twin HTTP: an apostrophe breaks the reply") {
  Rig rig;
  CHECK(rig.get("/set_config?CT1_NAME=Bob's") == R"({"CT1_NAME": "Bob"s"})");
  CHECK_THAT(rig.get("/get_config"), contains(R"("CT1_NAME": "Bob"s")"));
  CHECK_THAT(rig.ask(), contains(R"("NAME": "Bob's")"));  // only replies over HTTP are spoilt
}

TEST_CASE("twin HTTP: a request in pieces") {
  const std::string request = "GET /set_config?CT1_NAME=x HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n";
  for (const std::size_t piece : {1U, 2U, 7U, 30U}) {
    Rig rig;
    CHECK(rig.http(request, {piece}) == kOkHeader + R"({"CT1_NAME": "x"})");
  }
}

TEST_CASE("twin HTTP: who says nothing, or half of it, gets nothing and disturbs nobody") {
  Rig rig;
  CHECK(rig.http("") == "(open)");
  const std::string request = "GET /fw_version HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t n = 0; n < request.size(); ++n) CHECK(rig.http(request.substr(0, n)) == "(open)");
  CHECK(rig.http("GET /fw_version HTTP/1.1\n\n") == "(open)");  // an empty line ends with CRLF
  CHECK(rig.http("\xff\xfe\x01") == "(open)");
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.1"})");
  CHECK(rig.http(std::string(20'000, 'x')).empty());  // the twin hangs up before it runs out of memory
}

TEST_CASE("twin HTTP: bytes after the request are ignored") {
  Rig rig;
  CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\nGET /reboot HTTP/1.1\r\n\r\n") ==
        kOkHeader + R"({"FIRMWARE_VERSION": "3.1"})");
  CHECK(number_at(rig.state(), "counters.http_requests") == 1);
}

// ---------------------------------------------------------------- 4.2, row by row

TEST_CASE("twin HTTP /get_stats: live, without header keys and time, active or not") {
  Rig rig(PluginOptions{}.flag("active", false).text("profile", "constant:500"));
  const Value stats = Rig::json(rig.get("/get_stats"));
  CHECK(stats.as<Object>()->size() == 14);
  for (const char* key :
       {"IP_ADDRESS", "OS", "UNIT_NAME", "PRODUCT_ID", "DEVICE_TYPE", "SERVICE_LIST", "GROUP_NAME", "TIMESENT"})
    CHECK_FALSE(has(stats, key));
  CHECK(number_at(stats, "CT1.PRMS") == Approx(-500));
  CHECK(number_at(stats, "ACTIVE") == 0);
  CHECK(rig.host.counts().batches == 1);
  CHECK_THAT(rig.get("/"), contains("\"CT1\": {"));
  CHECK_THAT(rig.get("/x"), contains("is an invalid command."));
}

TEST_CASE("twin HTTP /get_stats: disturbs no one's mean") {
  Rig rig(PluginOptions{}.text("profile", "constant:500"));
  rig.ask();
  rig.host.advance(1s);
  for (int i = 0; i < 3; ++i) rig.get("/get_stats");
  CHECK_FALSE(rig.ask().empty());
}

TEST_CASE("twin HTTP /get_config and /get_machine_config: every key of the sheet") {
  Rig rig;
  for (const char* path : {"/get_config", "/get_config?x=1", "/get_machine_config"}) {
    const Value config = Rig::json(rig.get(path));
    for (const char* key : {"ASSY",
                            "YDEV_UNIT_NAME",
                            "YDEV_GROUP_NAME",
                            "YDEV_PRODUCT_ID",
                            "YDEV_DEVICE_TYPE",
                            "YDEV_SERVICE_LIST",
                            "YDEV_OS",
                            "YDEV_AYT_TCP_PORT_KEY",
                            "BLUETOOTH_ON_KEY",
                            "WIFI",
                            "CS0_VOLTAGE_GAIN",
                            "CS4_VOLTAGE_GAIN",
                            "CS0_VOLTAGE_OFFSET",
                            "CS4_VOLTAGE_OFFSET",
                            "ZERO_POWER_GATE_WATTS",
                            "LINE_FREQ_HZ",
                            "ACTIVE",
                            "MQTT_SERVER_ADDRESS",
                            "MQTT_TOPIC",
                            "MQTT_USERNAME",
                            "MQTT_PASSWORD",
                            "MQTT_SERVER_PORT",
                            "MQTT_TX_PERIOD_MS",
                            "PF_WATTS_THRESHOLD",
                            "APP"}) {
      INFO(key);
      CHECK(has(config, key));
    }
    for (int port = 1; port <= 6; ++port)
      for (const char* suffix : {"_IGAIN", "_IOFFSET", "_TYPE", "_NAME"})
        CHECK(has(config, "CT" + std::to_string(port) + suffix));
    CHECK(config.as<Object>()->size() == 49);
    CHECK(*at(config, "WIFI.MODE").as<std::string>() == "STA");
    CHECK(number_at(config, "YDEV_AYT_TCP_PORT_KEY") == 29340);
  }
}

TEST_CASE("twin HTTP: the defaults of the sheet") {
  Rig rig(PluginOptions{}.flag("factory_new", true));
  rig.get("/reset_to_default_config");
  CHECK(rig.get("/get_config") ==
        R"({"ASSY": "ASY0197_V00.0000_SN00000000", "YDEV_UNIT_NAME": "", "YDEV_GROUP_NAME": "", )"
        R"("YDEV_PRODUCT_ID": "CT6", "YDEV_DEVICE_TYPE": "6_CHNL_CT_SENSOR", "YDEV_SERVICE_LIST": "WEB:80", )"
        R"("YDEV_OS": "micropython", "YDEV_AYT_TCP_PORT_KEY": 29340, "BLUETOOTH_ON_KEY": 1, )"
        R"("WIFI": {"WIFI_CFG": 0, "MODE": "AP", "CHANNEL": 3, "SSID": "YDEV", "PASSWD": "12345678"}, )"
        R"("CT1_IGAIN": 45000, "CT1_IOFFSET": 45000, "CT1_TYPE": "SCT013_100A", "CT1_NAME": "", )"
        R"("CT2_IGAIN": 45000, "CT2_IOFFSET": 45000, "CT2_TYPE": "SCT013_100A", "CT2_NAME": "", )"
        R"("CT3_IGAIN": 45000, "CT3_IOFFSET": 45000, "CT3_TYPE": "SCT013_100A", "CT3_NAME": "", )"
        R"("CT4_IGAIN": 45000, "CT4_IOFFSET": 45000, "CT4_TYPE": "SCT013_100A", "CT4_NAME": "", )"
        R"("CT5_IGAIN": 45000, "CT5_IOFFSET": 45000, "CT5_TYPE": "SCT013_100A", "CT5_NAME": "", )"
        R"("CT6_IGAIN": 45000, "CT6_IOFFSET": 45000, "CT6_TYPE": "SCT013_100A", "CT6_NAME": "", )"
        R"("CS0_VOLTAGE_GAIN": 45000, "CS4_VOLTAGE_GAIN": 45000, "CS0_VOLTAGE_OFFSET": 61440, )"
        R"("CS4_VOLTAGE_OFFSET": 61440, "ZERO_POWER_GATE_WATTS": 0.5, "LINE_FREQ_HZ": 50, "ACTIVE": 0, )"
        R"("MQTT_SERVER_ADDRESS": "", "MQTT_TOPIC": "", "MQTT_USERNAME": "", "MQTT_PASSWORD": "", )"
        R"("MQTT_SERVER_PORT": 1883, "MQTT_TX_PERIOD_MS": 2000, "PF_WATTS_THRESHOLD": 5, "APP": 1})");
}

TEST_CASE("twin HTTP /set_config: the sheet's example") {
  Rig rig;
  CHECK(rig.get("/set_config?CT1_NAME=1,CT2_NAME=Solar,ACTIVE=1") ==
        R"({"CT1_NAME": 1.0, "CT2_NAME": "Solar", "ACTIVE": 1.0})");
  CHECK_THAT(rig.ask(), contains(R"("CT1": {"TYPE": "SCT013_100A", "NAME": 1.0, )") && contains(R"("ACTIVE": 1.0)"));
}

TEST_CASE("twin HTTP /set_config: settable keys, two flash writes each, the rest ignored") {
  Rig rig;
  for (const char* key : {"YDEV_UNIT_NAME",
                          "YDEV_GROUP_NAME",
                          "ASSY",
                          "CT1_IGAIN",
                          "CT6_IOFFSET",
                          "CT3_TYPE",
                          "CT4_NAME",
                          "CS0_VOLTAGE_GAIN",
                          "CS4_VOLTAGE_GAIN",
                          "CS0_VOLTAGE_OFFSET",
                          "CS4_VOLTAGE_OFFSET",
                          "ZERO_POWER_GATE_WATTS",
                          "LINE_FREQ_HZ",
                          "ACTIVE",
                          "MQTT_SERVER_ADDRESS",
                          "MQTT_SERVER_PORT",
                          "MQTT_TOPIC",
                          "MQTT_USERNAME",
                          "MQTT_PASSWORD",
                          "MQTT_TX_PERIOD_MS",
                          "PF_WATTS_THRESHOLD"})
    CHECK(rig.get(std::string("/set_config?") + key + "=50") == "{\"" + std::string(key) + "\": 50.0}");
  for (const char* key : {"WIFI", "BLUETOOTH_ON_KEY", "YDEV_PRODUCT_ID", "YDEV_DEVICE_TYPE", "YDEV_SERVICE_LIST",
                          "YDEV_OS", "YDEV_AYT_TCP_PORT_KEY", "APP", "CT7_NAME", "CT0_NAME", "NONSENSE", ""})
    CHECK(rig.get(std::string("/set_config?") + key + "=1") == R"({"ERROR": "Config parameter unset"})");
  CHECK(rig.get("/set_config") == R"({"ERROR": "Config parameter unset"})");
  const double before = number_at(rig.state(), "counters.flash_writes");
  CHECK(rig.get("/set_config?CT1_NAME=a,CT2_NAME=b,APP=2") == R"({"CT1_NAME": "a", "CT2_NAME": "b"})");
  CHECK(number_at(rig.state(), "counters.flash_writes") == before + 4);
}

TEST_CASE("twin HTTP /fw_version: since 2.65") {
  Rig rig(PluginOptions{}.text("firmware", "2.65"));
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "2.65"})");
  Rig old(PluginOptions{}.text("firmware", "2.64"));
  CHECK(old.get("/fw_version") == R"({"ERROR": "/fw_version is an invalid command."})");
}

TEST_CASE("twin HTTP /get_sys_stats") {
  Rig rig;
  const Value stats = Rig::json(rig.get("/get_sys_stats"));
  CHECK(stats.as<Object>()->size() == 5);
  CHECK(number_at(stats, "RAM_USED_BYTES") + number_at(stats, "RAM_FREE_BYTES") == number_at(stats, "RAM_TOTAL_BYTES"));
  for (const char* key : {"RAM_USED_BYTES", "RAM_FREE_BYTES", "RAM_TOTAL_BYTES", "DISK_USED_BYTES"})
    CHECK(at(stats, key).as<std::int64_t>() != nullptr);
  CHECK(at(stats, "DISK_PERCENTAGE_USED").as<float>() != nullptr);
}

TEST_CASE("twin HTTP /get_uptime: since 2.5") {
  Rig rig;
  rig.host.advance(24h - 1s);
  CHECK(rig.get("/get_uptime") == R"({"OK": true, "UPTIME_SECONDS": 86400})");
  Rig old(PluginOptions{}.text("firmware", "2.3"));
  CHECK_THAT(old.get("/get_uptime"), contains("invalid command"));
}

TEST_CASE("twin HTTP /get_file_list: absolute, recursive, folders with a slash") {
  Rig rig;
  const std::string text = rig.get("/get_file_list");
  const Value list = Rig::json(text);
  REQUIRE(list.as<Array>() != nullptr);
  for (const char* path : {"\"/main.py\"", "\"/this.machine.cfg\"", "\"/factory.cfg\"", "\"/app1/\"",
                           "\"/app1/lib/drivers/\"", "\"/app1/lib/drivers/atm90e32.mpy\""})
    CHECK_THAT(text, contains(path));
}

TEST_CASE("twin HTTP /get_file") {
  Rig rig;
  CHECK(rig.http(upload("note.txt", "/", "two\nlines \"x\"")) == kOkHeader + R"({"OK": true})");
  CHECK(rig.get("/get_file?file=note.txt") == R"({"OK": true, "note.txt": "two\nlines \"x\""})");
  CHECK(rig.get("/get_file?file=/note.txt") == R"({"OK": true, "/note.txt": "two\nlines \"x\""})");
  CHECK(rig.get("/get_file?file=nothing") == R"({"ERROR": "[Errno 2] ENOENT"})");
  // What the calibration tool reads: ASSY in three parts.
  const Value reply = Rig::json(rig.get("/get_file?file=this.machine.cfg"));
  const Value* text = mesura::ct6::twin::find(*reply.as<Object>(), "this.machine.cfg");
  REQUIRE(text != nullptr);
  CHECK(*at(Rig::json(*text->as<std::string>()), "ASSY").as<std::string>() == "ASY0398_V003.300_SN00001846");
}

TEST_CASE("twin HTTP /rmfile") {
  Rig rig;
  rig.http(upload("note.txt", "/", "x"));
  CHECK(rig.get("/rmfile?file=/note.txt") == R"({"OK": true})");
  CHECK(rig.get("/rmfile?file=/note.txt") == R"({"ERROR": "Failed to delete /note.txt"})");
  CHECK(rig.get("/rmfile") == R"({"ERROR": "No file passed to /rmfile"})");
}

TEST_CASE("twin HTTP /mkdir and /rmdir") {
  Rig rig;
  CHECK(rig.get("/mkdir?dir=/data") == R"({"OK": true})");
  CHECK(rig.get("/mkdir?dir=/data") == R"({"ERROR": "Failed to create /data"})");
  CHECK(rig.get("/mkdir?dir=/a/b") == R"({"ERROR": "Failed to create /a/b"})");  // one level
  CHECK(rig.get("/mkdir") == R"({"ERROR": "No dir passed to /mkdir"})");
  CHECK_THAT(rig.get("/get_file_list"), contains("\"/data/\""));
  rig.http(upload("f", "/data", "x"));
  CHECK(rig.get("/rmdir?dir=/data") == R"({"ERROR": "Failed to remove /data"})");  // not empty
  rig.get("/rmfile?file=/data/f");
  CHECK(rig.get("/rmdir?dir=/data") == R"({"OK": true})");
  CHECK(rig.get("/rmdir?dir=/data") == R"({"ERROR": "Failed to remove /data"})");
  CHECK(rig.get("/rmdir") == R"({"ERROR": "No dir passed to /rmdir"})");
}

TEST_CASE("twin HTTP: slots") {
  Rig rig;
  CHECK(rig.get("/get_active_app_folder") == R"({"ACTIVE_APP_FOLDER": "/app1"})");
  CHECK(rig.get("/get_inactive_app_folder") == R"({"INACTIVE_APP_FOLDER": "/app2"})");
  CHECK(rig.get("/swap_active_app") == R"({"ACTIVE_APP_FOLDER": 2})");  // a bare number
  CHECK(rig.get("/get_active_app_folder") == R"({"ACTIVE_APP_FOLDER": "/app2"})");
  CHECK(rig.get("/get_inactive_app_folder") == R"({"INACTIVE_APP_FOLDER": "/app1"})");
  CHECK(number_at(rig.state(), "slot") == 1);  // until the next boot
  CHECK(rig.get("/swap_active_app") == R"({"ACTIVE_APP_FOLDER": 1})");
}

TEST_CASE("twin HTTP /erase_offline_app") {
  Rig rig;
  rig.get("/mkdir?dir=/app2");
  rig.http(upload("app.mpy", "/app2", "x"));
  CHECK(rig.get("/erase_offline_app") == R"({"OK": true})");
  CHECK_THAT(rig.get("/get_file_list"), !contains("/app2"));
  CHECK(rig.get("/erase_offline_app") == R"({"OK": true})");
}

TEST_CASE("twin HTTP: replies of the small commands") {
  Rig rig;
  CHECK(rig.get("/save_factory_cfg") == R"({"OK": "Saved factory config to factory.cfg"})");
  CHECK(rig.get("/get_temperature") == R"({"OK": true, "CT6_BOARD_TEMPERATURE": 24.8})");
  CHECK(rig.get("/set_wifi_led?on=force_on") == R"({"OK": true})");
  CHECK(rig.get("/set_bluetooth_led?on=1") == R"({"OK": true})");
  Value state = rig.state();
  CHECK(*at(state, "wifi_led").as<std::string>() == "force_on");
  CHECK(at(state, "bluetooth_led").truthy());
  CHECK(rig.get("/set_wifi_led?on=release") == R"({"OK": true})");
  CHECK(rig.get("/set_bluetooth_led?on=0") == R"({"OK": true})");
  state = rig.state();
  CHECK(*at(state, "wifi_led").as<std::string>() == "release");
  CHECK_FALSE(at(state, "bluetooth_led").truthy());
  CHECK(rig.get("/init_atm90e32_devs") == R"({"OK": "ATM90E32 init success."})");
  CHECK(rig.get("/reset_to_default_config") == R"({"INFO": "The unit has been reset to the default configuration."})");
  CHECK(rig.get("/reset_wifi_config") == R"({"OK": true})");
  CHECK(rig.get("/reboot") == R"({"INFO": "Reboot in progress..."})");
}

TEST_CASE("twin HTTP /power_cycle") {
  Rig rig;
  CHECK(rig.get("/power_cycle") == R"({"OK": "POWER CYCLE IN PROGRESS"})");
}

TEST_CASE("twin HTTP /wifi_scan") {
  Rig rig;
  const Value reply = Rig::json(rig.get("/wifi_scan"));
  const auto* networks = at(reply, "WIFI_SCAN_RESULTS").as<Array>();
  REQUIRE(networks != nullptr);
  REQUIRE(networks->size() == 3);
  for (const Value& n : *networks)
    for (const char* key : {"SSID", "BSSID", "CHANNEL", "RSSI", "SECURITY", "HIDDEN"}) CHECK(has(n, key));
}

TEST_CASE("twin HTTP /init_atm90e32_devs: takes half a second, in which nothing else is served") {
  Rig rig;
  const PluginHarness::From first{"10.0.0.1:1", {}, 0}, second{"10.0.0.2:2", {}, 0};
  rig.host.peer("10.0.0.1:1", true, kHttp);
  rig.host.peer("10.0.0.2:2", true, kHttp);
  rig.host.bytes("GET /init_atm90e32_devs HTTP/1.1\r\n\r\n", first, kHttp);
  rig.host.bytes("GET /fw_version HTTP/1.1\r\n\r\n", second, kHttp);
  rig.host.advance(499ms);
  CHECK(rig.sent(kHttp).empty());
  rig.host.advance(1ms);
  const auto sent = rig.host.events(Kind::sent);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].to == "10.0.0.1:1");
  CHECK(sent[1].to == "10.0.0.2:2");
}

// ---------------------------------------------------------------- 4.5

TEST_CASE("twin HTTP FILE: upload, overwrite, empty, trailing slash, new folder") {
  Rig rig;
  const std::string ok = kOkHeader + R"({"OK": true})";
  CHECK(rig.http(upload("a.txt", "/", "hello")) == ok);
  CHECK(rig.http(upload("a.txt", "/", "again")) == ok);
  CHECK(rig.get("/get_file?file=/a.txt") == R"({"OK": true, "/a.txt": "again"})");
  CHECK(rig.http("FILE empty /fresh/ 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 HTTP/1.1\n") ==
        ok);
  CHECK(rig.get("/get_file?file=/fresh/empty") == R"({"OK": true, "/fresh/empty": ""})");
  CHECK(number_at(rig.state(), "counters.uploads") == 3);
}

TEST_CASE("twin HTTP FILE: content in pieces, line ends in it or not") {
  std::string content;
  for (int i = 0; i < 3000; ++i) content += static_cast<char>(i * 7);
  for (const std::size_t piece : {1U, 255U, 256U, 1000U, 4096U}) {
    Rig rig;
    CHECK(rig.http(upload("b.bin", "/", content), {piece}) == kOkHeader + R"({"OK": true})");
    CHECK(rig.get("/get_file?file=/b.bin") == R"({"ERROR": ""})");  // text files only
  }
}

TEST_CASE("twin HTTP FILE: a hash mismatch deletes the file and answers with two headers") {
  Rig rig;
  const std::string both =
      "HTTP/1.0 500 Internal Server Error\r\nContent-type: application/json\r\n\r\n"
      "HTTP/1.0 200 OK\r\nContent-type: application/json\r\n\r\n"
      R"({"ERROR": "/app2/x.mpy XFER ERROR (deleted)."})";
  CHECK(rig.http(upload("x.mpy", "/app2", "abc", std::string(64, '0'))) == both);
  CHECK_THAT(rig.get("/get_file_list"), !contains("x.mpy"));
  CHECK(both.substr(0, 1024).find("200 OK") != std::string::npos);  // what the vendor's tool takes for success
  rig.fault("hash_mismatch");
  CHECK(rig.http(upload("x.mpy", "/app2", "abc")) == both);
  CHECK(rig.http(upload("x.mpy", "/app2", "abc")) == kOkHeader + R"({"OK": true})");
}

TEST_CASE("twin HTTP FILE: a malformed line closes the connection") {
  Rig rig;
  for (const char* line : {"FILE a / 5 HTTP/1.1\nhello", "FILE a b / 5 00 HTTP/1.1\nhello", "FILE a / x 00 HTTP/1.1\n",
                           "FILE a / -1 00 HTTP/1.1\n", "FILE a / 99999999 00 HTTP/1.1\n", "FILE \n"}) {
    INFO(line);
    CHECK(rig.http(line).empty());
  }
  CHECK(rig.http(upload("a", "/no/such", "x")).empty());  // one level only
}

TEST_CASE("twin HTTP: a handler that throws says nothing") {
  Rig rig;
  rig.fault("http_drop");
  CHECK(rig.http("GET /fw_version HTTP/1.1\r\n\r\n").empty());
  CHECK(rig.get("/fw_version") == R"({"FIRMWARE_VERSION": "3.1"})");
}

TEST_CASE("twin HTTP: latency delays replies") {
  Rig rig(PluginOptions{}.duration("http_latency", 300ms));
  rig.host.peer("10.0.0.1:1", true, kHttp);
  rig.host.bytes("GET /fw_version HTTP/1.1\r\n\r\n", PluginHarness::From{"10.0.0.1:1", {}, 0}, kHttp);
  rig.host.advance(299ms);
  CHECK(rig.sent(kHttp).empty());
  rig.host.advance(1ms);
  CHECK(rig.sent(kHttp).size() == 1);
}
