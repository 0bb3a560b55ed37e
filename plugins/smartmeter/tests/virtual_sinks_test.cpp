// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Everything but TCP: datagrams, the serial line, the raw port, the stream server, the broker, a file (sheet 7, 11),
// and what the author's clients rely on (sheet 16).
#include <array>

#include "support/catch.hpp"
#include "virtual_frame.hpp"
#include "virtual_rig.hpp"

using namespace mesura::smartmeter::test;
using Kind = mesura::test::PluginEvent::Kind;

namespace {

std::string ok(const std::string& json) { return "Info:" + json + "\r\n"; }
std::string sample(const std::string& payload) { return R"({"cmd":"sample","payload":{)" + payload + "}}"; }
PluginOptions counting() { return quiet().text("signal", "count"); }

bool is_count(std::string_view bytes, std::size_t channels, std::uint64_t first = 0) {
  for (std::size_t i = 0; i * 4 < bytes.size(); ++i) {
    const std::uint64_t value = (8 * (first + i / channels) + i % channels) % (1U << 24);
    if (float_at(bytes, 4 * i) != static_cast<float>(value)) return false;
  }
  return true;
}

std::string opened(const std::vector<PluginEvent>& events) {
  std::string out;
  for (const auto& e : events)
    if (e.kind == Kind::opened) out += std::to_string(e.link) + " " + e.text + "\n";
  return out;
}

constexpr std::uint32_t kRaw = 1, kUdp = 2, kDial = 3, kBroker = 4;

}  // namespace

TEST_CASE("udp: the sheet's reply, one frame a datagram, to the client's address") {
  Rig rig(counting(), "tcp_listen", 1'614'697'441'119 * kMs);
  rig.join();
  CHECK(
      rig.ask(sample(R"("type":"UDP","rate":8000,"port":54323)")) ==
      ok(R"({"error":false,"cmd":"sample","port":54323,"measures":"v,i,v,i,v,i","chunksize":504,"samplingrate":8000,"conn_type":"UDP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","startTs":"1614697441.119"})"));
  rig.advance(1s);
  const auto datagrams = rig.take_each("10.0.0.1:54323", kUdp);
  CHECK(datagrams.size() == 380);  // of 21 rows
  for (const auto& d : datagrams) CHECK(d.size() == 515);
  std::string all;
  for (const auto& d : datagrams) all += d;
  CHECK(is_count(payloads(pieces(all)), 6));
  CHECK(rig.take() == "Info:[I]03/02 16:04:02: 8000.00Hz, 8000s\r\n");
  CHECK_THAT(rig.ask(R"({"cmd":"stop"})"), mesura::test::contains(R"("sent_samples":8000)"));
  CHECK(rig.take_each("10.0.0.1:54323", kUdp).size() == 1);
}

TEST_CASE("udp: two channels, and a port that wraps") {
  Rig rig(counting());
  rig.join();
  rig.ask(sample(R"("type":"UDP","rate":8000,"port":65600,"measures":"v,i_L1")"));
  rig.advance(100ms);
  const auto datagrams = rig.take_each("10.0.0.1:64", kUdp);
  REQUIRE(datagrams.size() == 12);
  CHECK(datagrams[0].size() == 523);
}

TEST_CASE("udp: opens its socket when the host has not") {
  Rig rig(counting());
  rig.join();
  rig.others();
  rig.ask(sample(R"("type":"UDP","rate":8000,"port":1})"));
  rig.ask(sample(R"("type":"UDP","rate":8000,"port":1)"));
  // Link 2 is configured in this rig, so it opens as it stands there.
  CHECK(opened(rig.others()) == "2 \n");
}

TEST_CASE("udp: duplicates, late ones, and the end with the TCP connection") {
  Rig rig(counting().list("duplicate", {"1"}).list("late", {"3"}));
  rig.join();
  rig.ask(sample(R"("type":"UDP","rate":8000,"port":9)"));
  rig.advance(20ms);
  std::string order;
  for (const auto& d : rig.take_each("10.0.0.1:9", kUdp)) order += std::to_string(pieces(d).at(0).number) + " ";
  CHECK(order == "0 1 1 2 4 3 5 6 ");
  rig.harness.peer("10.0.0.1:4000", false);
  rig.advance(1s);
  CHECK(rig.take_each("10.0.0.1:9", kUdp).empty());
}

