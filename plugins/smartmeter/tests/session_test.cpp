// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One device on its command channel: the exchanges of the sheet (section 18), refusals, liveness, reconnects, flow
// control, schedules, UDP, serial, the raw port, momentary values.
#include <stdexcept>

#include "tests/support.hpp"

using namespace smartmeter_test;
using mesura::test::contains;

namespace {

const std::string kSample =
    "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\"}}\r\n";

std::string refusal(PluginOptions options, PluginHarness::Config config = live()) {
  try {
    PluginHarness h(plugin(), std::move(options), std::move(config));
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "accepted";
}

Lines logs(const PluginHarness& h) {
  Lines texts;
  for (const auto& e : h.events(Kind::log)) texts.push_back(e.key + ": " + e.text);
  return texts;
}

Lines modes(const PluginHarness& h) {
  Lines texts;
  for (const auto& e : measured(h, "total", "operating_mode")) texts.push_back(e.text);
  return texts;
}

std::string busy(const std::string& cmd = "sample") {
  return info(R"({"error":true,"cmd":")" + cmd +
              R"(","msg":"Device with IP: 192.168.0.138 currently sampling","state":"busy"})");
}

}  // namespace

TEST_CASE("recording on 54321: greeting, sample, frames between lines") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  CHECK(sent(h).empty());  // it greets unasked
  h.bytes(kGreeting);
  CHECK(sent(h) == Lines{kSample});
  h.bytes(kLiveness);
  h.bytes(sample_reply());
  h.bytes(frame(0, count_rows(0, 42)));
  h.bytes(info("[I]03/02 16:04:02: 8000.02Hz, 8000s"));
  h.bytes(frame(1, count_rows(42, 42)));
  REQUIRE(h.streams().size() == 1);
  CHECK(h.streams()[0].start_ns == kStart);
  CHECK(h.streams()[0].period_ns == 125'000);
  CHECK(samples(h) == flat(count_rows(0, 84)));
  CHECK(h.events(Kind::waveform).at(1).offset == 42);
  CHECK(measured(h, "total", "sampling_rate").at(0).value == 8000);
  CHECK(measured(h, "total", "signal_strength").at(0).value == -71);
  CHECK(modes(h) == Lines{"idle", "sampling"});
  CHECK(measured(h, "l1", "active_energy_import").empty());  // the registers are the derived ones
  CHECK(faults(h).empty());
  Lines attributes;
  for (const auto& e : h.events(Kind::attribute)) attributes.push_back(e.key + "=" + e.text);
  CHECK(attributes == Lines{"model=smartmeter", "unit_name=smartmeter001", "firmware_version=2.2",
                            "firmware_build=Nov  3 2021 10:12:33", "address=192.168.0.138", "wifi_ssid=energywifi",
                            "wifi_bssid=aa:bb:cc:dd:ee:ff", "calibration=[1,1,1,1,1,1]"});
}

TEST_CASE("the type is compared without case, a stranger is not sampled") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes(info(R"({"cmd":"info","type":"SmartMeter","name":"x"})"));
  CHECK(sent(h) == Lines{kSample});
  PluginHarness other(plugin(), {}, live());
  other.open();
  other.bytes(info(R"({"cmd":"info","type":"toaster","name":"x"})"));
  CHECK(sent(other).empty());
  REQUIRE(other.events(Kind::reopened).size() == 1);
  CHECK(other.events(Kind::reopened)[0].text == "expected type smartmeter or powermeter, got 'toaster'");
}

TEST_CASE("no greeting: asked five times, then opened again") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.advance(1400ms);
  CHECK(sent(h).empty());
  h.advance(4200ms);
  CHECK(sent(h) == Lines(5, "{\"cmd\":\"info\"}\r\n"));
  CHECK(h.events(Kind::reopened).empty());
  h.advance(1s);
  REQUIRE(h.events(Kind::reopened).size() == 1);
  CHECK_THAT(h.events(Kind::reopened)[0].text, contains("expected the greeting"));
}

TEST_CASE("start keys of both spellings, and none") {
  for (const char* key : {"startTs", "start_ts"}) {
    PluginHarness h(plugin(), {}, live());
    start_run(
        h,
        info(
            std::string(
                R"({"error":false,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"measurements":6,")") +
            key + R"(":"1614697441.119"})"));
    CHECK(h.streams().at(0).start_ns == kStart);
  }
  PluginHarness h(plugin(), {}, live());
  start_run(h,
            info(R"({"error":false,"measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"measurements":6})"));
  CHECK(h.streams().empty());
  h.advance(80ms);
  h.bytes(frame(0, count_rows(0, 40)));
  CHECK(h.streams().at(0).start_ns == h.now_ns() - 5'000'000);
}

