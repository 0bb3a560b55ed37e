// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands beside a run, and commands that begin, steer and end one.
#include "tests/command_rig.hpp"

using namespace smartmeter_test;
using mesura::test::contains;

namespace {

PluginOptions counting() { return PluginOptions{}.text("signal", "count"); }
PluginOptions plain() { return PluginOptions{}.flag("derive", false); }
PluginOptions idle() { return PluginOptions{}.text("stream", "off").duration("interval", 1h); }

/// Every row is the next one: no command has broken the stream.
void check_rows(const PluginHarness& h, std::size_t channels = 6) {
  std::uint64_t next = 0, stream = 0;
  for (const auto& e : h.events(Kind::waveform)) {
    if (e.stream != stream) next = 0;
    stream = e.stream;
    REQUIRE(e.offset == next);
    REQUIRE(e.samples[0] == static_cast<float>((8 * e.offset) % (1U << 24)));
    REQUIRE(e.samples.size() == e.length * channels);
    next = e.offset + e.length;
  }
}

bool runs(CommandBench& bench) {
  const auto before = bench.session().counts().rows;
  bench.advance(1500ms);
  return bench.session().counts().rows > before;
}

}  // namespace

TEST_CASE("what a measuring device answers is asked beside the stream, which loses nothing") {
  for (const Way way : {Way::tcp, Way::dial_in}) {
    PluginOptions options = plain();
    if (way == Way::dial_in) options.text("key", "name");
    CommandBench bench(counting(), options, way);
    bench.advance(500ms);
    CHECK(bench.run("info").status == MESURA_REPLY_DONE);
    CHECK(bench.run("time").status == MESURA_REPLY_DONE);
    CHECK(bench.run("ping").status == MESURA_REPLY_DONE);
    CHECK(bench.run("sync_time").status == MESURA_REPLY_DONE);
    CHECK(bench.run("set_log_level", PluginOptions{}.text("level", "all")).status == MESURA_REPLY_DONE);
    CHECK(bench.run("cts", PluginOptions{}.text("state", "off")).status == MESURA_REPLY_DONE);
    CHECK(bench.run("cts", PluginOptions{}.text("state", "on")).status == MESURA_REPLY_DONE);
    bench.advance(500ms);
    check_rows(bench.session());
    CHECK(bench.session().streams().size() == 1);
    CHECK(bench.session().counts().rows > 8000);
    CHECK(bench.session().counts().gap_rows == 0);
    CHECK(faults(bench.session()).empty());
  }
}

TEST_CASE("a command that needs an idle device: refused beside our run, or in a pause of it") {
  for (const bool quirks : {false, true}) {
    CommandBench bench(PluginOptions{}.text("signal", "sine").flag("quirks", quirks), plain());
    bench.advance(500ms);
    const Outcome refused = bench.run("power");
    CHECK(refused.status == MESURA_REPLY_INVALID);
    CHECK_THAT(refused.message, contains("pause=true"));
    CHECK(bench.asked.empty());
    CHECK(bench.session().streams().size() == 1);

    const Outcome got = bench.run("power", PluginOptions{}.flag("pause", true));
    CHECK(got.status == MESURA_REPLY_DONE);
    CHECK_THAT(got.json, contains(R"("l1_active_power":{"value":2299.98)"));
    CHECK_THAT(bench.asked.at(0), contains(R"({"cmd":"stop"})"));
    CHECK_THAT(bench.asked.at(1), contains(R"({"cmd":"getPower"})"));
    CHECK(runs(bench));
    CHECK(bench.session().streams().size() == 2);

    PluginOptions named;
    named.text("name", "cellar").flag("pause", true);
    const Outcome plan = bench.run("set_name", named, true);
    CHECK(plan.status == MESURA_REPLY_PLAN);
    CHECK_THAT(plan.message, contains("would be stopped"));
    CHECK(bench.session().streams().size() == 2);
    CHECK(bench.run("set_name", named).status == MESURA_REPLY_DONE);
    CHECK(runs(bench));
    CHECK(bench.session().streams().size() == 3);
  }
}