TEST_CASE("serial: frames with CR LF, chunks of 128, the left-over message") {
  Rig rig(counting(), "pty");
  CHECK(rig.ask(R"({"cmd":"info"})", "")
            .rfind("Info:[E]03/02 16:03:58: MESSAGE Over Serial\r\nInfo:{\"cmd\":\"info\"", 0) == 0);
  CHECK_THAT(rig.ask(sample(R"("type":"Serial","rate":4000)"), ""),
             mesura::test::contains(R"("chunksize":120,"samplingrate":4000,"conn_type":"Serial")"));
  rig.advance(10ms);
  std::string bytes = rig.take("");
  REQUIRE(bytes.size() == 7 * (11 + 120 + 2));
  std::string rows;
  for (std::uint32_t n = 0; n < 7; ++n) {
    const std::string_view frame = std::string_view{bytes}.substr(n * 133, 133);
    CHECK(frame.substr(0, 7) == std::string_view("Data:\x78\0", 7));
    CHECK(little(frame, 7, 4) == n);
    CHECK(frame.substr(131) == "\r\n");
    rows += frame.substr(11, 120);
  }
  CHECK(is_count(rows, 6));
  rig.advance(990ms);
  CHECK_THAT(rig.take(""), mesura::test::contains("4000.00Hz, 4000s"));
  CHECK_THAT(rig.ask(R"({"cmd":"stop"})", ""), mesura::test::contains(R"("sent_samples":4000)"));
}

TEST_CASE("serial: goes on without a reader, and loses what nobody reads") {
  Rig rig(counting(), "pty");
  rig.harness.peer("/dev/pts/7", true);
  rig.ask(sample(R"("type":"Serial","rate":4000)"), "");
  rig.harness.peer("/dev/pts/7", false);
  rig.advance(2s);
  CHECK(rig.take("").empty());
  rig.harness.peer("/dev/pts/7", true);
  rig.advance(100ms);
  const std::string bytes = rig.take("");
  CHECK(bytes.substr(0, 5) == "Data:");
  CHECK(little(bytes, 7, 4) == 1599);  // 7999 rows and one more make 1599 frames of 5
}

TEST_CASE("serial: no rate lines above 4000 Hz") {
  Rig rig(counting(), "pty");
  rig.ask(sample(R"("type":"Serial","rate":8000)"), "");
  rig.advance(2s);
  CHECK(rig.take("").find("Hz, ") == std::string::npos);
}

TEST_CASE("serial: liveness, and TCP only where there is somebody") {
  Rig rig(PluginOptions{}, "pty");
  rig.harness.peer("", true);  // a program opens the other end
  rig.advance(1s);
  CHECK(rig.take("") == "Info:[I]03/02 16:03:59: \r\n");
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":8000)"), ""), mesura::test::contains("\"error\":true"));
}

TEST_CASE("raw port: starts on connect, rows only, 8000 Hz, six channels") {
  Rig rig(counting());
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  rig.join("r:1", kRaw);
  rig.advance(1s);
  const std::string bytes = rig.take("r:1", kRaw);
  CHECK(bytes.size() == 190 * 1008);
  CHECK(is_count(bytes, 6));
  CHECK_THAT(rig.ask(R"({"cmd":"getPower"})"), mesura::test::contains(R"("msg":"Currently sampling")"));
  rig.others();
  CHECK_THAT(rig.ask(R"({"cmd":"stop"})"), mesura::test::contains(R"("samples":8000,"sent_samples":7980)"));
  const auto events = rig.others();
  bool closed = false;
  for (const auto& e : events) closed = closed || (e.kind == Kind::dropped && e.link == kRaw && e.to == "r:1");
  CHECK(closed);
  CHECK(rig.take("r:1", kRaw).empty());
}