TEST_CASE("rows are sized from the answer, not from the question") {
  PluginHarness h(plugin(), PluginOptions{}.text("measures", "v,i,v,i,v,i"), live());
  start_run(h, sample_reply("v,i_L1", 1024, 8000, 2, "V,mA"));
  h.bytes(frame(0, count_rows(0, 128, 2)));
  CHECK(h.streams().at(0).names == Lines{"v_l1", "i_l1"});
  CHECK(h.counts().rows == 128);
  PluginHarness strange(plugin(), {}, live());
  start_run(strange, sample_reply("x,y,z", 1024, 8000, 3, "V,V,V"));
  CHECK(faults(strange) == Lines{"unknown_rows"});
  CHECK(sent(strange).back() == "{\"cmd\":\"stop\"}\r\n");
}

TEST_CASE("unknown words with known units, and VAR in capitals") {
  PluginHarness h(plugin(), PluginOptions{}.text("measures", "p,q").integer("rate", 10), live());
  start_run(h, sample_reply("new words", 240, 10, 6, "W,W,W,VAR,VAR,VAR"));
  h.bytes(frame(0, Rows{{1, 2, 3, 4, 5, 6}}));
  CHECK(measured(h, "l2", "reactive_power").at(0).value == 5);
  CHECK(measured(h, "l2", "reactive_power").at(0).time_ns == kStart);
  CHECK(sent(h).at(0) == "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":10,\"measures\":\"p,q\"}}\r\n");
}

TEST_CASE("keepalive every 30 s") {
  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false), live());
  start_run(h);
  h.clear();
  for (int second = 0; second < 95; ++second) {
    h.advance(1s);
    h.bytes(kLiveness.substr(0, 5) + "[I]03/02 16:04:02: 8000.02Hz, 8000s\r\n");
  }
  const auto all = sent(h);
  CHECK(std::count(all.begin(), all.end(), "!\r\n") == 3);
  CHECK(std::count(all.begin(), all.end(), "{\"cmd\":\"info\"}\r\n") == 1);  // signal strength, once a minute
}

TEST_CASE("a silent device is given up after 4 s while sampling") {
  PluginHarness h(plugin(), {}, live());
  start_run(h);
  h.bytes(frame(0, count_rows(0, 42)));
  h.advance(3900ms);
  CHECK(h.events(Kind::reopened).empty());
  h.bytes(frame(1, count_rows(42, 42)));
  h.advance(3900ms);
  CHECK(h.events(Kind::reopened).empty());
  h.advance(200ms);
  REQUIRE(h.events(Kind::reopened).size() == 1);
  CHECK(h.events(Kind::reopened)[0].text == "neither data nor lines for 4 s while sampling");
}

TEST_CASE("slots and slow chunks are given more time") {
  PluginHarness h(plugin(), PluginOptions{}.text("slot", "1/8"), live());
  start_run(h);
  CHECK(sent(h).at(0) ==
        "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\",\"slot\":[1,8]}}"
        "\r\n");
  h.advance(15900ms);
  CHECK(h.events(Kind::reopened).empty());
  h.advance(200ms);
  CHECK(h.events(Kind::reopened).size() == 1);
  PluginHarness slow(plugin(), PluginOptions{}.text("measures", "p,q"), live());
  start_run(slow, sample_reply("p,p,p,q,q,q", 120, 1, 6, "W,W,W,VAR,VAR,VAR"));
  slow.advance(14900ms);
  CHECK(slow.events(Kind::reopened).empty());
  slow.advance(200ms);
  CHECK(slow.events(Kind::reopened).size() == 1);
}

TEST_CASE("an idle device that misses three liveness lines is asked, then given up") {
  PluginHarness h(plugin(), PluginOptions{}.text("stream", "off").duration("interval", 1h), live());
  h.open();
  h.bytes(kGreeting);
  h.bytes(info(R"({"cmd":"info","type":"smartmeter","name":"smartmeter001"})"));
  h.bytes(busy("getPower"));
  h.clear();
  for (int i = 0; i < 10; ++i) {
    h.advance(1s);
    h.bytes(kLiveness);
  }
  CHECK(sent(h).empty());
  h.advance(3600ms);
  CHECK(sent(h) == Lines{"?\r\n"});
  h.bytes(info("Setup done"));
  h.advance(3600ms);
  CHECK(sent(h) == Lines{"?\r\n", "?\r\n"});
  h.advance(2500ms);
  REQUIRE(h.events(Kind::reopened).size() == 1);
  CHECK(h.events(Kind::reopened)[0].text == "no liveness lines and no answer");
}