TEST_CASE("a paused run goes on after a command that fails, and after one that is called off") {
  CommandBench bench(counting(), plain());
  bench.advance(300ms);
  bench.swallow = [](const std::string& line) { return line.find("getPower") != std::string::npos; };
  CHECK(bench.run("power", PluginOptions{}.flag("pause", true)).status == MESURA_REPLY_TIMEOUT);
  CHECK(runs(bench));
  const auto id = bench.begin("power", PluginOptions{}.flag("pause", true));
  bench.advance(100ms);
  bench.tap().cancel(id, bench.session().now_ns());
  CHECK(runs(bench));
  CHECK(bench.session().streams().size() == 3);
}

TEST_CASE("stop keeps the collector from measuring until sample") {
  CommandBench bench(counting(), plain());
  bench.advance(500ms);
  const Outcome stopped = bench.run("stop");
  CHECK(stopped.status == MESURA_REPLY_DONE);
  CHECK_THAT(stopped.json, contains(R"("stopped":true)"));
  CHECK_THAT(stopped.json, contains(R"("samples":)"));
  CHECK_FALSE(runs(bench));
  bench.advance(5s);
  CHECK_FALSE(runs(bench));
  CHECK(bench.run("voltage").status == MESURA_REPLY_DONE);
  const Outcome begun = bench.run("sample");
  CHECK(begun.status == MESURA_REPLY_DONE);
  CHECK(bench.asked.at(0) ==
        "{\"cmd\":\"sample\",\"payload\":{\"type\":\"TCP\",\"rate\":8000,\"measures\":\"v,i,v,i,v,i\"}}\r\n");
  CHECK(runs(bench));
  check_rows(bench.session());
}

TEST_CASE("sample with so many rows: their summary, and what was before goes on") {
  CommandBench bench(counting(), idle());
  const Outcome got =
      bench.run("sample", PluginOptions{}.integer("rate", 2000).text("measures", "v,i_L2").integer("rows", 4000));
  INFO(got.message << got.json);
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK_THAT(got.json, contains(R"("samplingrate":2000)"));
  CHECK_THAT(got.json, contains(R"("lost_rows":0)"));
  CHECK_THAT(got.json, contains(R"("sent_samples":)"));
  CHECK(bench.session().counts().rows >= 4000);
  CHECK(bench.session().counts().rows < 4300);
  CHECK_FALSE(runs(bench));
  CHECK(bench.run("voltage").status == MESURA_REPLY_DONE);
  check_rows(bench.session(), 2);
  CHECK(faults(bench.session()).empty());
}