TEST_CASE("vector T6: two raw rows have no framing") {
  CHECK(unhex(R"(00 a0 a2 43 00 90 bb c4 00 c0 22 c3 00 90 3b 44
                 00 80 22 c3 00 90 3b 44 00 70 a2 43 00 40 bb c4
                 00 80 2a c3 00 80 45 44 00 60 1a c3 00 00 31 44)") == [] {
    std::string out;
    for (const float value : {325.25F, -1500.5F, -162.75F, 750.25F, -162.5F, 750.25F, 324.875F, -1498.0F, -170.5F,
                              790.0F, -154.375F, 708.0F}) {
      std::array<std::uint8_t, 4> bytes{};
      mesura::smartmeter::twin::put_float(bytes.data(), value);
      out.append(bytes.begin(), bytes.end());
    }
    return out;
  }());
}

TEST_CASE("raw port: waits while somebody samples, one at a time, ends with the connection") {
  Rig rig(counting());
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  rig.ask(sample(R"("type":"TCP","rate":1)"));
  rig.join("r:1", kRaw);
  rig.join("r:2", kRaw);
  rig.advance(1s);
  CHECK(rig.take("r:1", kRaw).empty());
  rig.ask(R"({"cmd":"stop"})");
  rig.advance(10ms);
  CHECK(rig.take("r:1", kRaw).size() == 1008);
  CHECK(rig.take("r:2", kRaw).empty());
  rig.harness.peer("r:1", false, kRaw);
  rig.advance(10ms);
  CHECK(is_count(rig.take("r:2", kRaw), 6));
  rig.harness.peer("r:2", false, kRaw);
  CHECK_THAT(rig.ask(R"({"cmd":"info"})"), mesura::test::contains(R"("state":"idle")"));
}

TEST_CASE("raw port: FFMPEG gives the stream other rows") {
  Rig rig(counting());
  rig.join();
  rig.join("r:1", kRaw);
  rig.advance(100ms);
  rig.take("r:1", kRaw);
  CHECK_THAT(
      rig.ask(sample(R"("type":"FFMPEG","rate":4000,"measures":"v,i_L1")")),
      mesura::test::contains(
          R"("measures":"v,i_L1","chunksize":1024,"samplingrate":4000,"conn_type":"FFMPEG","measurements":2,"prefix":false)"));
  rig.advance(100ms);
  const std::string bytes = rig.take("r:1", kRaw);
  CHECK(bytes.size() == 3 * 1024);
  CHECK(is_count(bytes, 2));
}

TEST_CASE("stream server: dials, greets, dials again after 30 s") {
  Rig rig(counting().text("dial", "127.0.0.1:7001"));
  CHECK(opened(rig.others()) == "3 tcp://127.0.0.1:7001\n");
  rig.harness.open(kDial);
  CHECK(rig.take("", kDial).rfind(R"(Info:{"cmd":"info","type":"smartmeter")", 0) == 0);
  rig.advance(1s);
  CHECK(rig.take("", kDial).empty());  // it does not stream by itself
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":8000)"), "", kDial), mesura::test::contains(R"("conn_type":"TCP")"));
  rig.advance(1s);
  CHECK(frames_in(pieces(rig.take("", kDial))) == 190);
  CHECK_THAT(rig.ask(R"({"cmd":"stop"})", "", kDial), mesura::test::contains(R"("sent_samples":8000)"));
  rig.others();
  rig.harness.close(false, kDial);
  rig.advance(29s);
  CHECK(opened(rig.others()).empty());
  rig.advance(1s);
  CHECK(opened(rig.others()) == "3 tcp://127.0.0.1:7001\n");
}