TEST_CASE("a reconnect begins a new run") {
  PluginHarness h(plugin(), {}, live());
  start_run(h);
  h.bytes(frame(0, count_rows(0, 42)));
  h.bytes(frame(1, count_rows(42, 42)).substr(0, 500));
  h.close(false);
  h.open();
  h.bytes(kGreeting + sample_reply("v,i,v,i,v,i", 1008, 8000, 6, "V,mA,V,mA,V,mA", "TCP", "1614697500.000"));
  h.bytes(frame(0, count_rows(0, 42)));
  REQUIRE(h.streams().size() == 2);
  CHECK(h.streams()[1].start_ns == 1'614'697'500'000'000'000);
  CHECK(h.events(Kind::waveform).at(1).stream == 1);
  CHECK(h.events(Kind::waveform).at(1).offset == 0);
  CHECK(h.counts().rows == 84);
  CHECK(faults(h).empty());
}

TEST_CASE("busy: said once whose, tried again with growing pauses") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes(kGreeting);
  h.bytes(busy());
  CHECK(faults(h) == Lines{"busy"});
  REQUIRE(logs(h).size() == 1);
  CHECK_THAT(logs(h)[0], contains("busy for somebody else (Device with IP: 192.168.0.138 currently sampling)"));
  CHECK(modes(h) == Lines{"idle", "sampling"});
  const auto wait = [&](int seconds) {
    h.clear();
    for (int i = 0; i < 10 * seconds - 1; ++i) {
      h.advance(100ms);
      h.bytes(kLiveness);
    }
    const auto before = sent(h);
    h.advance(100ms);
    const auto after = sent(h);
    h.bytes(busy());
    return std::count(before.begin(), before.end(), kSample) == 0 &&
           std::count(after.begin(), after.end(), kSample) == 1;
  };
  for (const int seconds : {2, 4, 8, 16, 32, 60, 60}) {
    INFO(seconds);
    CHECK(wait(seconds));
  }
  CHECK(logs(h).empty());
  h.advance(60s);
}

TEST_CASE("every refusal of the sheet is told in the device's words") {
  for (const char* msg :
       {R"(Not a valid \"sample\" command, \"type\" missing)", "SamplingRate could not be set to 9000",
        "SamplingRate cannot be higher than 50Hz in latch mode: v,i_RMS sampling", "Unsupported measuresv,p",
        "Unsupported UDP port0", "Could not connect to TCP stream", "Unsupported sampling type: tcp"}) {
    PluginHarness h(plugin(), {}, live());
    h.open();
    h.bytes(kGreeting);
    h.bytes(info(std::string(R"({"error":true,"cmd":"sample","msg":")") + msg + "\"}"));
    CHECK(faults(h) == Lines{"sample_refused"});
    std::string plain = msg;
    for (std::size_t at; (at = plain.find('\\')) != std::string::npos;) plain.erase(at, 1);
    REQUIRE(logs(h).size() == 1);
    CHECK_THAT(logs(h)[0], contains("no run: the device refused it (" + plain + ")"));
    CHECK(h.streams().empty());
    h.advance(2s);
    CHECK(sent(h).back() == kSample);
  }
}

TEST_CASE("no answer to sample: asked again") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes(kGreeting);
  for (int i = 0; i < 8; ++i) {
    h.advance(1s);
    h.bytes(kLiveness);
  }
  const auto all = sent(h);
  CHECK(std::count(all.begin(), all.end(), kSample) == 2);
  CHECK_THAT(logs(h).at(0), contains("expected an answer to sample, got none"));
}

TEST_CASE("log lines of the device are events") {
  PluginHarness h(plugin(), {}, live());
  start_run(h);
  h.clear();
  h.bytes(info("[E]03/02 16:05:10: MISSED 12 SAMPLES") + info("[W]03/02 16:05:10: Loop 2s behind") +
          info("[E]03/02 16:05:10: deserializeJson() failed: hello_") + info("[D]03/02 16:05:10: x"));
  CHECK(faults(h) == Lines{"device_lost_samples", "device_warning", "device_error"});
  CHECK(h.events(Kind::fault).at(0).text == "MISSED 12 SAMPLES");
  CHECK(logs(h) == Lines{"warn: smartmeter001: the device says: MISSED 12 SAMPLES",
                         "info: smartmeter001: the device warns: Loop 2s behind",
                         "warn: smartmeter001: the device says: deserializeJson() failed: hello_",
                         "trace: smartmeter001: x"});
}