TEST_CASE("sample in place of the collector's own run, which begins again behind it") {
  CommandBench bench(counting(), plain());
  bench.advance(500ms);
  CHECK(bench.run("sample", PluginOptions{}.integer("rate", 1000)).status == MESURA_REPLY_INVALID);
  CHECK(bench.session().streams().size() == 1);
  PluginOptions arguments;
  arguments.integer("rate", 1000).integer("rows", 1500).flag("pause", true);
  const Outcome got = bench.run("sample", arguments);
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK(runs(bench));
  REQUIRE(bench.session().streams().size() == 3);
  CHECK(bench.session().streams()[1].period_ns == 1'000'000);
  CHECK(bench.session().streams()[2].period_ns == 125'000);
  check_rows(bench.session());
}

TEST_CASE("sample for so long tells how far it is, and called off, it stops the device") {
  CommandBench bench(counting(), idle());
  const Outcome got = bench.run("sample", PluginOptions{}.integer("rate", 1000).duration("duration", 3s));
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK(bench.tap().progress.size() >= 2);
  CHECK(bench.session().counts().rows >= 2900);
  const auto id = bench.begin("sample", PluginOptions{}.integer("rate", 1000).duration("duration", 1h));
  bench.advance(2s);
  CHECK(runs(bench));
  bench.tap().cancel(id, bench.session().now_ns());
  bench.advance(200ms);
  CHECK(std::count(bench.asked.begin(), bench.asked.end(), "{\"cmd\":\"stop\"}\r\n") == 1);
  CHECK_FALSE(runs(bench));
}

TEST_CASE("sample: the connection ends with its run") {
  CommandBench bench(counting(), idle());
  const auto id = bench.begin("sample", PluginOptions{}.integer("rate", 1000).duration("duration", 1h));
  bench.advance(1s);
  bench.cut();
  const Outcome got = bench.finish(id);
  CHECK(got.replies == 1);
  CHECK(got.status == MESURA_REPLY_UNREACHABLE);
}

TEST_CASE("lost rows are in the summary") {
  CommandBench bench(counting().list("drop", {"5"}), idle());
  const Outcome got = bench.run("sample", PluginOptions{}.integer("rate", 8000).integer("rows", 8000));
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK_THAT(got.json, contains(R"("lost_rows":42)"));
}

TEST_CASE("every parameter of sample, as the sheet writes it") {
  const std::vector<std::pair<PluginOptions, std::string>> all = {
      {PluginOptions{}.text("measures", "p,q"), R"("type":"TCP","rate":1,"measures":"p,q"}})"},
      {PluginOptions{}.text("measures", "v,i_RMS").integer("rate", 50), R"("rate":50,"measures":"v,i_RMS"}})"},
      {PluginOptions{}.flag("flow_control", true), R"("measures":"v,i,v,i,v,i","flowCtr":true}})"},
      {PluginOptions{}.text("slot", "1/4"), R"("slot":[1,4]}})"},
      {PluginOptions{}.text("type", "UDP").integer("port", 54400),
       R"("type":"UDP","rate":8000,"measures":"v,i,v,i,v,i","port":54400}})"},
      {PluginOptions{}.duration("ntp_confidence", 30ms), R"("ntpConf":30}})"},
      {PluginOptions{}.text("type", "UDP").flag("prefix", false), R"("port":54323,"prefix":false}})"},
  };
  for (const auto& [arguments, part] : all) {
    INFO(part);
    CommandBench bench(counting(), idle());
    const Outcome got = bench.run("sample", arguments);
    INFO(got.message);
    CHECK(got.status == MESURA_REPLY_DONE);
    REQUIRE(bench.asked.size() == 1);
    CHECK_THAT(bench.asked[0], contains(part));
    CHECK(bench.run("stop").status == MESURA_REPLY_DONE);
  }
}

TEST_CASE("a start that several devices have in common") {
  // 15:57:18.4 or so of the virtual clock: each way of saying the same second.
  for (const char* at : {"1614697450", "2021-03-02T15:04:10Z", "+10s grid"}) {
    INFO(at);
    CommandBench bench(counting(), idle());
    bench.advance(4s);
    const Outcome got = bench.run("sample", PluginOptions{}.text("at", at));
    INFO(got.message << got.json);
    CHECK(got.status == MESURA_REPLY_DONE);
    CHECK_THAT(bench.asked.at(0), contains(R"("time":1614697450}})"));
    CHECK_THAT(got.json, contains(R"("startTs":"1614697450.000")"));
    CHECK_THAT(got.message, contains("Start sampling in"));
    bench.advance(12s);
    REQUIRE(bench.session().streams().size() == 1);
    CHECK(bench.session().streams()[0].start_ns == 1'614'697'450'000'000'000);
    check_rows(bench.session());
    CHECK(bench.session().counts().rows > 8000);
  }
}

TEST_CASE("a scheduled run that nobody wants any more ends when it begins") {
  for (const bool cancel : {false, true}) {
    CommandBench bench(counting(), idle());
    PluginOptions arguments = PluginOptions{}.text("at", "4s");
    if (cancel) arguments.duration("duration", 1h);
    const auto id = bench.begin("sample", arguments);
    bench.advance(500ms);
    if (cancel) {
      bench.tap().cancel(id, bench.session().now_ns());
    } else {
      CHECK(bench.finish(id).status == MESURA_REPLY_DONE);
      CHECK_THAT(bench.run("stop").message, contains("when it begins"));
    }
    bench.advance(6s);
    CHECK(bench.session().counts().rows > 0);
    CHECK_FALSE(runs(bench));
    CHECK(bench.run("voltage").status == MESURA_REPLY_DONE);
  }
}

TEST_CASE("a start that the device's own clock forbids") {
  CommandBench bench(counting().text("clock_offset", "-1h"), idle());
  const Outcome got = bench.run("sample", PluginOptions{}.text("at", "5s"));
  CHECK(got.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(got.message, contains("Cannot start sampling in"));
  CHECK_THAT(got.message, contains("time"));
  const Outcome time = bench.run("time");
  CHECK_THAT(time.json, contains(R"("clock_offset":{"value":-3599.99)"));
}

TEST_CASE("the device's clock is central European, in summer too") {
  const std::vector<std::pair<std::string, std::string>> all = {
      {"03/02/2021 16:03:58.120", "2021-03-02T15:03:58.120Z"}, {"07/01/2021 12:00:00.000", "2021-07-01T10:00:00.000Z"},
      {"03/28/2021 01:59:59.999", "2021-03-28T00:59:59.999Z"}, {"03/28/2021 03:00:00.000", "2021-03-28T01:00:00.000Z"},
      {"10/31/2021 01:30:00.000", "2021-10-30T23:30:00.000Z"}, {"10/31/2021 03:00:00.000", "2021-10-31T02:00:00.000Z"},
      {"12/31/2021 23:59:59", "2021-12-31T22:59:59.000Z"}};
  for (const auto& [local, utc] : all) {
    INFO(local);
    CommandBench bench({}, idle());
    bench.alter = [&](std::string said) {
      const std::string key = "\"sys_time\":\"";
      if (const auto at = said.find(key); at != std::string::npos)
        said.replace(at + key.size(), said.find('"', at + key.size()) - at - key.size(), local);
      return said;
    };
    CHECK_THAT(bench.run("time").json, contains("\"time\":\"" + utc + "\""));
  }
}

TEST_CASE("flow control by hand: nothing comes until it is asked for") {
  CommandBench bench(counting(), idle());
  CHECK(bench.run("sample", PluginOptions{}.integer("rate", 8000).flag("flow_control", true)).status ==
        MESURA_REPLY_DONE);
  bench.advance(500ms);
  CHECK(bench.session().counts().rows == 0);
  const Outcome got = bench.run("req_samples", PluginOptions{}.integer("count", 40));
  INFO(got.message);
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK(got.json == R"({"rows":40})");
  CHECK(bench.asked == Lines{"{\"cmd\":\"reqSamples\",\"samples\":40}\r\n"});
  CHECK(bench.session().counts().rows == 40);
  const Outcome most = bench.run("req_samples", PluginOptions{}.integer("count", 43));
  CHECK(most.status == MESURA_REPLY_INVALID);
  CHECK_THAT(most.message, contains("42 rows"));
  CHECK(bench.run("cts", PluginOptions{}.text("state", "on")).status == MESURA_REPLY_DONE);
  CHECK(runs(bench));
  check_rows(bench.session());
  CHECK(faults(bench.session()).empty());
}

TEST_CASE("rows asked of a device that does not measure, and of one that has too few") {
  CommandBench bench(counting(), idle());
  const Outcome refused = bench.run("req_samples", PluginOptions{}.integer("count", 20));
  CHECK(refused.status == MESURA_REPLY_REFUSED);
  CHECK(bench.run("sample", PluginOptions{}.integer("rate", 1).flag("flow_control", true)).status == MESURA_REPLY_DONE);
  bench.swallow = [](const std::string& line) { return line.find("reqSamples") != std::string::npos; };
  CHECK(bench.run("req_samples", PluginOptions{}.integer("count", 20)).status == MESURA_REPLY_TIMEOUT);
}

TEST_CASE("restart in the middle of a run: the connection drops, the device greets, the run begins again") {
  for (const Way way : {Way::tcp, Way::dial_in}) {
    PluginOptions options = plain();
    if (way == Way::dial_in) options.text("key", "name");
    CommandBench bench(counting(), options, way);
    bench.advance(300ms);
    const Outcome got = bench.run("restart");
    INFO(got.message);
    CHECK(got.status == MESURA_REPLY_DONE);
    CHECK(bench.tap().progress.size() == 1);
    CHECK(runs(bench));
    CHECK(bench.session().devices().size() == (way == Way::dial_in ? 2U : 1U));
  }
}

TEST_CASE("a factory reset after which it does not come back tells where it is") {
  CommandBench bench({}, idle());
  bench.comes_back = false;
  const Outcome got = bench.run("factory_reset");
  CHECK(got.status == MESURA_REPLY_UNVERIFIED);
  CHECK_THAT(got.message, contains("192.168.4.1"));
  CommandBench plain_restart({}, idle());
  plain_restart.comes_back = false;
  CHECK(plain_restart.run("restart").status == MESURA_REPLY_TIMEOUT);
}

TEST_CASE("USB: restart is seen by a silence, rows and lines go on") {
  CommandBench bench(counting(), idle(), Way::serial);
  bench.advance(2s);
  CHECK(bench.run("info").status == MESURA_REPLY_DONE);
  CHECK(bench.run("power").status == MESURA_REPLY_DONE);
  const Outcome got = bench.run("restart");
  INFO(got.message << got.status);
  CHECK(got.status == MESURA_REPLY_DONE);
  const Outcome sampled = bench.run("sample", PluginOptions{}.integer("rate", 1000).integer("rows", 1000));
  INFO(sampled.message);
  CHECK(sampled.status == MESURA_REPLY_DONE);
  CHECK_THAT(bench.asked.at(0), contains(R"("type":"Serial")"));
}

TEST_CASE("a renamed unit of a fleet stays the device that it is") {
  for (const Way way : {Way::dial_in, Way::mqtt}) {
    PluginOptions options = way == Way::mqtt ? PluginOptions{} : idle();
    CommandBench bench({}, options.text("key", "name"), way);
    bench.advance(6s, 100ms);
    const Outcome got = bench.run("set_name", PluginOptions{}.text("name", "attic"));
    INFO(got.message << got.json);
    CHECK(got.status == MESURA_REPLY_DONE);
    CHECK_THAT(got.message, contains("topics"));
    CHECK(got.json == R"({"before":"smartmeter001","after":"attic"})");
    if (way == Way::dial_in) bench.cut();
    bench.advance(8s, 100ms);
    CHECK(bench.session().devices().size() == 2);
    CHECK(bench.run("energy").status == MESURA_REPLY_DONE);
  }
}

TEST_CASE("a quote in the log, which breaks its JSON") {
  CommandBench bench({}, idle());
  bench.twin().command("fault", PluginOptions{}.text("kind", "log").text("value", "odd \"name\" {x"));
  bench.advance(50ms);
  const Outcome got = bench.run("get_log");
  INFO(got.message << got.json);
  CHECK(got.status == MESURA_REPLY_DONE);
  CHECK_THAT(got.json, contains(R"(odd \"name\" {x)"));
  CHECK(got.bytes.find("//n") == std::string::npos);
}

TEST_CASE("passwords stay out of results") {
  for (const bool quirks : {false, true}) {
    CommandBench bench(PluginOptions{}.flag("quirks", quirks), idle());
    const Outcome got = bench.run("add_wifi", PluginOptions{}.text("ssid", "lab").text("password", "s3cret"));
    CHECK(got.status == MESURA_REPLY_DONE);
    CHECK((got.message + got.json + got.bytes).find("s3cret") == std::string::npos);
    for (const auto& e : bench.session().events(Kind::log)) CHECK(e.text.find("s3cret") == std::string::npos);
    // Again: known, and a sixth is one too many.
    CHECK(bench.run("add_wifi", PluginOptions{}.text("ssid", "lab").text("password", "x")).status ==
          MESURA_REPLY_INVALID);
    for (const char* ssid : {"a", "b", "c"})
      CHECK(bench.run("add_wifi", PluginOptions{}.text("ssid", ssid).text("password", "")).status == MESURA_REPLY_DONE);
    CHECK(bench.run("add_wifi", PluginOptions{}.text("ssid", "d").text("password", "")).status == MESURA_REPLY_INVALID);
    const Outcome connected = bench.run("delete_wifi", PluginOptions{}.text("ssid", "energywifi"));
    CHECK(connected.status == MESURA_REPLY_INVALID);
    CHECK_THAT(connected.message, contains("connected=true"));
    CHECK(bench.run("delete_wifi", PluginOptions{}.text("ssid", "lab")).status == MESURA_REPLY_DONE);
  }
}

TEST_CASE("a late or damaged answer to add_wifi does not betray the password either") {
  for (const Way way : {Way::tcp, Way::mqtt}) {
    CommandBench bench(PluginOptions{}.flag("quirks", true), way == Way::mqtt ? PluginOptions{} : idle(), way);
    bench.advance(6s, 100ms);
    const std::string late =
        R"({"error":true,"cmd":"addWifi","ssid":"lab","pwd":"s3cret","msg":"New Ap, SSID: lab, PW: s3cret","ssids":"[a, ]"})";
    PluginHarness::From from;
    from.topic = "powermeter/smartmeter001/state/info";
    for (const std::string& text : {late, late.substr(0, 70), late.substr(0, late.size() - 1)})
      bench.session().bytes(way == Way::mqtt ? text : info(text), from);
    CHECK(faults(bench.session()).size() >= 3);
    for (const auto kind : {Kind::log, Kind::fault})
      for (const auto& e : bench.session().events(kind)) CHECK(e.text.find("s3cret") == std::string::npos);
  }
}

TEST_CASE("a PowerMeter: two factors, a broker with its user, one value of energy") {
  CommandBench bench(PluginOptions{}.text("type", "powermeter"), idle());
  CHECK(bench.run("calibrate", PluginOptions{}.number("v1", 1.1).number("i1", 0.9)).status == MESURA_REPLY_DONE);
  CHECK(bench.tap().told == Lines{"{\"cmd\":\"calibration\",\"calV\":1.1,\"calI\":0.9}\r\n"});
  const Outcome broker = bench.run(
      "set_mqtt_server",
      PluginOptions{}.text("server", "10.0.0.1").integer("port", 8883).text("user", "me").text("password", "pw"));
  CHECK(broker.status == MESURA_REPLY_UNVERIFIED);
  CHECK(bench.tap().told ==
        Lines{R"({"cmd":"mqttServer","payload":{"server":"10.0.0.1","port":8883,"user":"me","pwd":"pw"}})"
              "\r\n"});
  CHECK(bench.run("reset_energy", PluginOptions{}.number("l1", 5)).status == MESURA_REPLY_DONE);
  CHECK(bench.tap().told == Lines{"{\"cmd\":\"resetEnergy\",\"energy\":[5]}\r\n"});
  CHECK(bench.run("sample", PluginOptions{}.text("measures", "v,i,p,q").integer("rows", 500)).status ==
        MESURA_REPLY_DONE);
}

TEST_CASE("the clock that can't be set") {
  for (const bool quirks : {false, true}) {
    CommandBench bench(PluginOptions{}.flag("quirks", quirks).flag("ntp_fails", true), idle());
    const Outcome got = bench.run("sync_time", PluginOptions{}.flag("bg", true));
    CHECK(got.status == MESURA_REPLY_REFUSED);
    CHECK(bench.asked == Lines{"{\"cmd\":\"ntp\",\"payload\":{\"bg\":true}}\r\n"});
  }
}

TEST_CASE("answers whose command is garbled are taken in turn") {
  CommandBench bench({}, idle());
  bench.alter = [](std::string said) {
    for (const char* word : {R"("cmd":"calibration")", R"("cmd":"dailyRestart")", R"("cmd":"ade9k")"})
      if (const auto at = said.find(word); at != std::string::npos) said.replace(at + 7, 4, "x\\u00010.");
    return said;
  };
  PluginOptions factors;
  for (const char* name : {"v1", "i1", "v2", "i2", "v3", "i3"}) factors.number(name, 1.25);
  CHECK(bench.run("calibrate", factors).status == MESURA_REPLY_DONE);
  CHECK(bench.run("daily_restart", PluginOptions{}.text("time", "23:59")).status == MESURA_REPLY_DONE);
  CHECK(bench.run("register_write", PluginOptions{}.text("address", "16").text("value", "3")).status ==
        MESURA_REPLY_DONE);
}

TEST_CASE("one command at a time for each device, two devices of a fleet at once, begun at one instant") {
  CommandBench bench({}, idle());
  bench.swallow = [](const std::string&) { return true; };
  const auto first = bench.begin("info");
  CHECK(bench.run("ping").status == MESURA_REPLY_REFUSED);
  CHECK(bench.finish(first).status == MESURA_REPLY_TIMEOUT);

  Tap tap(plugin());
  auto config = live("tcp_listen", "0.0.0.0:54322");
  config.fleet = true;
  PluginHarness h(tap.plugin(), idle().text("key", "name"), config);
  h.open();
  for (const char* n : {"1", "2"}) {
    PluginHarness::From from;
    from.peer = std::string("10.0.0.") + n + ":4000";
    h.peer(from.peer, true);
    std::string hello = R"({"cmd":"info","type":"smartmeter","name":"m)" + std::string(n) + R"(","state":"idle"})";
    h.bytes(info(hello), from);
    for (int k = 0; k < 7; ++k) h.bytes(info(k == 0 ? hello : R"({"error":false,"cmd":"getX"})"), from);
  }
  h.clear();
  for (std::uint32_t device : {1U, 2U}) {
    tap.command("sample", PluginOptions{}.text("at", "+5s grid"), false, device);
    h.advance(30ms);
  }
  std::vector<std::string> at, to;
  for (const auto& e : h.events(Kind::sent)) {
    at.push_back(e.text.substr(e.text.find("\"time\":")));
    to.push_back(e.to);
  }
  CHECK(at == Lines{"\"time\":1614697445}}\r\n", "\"time\":1614697445}}\r\n"});
  CHECK(to == Lines{"10.0.0.1:4000", "10.0.0.2:4000"});
  // Their answers in another order; one of them hangs up.
  PluginHarness::From second;
  second.peer = "10.0.0.2:4000";
  h.bytes(sample_reply("v,i,v,i,v,i", 1008, 8000, 6, "V,mA,V,mA,V,mA", "TCP", "1614697445.000"), second);
  CHECK(tap.outcomes[2].status == MESURA_REPLY_DONE);
  CHECK(tap.outcomes[1].replies == 0);
  h.peer("10.0.0.1:4000", false);
  CHECK(tap.outcomes[1].status == MESURA_REPLY_UNREACHABLE);
  tap.command("info", {}, false, 1);
  h.advance(1ms);
  CHECK(tap.outcomes[3].status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(tap.outcomes[3].message, contains("dials in"));
}

TEST_CASE("slow sampling over MQTT by command, with the answer and where it gets lost") {
  for (const bool lost : {false, true}) {
    CommandBench bench({}, {}, Way::mqtt);
    bench.advance(6s, 100ms);
    if (lost)
      bench.alter = [](const std::string& said) {
        return said.find("\"cmd\":\"sample\"") != std::string::npos ? std::string{} : said;
      };
    const Outcome got = bench.run("sample", PluginOptions{}.text("measures", "v,i_RMS").integer("rate", 5));
    INFO(got.message);
    CHECK(bench.asked == Lines{R"({"cmd":"sample","payload":{"type":"MQTT","rate":5,"measures":"v,i_RMS"}})"});
    CHECK(got.status == (lost ? MESURA_REPLY_UNVERIFIED : MESURA_REPLY_DONE));
    bench.advance(3s, 100ms);
    CHECK(measured(bench.session(), "l1", "voltage").size() > 10);
    CHECK(bench.run("stop").status == MESURA_REPLY_DONE);
    const auto rows = measured(bench.session(), "l1", "voltage").size();
    bench.advance(3s, 100ms);
    CHECK(measured(bench.session(), "l1", "voltage").size() == rows);
  }
}

TEST_CASE("questions of the session's own go on between commands") {
  CommandBench bench({}, PluginOptions{}.text("stream", "off").duration("interval", 1s));
  for (int n = 0; n < 20; ++n) {
    CHECK(bench.run(n % 2 == 0 ? "voltage" : "info").status == MESURA_REPLY_DONE);
    bench.advance(170ms);
  }
  CHECK(measured(bench.session(), "l1", "frequency").size() >= 3);
  CHECK(faults(bench.session()).empty());
}