TEST_CASE("stream server: the first failure is logged, once") {
  Rig rig;
  rig.join();
  CHECK_THAT(rig.ask(R"({"cmd":"streamServer","payload":{"server":"10.9.9.9"}})"),
             mesura::test::contains("Set StreamServer"));
  CHECK(opened(rig.others()) == "3 tcp://10.9.9.9:54322\n");
  rig.harness.close(false, kDial);
  CHECK(rig.take() == "Info:[W]03/02 16:03:58: Cannot connect to StreamServer: 10.9.9.9\r\n");
  rig.advance(30s);
  CHECK(opened(rig.others()) == "3 tcp://10.9.9.9:54322\n");
  rig.harness.close(false, kDial);
  CHECK(rig.take().empty());
  rig.advance(30s);
  rig.harness.open(kDial);
  CHECK(rig.take().rfind("Info:[I]03/02 16:04:58: Connected to StreamServer: 10.9.9.9\r\n", 0) == 0);
  rig.others();
  rig.ask(R"({"cmd":"streamServer","payload":{"server":"-"}})");
  rig.advance(60s);
  CHECK(opened(rig.others()).empty());
}

TEST_CASE("stream server: restart drops the connection, and a full house is refused") {
  Rig rig(quiet().text("dial", "h").integer("clients", 1).duration("redial", 1s).duration("reboot", 0s));
  rig.harness.open(kDial);
  rig.take("", kDial);
  rig.others();
  rig.say(R"({"cmd":"restart"})", "", kDial);
  CHECK(rig.count(Kind::closed) == 1);
  rig.advance(0s);
  CHECK(opened(rig.others()) == "3 tcp://h:54322\n");
}

TEST_CASE("mqtt: subscribes, logs, tells its state every 5 s while idle") {
  Rig rig(quiet()
              .text("broker", "127.0.0.1:1884")
              .number("voltage", 325.26911934581187)
              .number("current", 2000 * 1.4142135623730951));
  CHECK(opened(rig.others()) ==
        "4 mqtt://127.0.0.1:1884?client_id=smartmeter001&topics=powermeter/+,powermeter/smartmeter001/+\n");
  rig.join();
  rig.harness.open(kBroker);
  CHECK(rig.take() ==
        "Info:[I]03/02 16:03:58: MQTT connected to 127.0.0.1\r\n"
        "Info:[I]03/02 16:03:58: Subscribing to: powermeter/+\r\n"
        "Info:[I]03/02 16:03:58: Subscribing to: powermeter/smartmeter001/+\r\n");
  const std::string state = "powermeter/smartmeter001/state/sample";
  rig.advance(4999ms);
  CHECK(rig.take_each(state, kBroker).empty());
  rig.advance(1ms);
  CHECK(rig.take_each(state, kBroker) ==
        std::vector<std::string>{R"({"power":1380,"energy":0,"current":6,"volt":230,"ts":"1614697443"})"});
  std::vector<std::string> truth;
  for (const auto& e : rig.others())
    if (e.kind == Kind::measurement) truth.push_back(e.json());
  CHECK(truth == std::vector<std::string>{
                     R"({"channel":"total","quantity":"active_power","time":"2021-03-02T15:04:03Z","value":1380})",
                     R"({"channel":"total","quantity":"active_energy_import","time":"2021-03-02T15:04:03Z","value":0})",
                     R"({"channel":"total","quantity":"current_sum","time":"2021-03-02T15:04:03Z","value":6})",
                     R"({"channel":"total","quantity":"voltage","time":"2021-03-02T15:04:03Z","value":230})"});
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.advance(20s);
  CHECK(rig.take_each(state, kBroker) == std::vector<std::string>{"on"});
  rig.ask(R"({"cmd":"stop"})");
  CHECK(rig.take_each(state, kBroker) == std::vector<std::string>{"off"});
  rig.advance(5s);
  CHECK(rig.take_each(state, kBroker).size() == 1);
}

TEST_CASE("mqtt: tries again every second, with its credentials") {
  Rig rig(quiet().text("broker", "b").text("broker_user", "u").text("broker_password", "p"));
  const std::string spec =
      "4 mqtt://b:1883?client_id=smartmeter001&topics=powermeter/+,powermeter/smartmeter001/+&username=u&password=p\n";
  CHECK(opened(rig.others()) == spec);
  rig.harness.close(false, kBroker);
  rig.advance(1s);
  CHECK(opened(rig.others()) == spec);
  rig.harness.open(kBroker);
  rig.advance(5s);
  CHECK(rig.take_each("powermeter/smartmeter001/state/sample", kBroker).size() == 1);
  rig.harness.close(false, kBroker);
  rig.advance(999ms);
  CHECK(opened(rig.others()).empty());
  rig.advance(1ms);
  CHECK(opened(rig.others()) == spec);
}