TEST_CASE("liveness lines while we sample mean that somebody stopped the run") {
  PluginHarness h(plugin(), {}, live());
  start_run(h);
  h.bytes(kLiveness + kLiveness + kLiveness);  // nothing has come yet: a scheduled run may begin late
  h.bytes(frame(0, count_rows(0, 42)));
  h.bytes(kLiveness);
  h.bytes(frame(1, count_rows(42, 42)));
  h.bytes(kLiveness);
  CHECK(modes(h).back() == "sampling");
  h.bytes(kLiveness);
  CHECK(modes(h).back() == "idle");
  h.clear();
  h.advance(1s);
  CHECK(sent(h) == Lines{kSample});
}

TEST_CASE("frames that nobody asked for are counted") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes(frame(17, count_rows(0, 42)) + kGreeting);
  CHECK(faults(h) == Lines{"unasked_frame"});
  CHECK(h.counts().rows == 0);
}

TEST_CASE("a scheduled start: an instant, a grid, the same for all") {
  PluginHarness h(plugin(), PluginOptions{}.text("start_at", "2021-03-02T15:04:10Z"), live());  // 1614697450
  h.open();
  h.bytes(kGreeting);  // at ...438.119, 11.9 s ahead
  CHECK(sent(h).at(0) ==
        "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\",\"time\":"
        "1614697450}}\r\n");
  h.bytes(info(
      R"({"error":false,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"conn_type":"TCP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","startTs":"1614697450.000","msg":"Should sample at: 03/02/2021 16:04:10.000//nStart sampling in: 3120ms"})"));
  CHECK(h.streams().at(0).start_ns == 1'614'697'450'000'000'000);
  h.advance(15800ms);  // silent until it begins
  CHECK(h.events(Kind::reopened).empty());
  h.advance(200ms);
  CHECK(h.events(Kind::reopened).size() == 1);

  for (const auto early : {0s, 2s, 1s}) {  // whenever they connect
    PluginHarness one(plugin(), PluginOptions{}.text("start_at", "+5s grid"), live());
    one.advance(early);
    one.open();
    one.bytes(kGreeting);
    CHECK_THAT(sent(one).at(0), contains(early == 2s ? "\"time\":1614697445" : "\"time\":161469744"));
  }
  PluginHarness far(plugin(), PluginOptions{}.text("start_at", "+60s grid"), live());  // next: 1614697440, or 500
  far.advance(1s);
  far.open();
  far.bytes(kGreeting);
  CHECK(sent(far).empty());
  for (int i = 0; i < 48; ++i) {
    far.advance(1s);
    far.bytes(kLiveness);
  }
  CHECK(sent(far).size() == 1);  // the keepalive
  far.advance(1s);
  CHECK_THAT(sent(far).back(), contains("\"time\":1614697500"));
}

TEST_CASE("a start that the device finds too late or too early is tried again") {
  PluginHarness h(plugin(), PluginOptions{}.text("start_at", "+5s grid"), live());
  h.open();
  h.bytes(kGreeting);
  h.bytes(info(
      R"({"error":true,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"conn_type":"TCP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","msg":"Should sample at: 03/02/2021 16:04:05.000//nCannot start sampling in: 4294967290ms"})"));
  CHECK(h.streams().empty());
  CHECK(faults(h) == Lines{"sample_refused"});
  h.advance(2s);
  CHECK_THAT(sent(h).back(), contains("\"time\":1614697445"));
}

TEST_CASE("flow control: told once, or for each block of rows") {
  PluginHarness cts(plugin(), PluginOptions{}.text("flow_control", "cts"), live());
  start_run(cts);
  CHECK(sent(cts) == Lines{"{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,"
                           "i\",\"flowCtr\":true}}\r\n",
                           "{\"cmd\":\"cts\",\"value\":true}\r\n"});
  cts.bytes(info(R"({"error":false,"cmd":"cts"})") + frame(0, count_rows(0, 42)));
  CHECK(cts.counts().rows == 42);

  PluginHarness h(plugin(), PluginOptions{}.text("flow_control", "request").integer("rate", 200), live());
  start_run(h, sample_reply("v,i,v,i,v,i", 504, 200));
  CHECK(sent(h).back() == "{\"cmd\":\"reqSamples\",\"samples\":20}\r\n");
  h.clear();
  h.bytes(frame(0, count_rows(0, 20)));
  CHECK(sent(h) == Lines{"{\"cmd\":\"reqSamples\",\"samples\":20}\r\n"});
  h.advance(250ms);  // too few rows buffered: nothing came
  CHECK(sent(h).size() == 2);
  h.bytes(frame(2, count_rows(40, 20)));
  CHECK(h.events(Kind::waveform).back().gap_rows == 20);
  PluginHarness fast(plugin(), PluginOptions{}.text("flow_control", "request"), live());
  start_run(fast);
  CHECK(sent(fast).back() == "{\"cmd\":\"reqSamples\",\"samples\":42}\r\n");  // more would overrun its buffer
}

TEST_CASE("UDP: rows as datagrams, only from the device") {
  PluginHarness h(plugin(), PluginOptions{}.text("sink", "udp"), live());
  h.open();
  h.bytes(kGreeting);
  REQUIRE(h.events(Kind::opened).size() == 1);
  CHECK(h.events(Kind::opened)[0].text == "udp://?listen=0.0.0.0:54323");
  CHECK(sent(h).empty());
  h.open(1);
  CHECK(sent(h) == Lines{"{\"cmd\":\"sample\",\"payload\":{\"type\":\"UDP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\","
                         "\"port\":54323}}\r\n"});
  h.bytes(info(
      R"({"error":false,"cmd":"sample","port":54323,"measures":"v,i,v,i,v,i","chunksize":504,"samplingrate":8000,"conn_type":"UDP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","startTs":"1614697441.119"})"));
  const auto datagram = [&](const std::string& bytes, const std::string& peer = "192.168.0.138:1025") {
    PluginHarness::From from;
    from.peer = peer;
    h.bytes(bytes, from, 1);
  };
  REQUIRE(frame(0, count_rows(0, 21)).size() == 515);
  datagram(frame(0, count_rows(0, 21)));
  datagram(frame(1, count_rows(21, 21)), "192.168.0.77:1025");
  CHECK(faults(h) == Lines{"foreign_datagram"});
  datagram(frame(3, count_rows(63, 21)));
  datagram(frame(2, count_rows(42, 21)));  // overtaken
  datagram(frame(3, count_rows(63, 21)));
  datagram(frame(4, count_rows(84, 21)).substr(0, 514));
  datagram(frame(4, count_rows(84, 21)) + "x");
  datagram("Data:");
  datagram(frame(4, std::string(25, 'x')));
  datagram(frame(4, count_rows(84, 21)));
  CHECK(faults(h) == Lines{"foreign_datagram", "packet_gap", "late_packet", "late_packet", "bad_datagram",
                           "bad_datagram", "bad_datagram", "bad_datagram"});
  CHECK(h.counts().rows == 63);
  CHECK(h.counts().gap_rows == 42);
  CHECK(h.events(Kind::waveform).back().offset == 84);
  for (const auto& e : h.events(Kind::frame))
    if (e.text.starts_with("Data:")) CHECK(e.link == 1);
}

TEST_CASE("UDP: a datagram of the run before does not spoil the new one") {
  PluginHarness h(plugin(), PluginOptions{}.text("sink", "udp").flag("derive", false), live());
  h.open();
  h.bytes(kGreeting);
  h.open(1);
  h.bytes(sample_reply("v,i,v,i,v,i", 504, 8000, 6, "V,mA,V,mA,V,mA", "UDP"));
  h.bytes(frame(500'001, count_rows(0, 21)), 1);
  h.bytes(frame(0, count_rows(0, 21)), 1);
  CHECK(faults(h) == Lines{"packet_number"});
  CHECK(h.counts().rows == 21);
  for (std::uint32_t n = 0; n < 8; ++n) h.bytes(frame(600'000 + n, count_rows(0, 21)), 1);  // they insist
  CHECK(h.counts().rows == 42);
  CHECK(h.events(Kind::waveform).back().gap_rows == (600'007ULL - 1) * 21);
}

TEST_CASE("UDP: a configured data link is used as it is, with its port") {
  auto config = live();
  config.links[1] = {"udp", "0.0.0.0:6100"};
  PluginHarness h(plugin(), {}, config);
  h.open(1);
  h.open();
  h.bytes(kGreeting);
  CHECK(h.events(Kind::opened).empty());
  CHECK_THAT(sent(h).at(0), contains("\"type\":\"UDP\""));
  CHECK_THAT(sent(h).at(0), contains("\"port\":6100"));
  config.links[1] = {"tcp", "192.168.0.138:54322"};
  CHECK_THAT(refusal({}, config), contains("option mode: expected raw with a data link over tcp"));
}

TEST_CASE("UDP: the data link does not open") {
  PluginHarness h(plugin(), PluginOptions{}.text("sink", "udp").integer("udp_port", 6000), live());
  h.open();
  h.bytes(kGreeting);
  CHECK(h.events(Kind::opened).at(0).text == "udp://?listen=0.0.0.0:6000");
  for (int i = 0; i < 6; ++i) {
    h.advance(1s);
    h.bytes(kLiveness);
  }
  CHECK_THAT(logs(h).at(0), contains("the data link does not open"));
  h.open(1);
  h.advance(2s);
  CHECK_THAT(sent(h).at(0), contains("\"port\":6000"));
}

TEST_CASE("serial: asked who it is, stopped, sampled 100 ms later") {
  PluginHarness h(plugin(), {}, live("serial", "/dev/ttyUSB0"));
  h.open();
  CHECK(sent(h) == Lines{"{\"cmd\":\"info\"}\r\n"});
  h.bytes("rst:0x1 (POWERON_RESET)\r\n" + kGreeting);
  CHECK(sent(h).back() == "{\"cmd\":\"stop\"}\r\n");
  h.bytes(info(R"({"error":true,"cmd":"stop"})") + info("[E]03/02 16:05:10: MESSAGE Over Serial"));
  h.advance(99ms);
  CHECK(sent(h).size() == 2);
  h.advance(1ms);
  CHECK(sent(h).back() ==
        "{\"cmd\":\"sample\",\"payload\":{\"type\":\"Serial\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\"}}\r\n");
  h.bytes(sample_reply("v,i,v,i,v,i", 120, 8000, 6, "V,mA,V,mA,V,mA", "Serial"));
  h.bytes(frame(0, count_rows(0, 5)) + "\r\n" + frame(1, count_rows(5, 5)) + "\r\n" + frame(900'000, count_rows(0, 5)) +
          "\r\n" + frame(2, count_rows(10, 5)) + "\r\n");
  CHECK(samples(h) == flat(count_rows(0, 15)));
  CHECK(faults(h) == Lines{"noise", "device_error", "packet_number"});
  // A stop by hand, on the same wire.
  h.bytes(
      frame(3, count_rows(15, 2)) + "\r\n" +
      info(
          R"({"msg":"Received stop command","sample_duration":2003,"samples":17,"sent_samples":17,"start_ts":"1614697441.119","stop_ts":"1614697443.122","ip":"192.168.0.138","avg_rate":7998.502,"cmd":"stop","error":false})"));
  CHECK(modes(h).back() == "idle");
  CHECK(h.counts().rows == 17);
}

TEST_CASE("serial: frames of a run that outlived us are counted until the new one begins") {
  PluginHarness h(plugin(), {}, live("serial", "/dev/ttyUSB0"));
  h.open();
  h.bytes("garbage" + frame(4711, count_rows(0, 5)) + "\r\n" + kGreeting + frame(4712, count_rows(0, 5)) + "\r\n" +
          info(R"({"msg":"Received stop command","samples":1,"sent_samples":1,"cmd":"stop","error":false})"));
  h.advance(100ms);
  h.bytes(sample_reply("v,i,v,i,v,i", 120, 8000, 6, "V,mA,V,mA,V,mA", "Serial") + frame(0, count_rows(0, 5)) + "\r\n");
  CHECK(faults(h) == Lines{"noise", "unasked_frame", "unasked_frame"});
  CHECK(h.counts().rows == 5);
}

TEST_CASE("the raw port, opened beside the command channel") {
  PluginHarness h(plugin(), PluginOptions{}.text("mode", "raw"), live());
  h.open();
  h.bytes(kGreeting);
  REQUIRE(h.events(Kind::opened).size() == 1);
  CHECK(h.events(Kind::opened)[0].text == "tcp://192.168.0.138:54322");
  CHECK(sent(h).empty());
  h.open(1);
  h.advance(500ms);
  h.bytes(payload(count_rows(0, 42)), 1);
  CHECK(h.streams().at(0).start_ns == h.now_ns() - 42 * 125'000);
  CHECK(modes(h).back() == "sampling");
  h.close(false, 1);
  CHECK(modes(h).back() == "idle");
  h.open(1);
  h.bytes(payload(count_rows(0, 42)), 1);
  CHECK(h.streams().size() == 2);

  PluginHarness direct(plugin(), PluginOptions{}.text("mode", "raw"), live("tcp", "192.168.0.138:54322"));
  direct.open();
  direct.bytes(payload(count_rows(0, 42)));
  CHECK(direct.counts().rows == 42);
  CHECK(sent(direct).empty());
  direct.advance(1h);
  CHECK(sent(direct).empty());
}

TEST_CASE("momentary values each interval") {
  PluginHarness h(plugin(), PluginOptions{}.text("stream", "off").duration("interval", 5s), live());
  h.open();
  h.bytes(kGreeting);
  h.advance(0s);
  h.clear();
  h.bytes(info(
      R"({"cmd":"info","type":"smartmeter","name":"smartmeter001","rssi":-60,"energy":"[10149.5684, 5101.2324, 4509.2102]"})"));
  CHECK(sent(h).back() == "{\"cmd\":\"getPower\"}\r\n");
  h.bytes(info(
      R"({"error":false,"cmd":"getPower","activePower":[3,0,100],"reactivePower":[4,-2,50],"apparentPower":[4,-2,50],"unit":"W/var/VA"})"));
  CHECK(sent(h).back() == "{\"cmd\":\"getVoltage\"}\r\n");
  h.bytes(info(R"({"error":false,"cmd":"getVoltage","voltage":[230.5,229.25,231],"unit":"V"})"));
  h.bytes(info(R"({"error":false,"cmd":"getCurrent","current":[4350,125.5,0],"unit":"mA"})"));
  h.bytes(info(
      R"({"error":false,"energy":[1.5,2,3],"unit":"Wh","startTs":1614697441,"start":"03/02/2021 16:04:01.000","days":12})"));
  h.bytes(info(R"({"error":false,"cmd":"getPeriod","period":[49.98,49.98,1e-6],"unit":"Hz"})"));
  CHECK(sent(h).back() == "{\"cmd\":\"getPhaseAngle\"}\r\n");
  h.bytes(info(R"({"error":false,"cmd":"getPhaseAngle","phase":[-12.5,0,null],"unit":"Deg"})"));
  CHECK(measured(h, "l1", "active_power").at(0).value == 3);
  CHECK(measured(h, "total", "active_power").at(0).value == 103);
  CHECK(measured(h, "l1", "apparent_power").at(0).value == 5);  // repeated reactive values are computed anew
  CHECK(measured(h, "l1", "apparent_power").at(0).quality == MESURA_DERIVED);
  CHECK(measured(h, "l2", "voltage").at(0).value == 229.25);
  CHECK(measured(h, "l1", "current").at(0).value == Approx(4.35));
  CHECK(measured(h, "l3", "active_energy_import").back().value == 3);
  CHECK(measured(h, "total", "active_energy_import").back().value == 6.5);
  CHECK(measured(h, "l1", "frequency").at(0).value == 49.98);
  CHECK(measured(h, "l1", "phase_angle").at(0).value == -12.5);
  CHECK(measured(h, "l3", "phase_angle").empty());
  CHECK(measured(h, "total", "signal_strength").at(0).value == -60);
  h.clear();
  h.advance(3s);
  h.bytes(kLiveness);
  h.advance(1900ms);
  CHECK(sent(h).empty());
  h.advance(200ms);
  CHECK(sent(h).back() == "{\"cmd\":\"info\"}\r\n");
}

TEST_CASE("momentary values: a busy device ends the round, a silent question does not") {
  PluginHarness h(plugin(), PluginOptions{}.text("stream", "off").duration("interval", 5s), live());
  h.open();
  h.bytes(kGreeting);
  h.advance(0s);
  h.bytes(info(R"({"cmd":"info","type":"smartmeter","name":"smartmeter001"})"));
  h.bytes(busy("getPower"));
  CHECK(modes(h).back() == "sampling");
  CHECK(faults(h) == Lines{"busy"});
  CHECK(sent(h).back() == "{\"cmd\":\"getPower\"}\r\n");
  for (int i = 0; i < 5; ++i) {
    h.advance(1s);
    h.bytes(kLiveness);
  }
  CHECK(sent(h).back() == "{\"cmd\":\"info\"}\r\n");
  h.clear();
  for (int i = 0; i < 4; ++i) {
    h.advance(1s);
    h.bytes(kLiveness);
  }
  CHECK(faults(h) == Lines{"no_answer"});
  CHECK(sent(h).back() == "{\"cmd\":\"getPower\"}\r\n");
}

TEST_CASE("a PowerMeter: one line, its own rates, the relay") {
  PluginHarness h(plugin(), {}, live());
  h.open();
  h.bytes(kPowerMeterGreeting);
  CHECK(sent(h) == Lines{"{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":4000,\"measures\":\"v,i\"}}\r\n"});
  CHECK(measured(h, "relay1", "relay_state").at(0).value == 1);
  h.bytes(sample_reply("v,i", 1024, 4000, 2, "V,mA"));
  h.bytes(frame(0, count_rows(0, 128, 2)));
  CHECK(h.streams().at(0).names == Lines{"v_l1", "i_l1"});
  CHECK(h.streams().at(0).period_ns == 250'000);
  h.clear();
  for (int i = 0; i < 61; ++i) {
    h.advance(1s);
    h.bytes(info("[I]x"));
  }
  h.bytes(info(R"({"cmd":"info","type":"powermeter","name":"powermeter7","relay":false})"));
  CHECK(measured(h, "relay1", "relay_state").at(0).value == 0);
  CHECK(h.events(Kind::sent).size() == 3);  // two keepalives and the question

  PluginHarness odd(
      plugin(), PluginOptions{}.text("type", "powermeter").integer("rate", 3333).text("measures", "v,i,p,q"), live());
  odd.open();
  odd.bytes(kPowerMeterGreeting);
  CHECK_THAT(sent(odd).at(0), contains("\"rate\":3333,\"measures\":\"v,i,p,q\""));
  PluginHarness wrong(plugin(), PluginOptions{}.integer("rate", 32000), live());
  wrong.open();
  wrong.bytes(kPowerMeterGreeting);
  CHECK(sent(wrong).empty());
  CHECK_THAT(logs(wrong).at(0), contains("option rate: expected 1 to 8000 on a PowerMeter; got 32000"));
}

TEST_CASE("drift between our clock and the rows is told each minute") {
  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false), live());
  start_run(h);
  h.advance(3s);
  // Our seconds are 100 ppm longer than the rows say; every other frame comes 50 ms late.
  const std::string chunk = payload(count_rows(0, 40));
  for (std::uint32_t n = 0; n < 200 * 181; ++n) {
    h.advance(std::chrono::nanoseconds{5'000'500});
    if (n % 10 == 0) h.advance(50us);
    h.bytes(frame(n, chunk));
  }
  const auto drift = measured(h, "total", "clock_drift");
  REQUIRE(drift.size() == 2);
  CHECK(drift[0].value == Approx(60 * 0.0011).epsilon(0.02));
  CHECK(drift[1].value == Approx(120 * 0.0011).epsilon(0.02));
}

TEST_CASE("options that contradict each other are refused with what would do") {
  CHECK(refusal(PluginOptions{}.text("measures", "v,i")) ==
        "option measures: expected v,i,v,i,v,i (three lines) or v,i_L1 (line 1 only); got 'v,i'; hint: the firmware "
        "measures line 1 for it, its description says all three");
  CHECK(
      refusal(PluginOptions{}.integer("rate", 9000)) ==
      "option rate: expected a divisor of 32000: 1 2 4 5 8 10 16 20 25 32 40 50 64 80 100 125 128 160 200 250 256 320 "
      "400 500 640 800 1000 1280 1600 2000 3200 4000 6400 8000 16000 32000; got 9000; hint: a PowerMeter takes any up "
      "to 8000: set type: powermeter");
  CHECK_THAT(refusal(PluginOptions{}.text("measures", "p,q").integer("rate", 100)),
             contains("expected 1 to 50 with measures p,q; got 100"));
  CHECK_THAT(refusal(PluginOptions{}.text("type", "powermeter").integer("rate", 8001)),
             contains("expected 1 to 8000 on a PowerMeter; got 8001"));
  CHECK_THAT(refusal(PluginOptions{}.text("type", "powermeter").text("measures", "v,i_L2")),
             contains("option measures: expected v,i_L1, p,q, v,i_RMS or v,i,p,q on a PowerMeter; got 'v,i_L2'"));
  CHECK_THAT(refusal(PluginOptions{}.text("slot", "4/4")), contains("option slot: expected SLOT/SLOTS"));
  CHECK_THAT(refusal(PluginOptions{}.text("slot", "x")), contains("option slot"));
  CHECK_THAT(refusal(PluginOptions{}.text("start_at", "soon")), contains("option start_at: expected an instant"));
  CHECK_THAT(refusal(PluginOptions{}.text("start_at", "2021-13-02T15:04:10Z")), contains("option start_at"));
  CHECK_THAT(refusal(PluginOptions{}.text("mode", "raw").integer("rate", 4000)),
             contains("option mode: expected measures v,i,v,i,v,i at rate 8000 with mode raw"));
  CHECK_THAT(refusal(PluginOptions{}.text("mode", "raw"), live("serial")), contains("option mode: expected command"));
  CHECK_THAT(refusal(PluginOptions{}.text("mode", "raw").text("stream", "off")), contains("option stream"));
  CHECK_THAT(refusal(PluginOptions{}.text("sink", "udp"), live("serial")),
             contains("option sink: expected auto over serial"));
  CHECK_THAT(refusal(PluginOptions{}.text("stream", "on"), live("mqtt")),
             contains("option measures: expected v,i_RMS or p,q at 1 to 50 over MQTT"));
  CHECK_THAT(refusal(PluginOptions{}.text("flow_control", "request").text("measures", "p,q")),
             contains("option flow_control"));
  CHECK_THAT(refusal(PluginOptions{}.text("flow_control", "request").text("sink", "udp")),
             contains("option flow_control"));
  for (const std::int64_t rate :
       {1,   2,   4,   5,   8,   10,  16,  20,  25,   32,   40,   50,   64,   80,   100,  125,  128,   160,
        200, 250, 256, 320, 400, 500, 640, 800, 1000, 1280, 1600, 2000, 3200, 4000, 6400, 8000, 16000, 32000})
    CHECK(refusal(PluginOptions{}.integer("rate", rate)) == "accepted");
}