TEST_CASE("mqtt: values per line on request") {
  Rig rig(
      quiet().text("broker", "b").flag("state_lines", true).number("voltage", 325.26911934581187).number("current", 0));
  rig.harness.open(kBroker);
  rig.advance(5s);
  CHECK(
      rig.take("powermeter/smartmeter001/state/sample", kBroker) ==
      R"({"power":0,"energy":0,"current":0,"volt":230,"v_l1":230,"i_l1":0,"p_l1":0,"e_l1":0,"v_l2":230,"i_l2":0,"p_l2":0,"e_l2":0,"v_l3":230,"i_l3":0,"p_l3":0,"e_l3":0,"ts":"1614697443"})");
}

TEST_CASE("mqtt: one-shot values, state, commands, for one device and for all") {
  Rig rig(quiet()
              .text("broker", "b")
              .list("energy", {"1500", "2500", "3500"})
              .number("voltage", 325.26911934581187)
              .number("current", 1000 * 1.4142135623730951)
              .number("phi", 60));
  rig.harness.open(kBroker);
  const std::string info = "powermeter/smartmeter001/state/info";
  const auto answer = [&](const std::string& topic, const std::string& payload) {
    rig.take(info, kBroker);
    rig.message(topic, payload);
    return rig.take(info, kBroker);
  };
  const std::string ts = R"(","ts":"03/02/2021 16:03:58.120"})";
  const std::string one = "powermeter/smartmeter001/sample";
  CHECK(answer(one, "v") == R"({"value":"230.00,230.00,230.00","unit":"V)" + ts);
  CHECK(answer(one, "i") == R"({"value":"1000.00,1000.00,1000.00","unit":"mA)" + ts);
  CHECK(answer(one, "q") == R"({"value":"199.19,199.19,199.19","unit":"var)" + ts);
  CHECK(answer(one, "s") == R"({"value":"230.00,230.00,230.00","unit":"VA)" + ts);
  CHECK(answer(one, "e") == R"({"value":"1.50,2.50,3.50","unit":"kWh)" + ts);
  CHECK(answer("powermeter/sample", "x") == R"({"value":"115.00,115.00,115.00","unit":"W)" + ts);
  CHECK(answer("powermeter/state", "") == R"({"sampleState":"idle)" + ts);
  CHECK(answer("powermeter/cmd", R"({"cmd":"getPeriod"})") ==
        R"({"error":false,"cmd":"getPeriod","period":[50,50,50],"unit":"Hz"})");
  CHECK(answer("powermeter/smartmeter001/cmd", R"({"cmd":"info"})").rfind(R"({"cmd":"info","type":"smartmeter")", 0) ==
        0);
  CHECK(answer("powermeter/cmd", R"({"cmd":"log","level":"all"})") ==
        R"({"error":true,"cmd":"log","msg":"getter not related to logger"})");
  CHECK(answer("powermeter/cmd", "hello").empty());
  // A run needs somebody on TCP; the last one gets it.
  CHECK_THAT(answer("powermeter/cmd", sample(R"("type":"TCP","rate":8000)")), mesura::test::contains("\"error\":true"));
  rig.join();
  CHECK_THAT(answer("powermeter/cmd", sample(R"("type":"TCP","rate":8000)")),
             mesura::test::contains("\"error\":false"));
  rig.advance(100ms);
  CHECK(frames_in(pieces(rig.take())) == 19);
  CHECK(answer("powermeter/state", "") == R"({"sampleState":"sampling","ts":"03/02/2021 16:03:58.220"})");
}

TEST_CASE("mqtt: the firmware's losses") {
  Rig rig(
      quiet().text("broker", "b").flag("quirks", true).list("energy", {"1500", "2500", "3500"}).number("current", 0));
  rig.harness.open(kBroker);
  const std::string info = "powermeter/smartmeter001/state/info";
  rig.message("powermeter/smartmeter001/sample", "e");
  CHECK_THAT(rig.take(info, kBroker), mesura::test::contains(R"("value":"0.50,2.50,3.50")"));
  rig.message("powermeter/cmd", R"({"cmd":"info"})");
  CHECK(rig.take(info, kBroker).empty());
  rig.join();
  rig.message("powermeter/cmd", sample(R"("type":"UDP","rate":8000,"port":54323)"));
  CHECK(rig.take(info, kBroker).empty());  // longer than the library lets through
}

TEST_CASE("mqtt: one message a row") {
  Rig rig(
      quiet().text("broker", "b").number("voltage", 325.26911934581187).number("current", 4350 * 1.4142135623730951));
  rig.join();
  rig.harness.open(kBroker);
  const std::string info = "powermeter/smartmeter001/state/info";
  rig.ask(sample(R"("type":"MQTT","rate":2,"measures":"v,i_RMS")"));
  rig.advance(1s);
  const auto rows = rig.take_each(info, kBroker);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0] == R"({"unit":"V,V,V,mA,mA,mA","ts":"1614697439.120","values":[230,230,230,4350,4350,4350]})");
  CHECK_THAT(rig.take(), mesura::test::contains("[I]03/02 16:03:59: " + rows[0]));
  rig.ask(R"({"cmd":"stop"})");
  CHECK(rig.take_each(info, kBroker).size() == 1);
}

TEST_CASE("mqtt: another name means other topics") {
  Rig rig(quiet().text("broker", "b"));
  rig.join();
  rig.harness.open(kBroker);
  rig.others();
  rig.ask(R"({"cmd":"mdns","payload":{"name":"lab7"}})");
  CHECK(opened(rig.others()) == "4 mqtt://b:1883?client_id=lab7&topics=powermeter/+,powermeter/lab7/+\n");
}

TEST_CASE("mqtt: the sister device answers on its other topic and keeps its switch") {
  Rig rig(quiet().text("type", "powermeter").text("broker", "b").number("voltage", 325.26911934581187));
  rig.join();
  rig.harness.open(kBroker);
  CHECK(rig.take("powermeter/powermeter001/state/switch", kBroker) == "on");
  rig.message("powermeter/powermeter001/sample", "v");
  CHECK(rig.take("powermeter/powermeter001/state/sample", kBroker) ==
        R"({"value":230,"unit":"V","ts":"03/02/2021 16:03:58.120"})");
  rig.ask(R"({"cmd":"switch","payload":{"value":false}})");
  CHECK(rig.take("powermeter/powermeter001/state/switch", kBroker) == "off");
}

TEST_CASE("file: what a connection carries after sample") {
  Rig rig(counting().text("measures", "v,i_L1").integer("rate", 1000).integer("rows", 2500), "file",
          1'614'697'441'119 * kMs);
  rig.advance(3s);
  const auto stream = pieces(rig.take(""));
  CHECK(
      stream.front().text ==
      R"(Info:{"error":false,"cmd":"sample","measures":"v,i_L1","chunksize":1024,"samplingrate":1000,"conn_type":"TCP","measurements":2,"prefix":true,"flowCtr":false,"unit":"V,mA","startTs":"1614697441.119"})");
  CHECK(is_count(payloads(stream), 2));
  CHECK(payloads(stream).size() == 2500 * 8);
  CHECK_THAT(stream.back().text,
             mesura::test::contains(R"("sample_duration":2500,"samples":2500,"sent_samples":2500)"));
  CHECK(rig.count(Kind::closed) == 1);
}

TEST_CASE("contract: the author's clients (sheet 16)") {
  Rig rig(PluginOptions{}.text("signal", "count"));
  rig.harness.peer("10.0.0.1:4000", true);
  rig.advance(100ms);
  const std::string greeting = rig.take();
  // 1: the greeting first, with cmd, type, name.
  CHECK_THAT(greeting, mesura::test::contains(R"(Info:{"cmd":"info","type":"smartmeter",)"));
  CHECK_THAT(greeting, mesura::test::contains(R"("name":"smartmeter001")"));
  // 2: every line begins with Info: and ends with CR LF; none is a bare scalar or list.
  rig.say(R"({"cmd":"log","level":"all"})");
  for (const char* line : {"hello", "[1]", "5", "{}", R"({"cmd":"x"})", R"({"cmd":"getPower"})", R"({"cmd":"getLog"})"})
    rig.say(line);
  rig.advance(3s);
  for (const Piece& p : pieces(rig.take())) {
    REQUIRE_FALSE(p.frame);
    CHECK((p.text.rfind("Info:{", 0) == 0 || p.text.rfind("Info:[", 0) == 0));
    CHECK(p.text.size() > 8);
  }
  // 4: replies go to the asker only.
  rig.join("10.0.0.2:4000");
  rig.advance(100ms);
  rig.take("10.0.0.2:4000");
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":1)")), mesura::test::contains("samplingrate"));
  CHECK(rig.take("10.0.0.2:4000").empty());
  // 6: a line or data at least every 4 s.
  for (int i = 0; i < 10; ++i) {
    rig.advance(4s);
    CHECK_FALSE(rig.take().empty());
  }
  // 3 and 8: the reply of stop, and the connection stays.
  const std::string stopped = rig.ask(R"({"cmd":"stop"})");
  for (const char* key : {R"("cmd":"stop")", R"("stop_ts":")", R"("samples":)", R"("sent_samples":)",
                          R"("sample_duration":)", R"("avg_rate":)"})
    CHECK_THAT(stopped, mesura::test::contains(key));
  CHECK(rig.count(Kind::dropped) == 0);
  rig.advance(1s);
  CHECK_THAT(rig.take(), mesura::test::contains("Info:[I]"));
}

TEST_CASE("names: instances count on from the first") {
  const auto name_of = [](const PluginOptions& options, std::uint32_t index) {
    PluginHarness::Config config;
    config.index = index;
    config.links = {{"tcp_listen", "127.0.0.7:54321"}};
    PluginHarness harness(twin_plugin(), options, config);
    harness.open();
    harness.peer("a:1", true);
    harness.advance(100ms);
    const std::string text = harness.events(Kind::sent).at(0).text;
    const std::size_t at = text.find(R"("name":")") + 8;
    return text.substr(at, text.find('"', at) - at) + " " +
           (text.find(R"("ip":"127.0.0.7")") != std::string::npos ? "own" : "?");
  };
  CHECK(name_of({}, 0) == "smartmeter001 own");
  CHECK(name_of({}, 41) == "smartmeter042 own");
  CHECK(name_of(PluginOptions{}.text("name", "lab09"), 1) == "lab10 own");
  CHECK(name_of(PluginOptions{}.text("name", "lab"), 1) == "lab2 own");
}

TEST_CASE("options: contradictions are refused with a reason") {
  const auto reason = [](const PluginOptions& options) -> std::string {
    try {
      Rig rig(options);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK(reason(PluginOptions{}.list("drop", {"7-3"})) ==
        "option 'drop': a frame number or a range of them was expected, such as 5, 10-12 or 20-; got '7-3'");
  CHECK(reason(PluginOptions{}.integer("rate", 9000)) ==
        "options 'measures' and 'rate': the device samples no '' at 9000 Hz");
  CHECK(reason(PluginOptions{}.list("calibration", {"1", "2"})) ==
        "option 'calibration': 6 numbers were expected, got 2");
  CHECK(reason(PluginOptions{}.text("clock_offset", "5")) ==
        "option 'clock_offset': a time with its unit was expected, such as 2s or -150ms; got '5'");
  CHECK(reason(PluginOptions{}.text("name", "a234567890123456789012345")).rfind("option 'name': at most 19", 0) == 0);
  CHECK(reason(PluginOptions{}.map("current_harmonics", {{"1", "5%"}}))
            .rfind("option 'current_harmonics': orders 2", 0) == 0);
}
