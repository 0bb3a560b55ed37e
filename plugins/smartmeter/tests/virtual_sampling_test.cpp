// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs over TCP: checks in order, replies, frames, pacing, stop, flow control, slots, scheduled starts, faults
// (sheet 5, 6, 8, 9, 10).
#include "support/catch.hpp"
#include "virtual_rig.hpp"

using namespace mesura::smartmeter::test;
using Kind = mesura::test::PluginEvent::Kind;

namespace {

constexpr std::int64_t kRunStart = 1'614'697'441'119 * kMs;
const std::string kOther = "10.0.0.2:4000";

std::string ok(const std::string& json) { return "Info:" + json + "\r\n"; }
std::string refused(const std::string& message) {
  return ok(R"({"error":true,"cmd":"sample","msg":")" + message + "\"}");
}
std::string sample(const std::string& payload) { return R"({"cmd":"sample","payload":{)" + payload + "}}"; }

/// Everything that count mode must have put into `bytes`, from row `first` on.
bool is_count(std::string_view bytes, std::size_t channels, std::uint64_t first = 0) {
  for (std::size_t i = 0; i * 4 < bytes.size(); ++i) {
    const std::uint64_t value = (8 * (first + i / channels) + i % channels) % (1U << 24);
    if (float_at(bytes, 4 * i) != static_cast<float>(value)) return false;
  }
  return true;
}

PluginOptions counting() { return quiet().text("signal", "count"); }

}  // namespace

TEST_CASE("sample: the checks, in order, with their texts") {
  Rig rig;
  rig.join();
  CHECK(rig.ask(sample(R"("rate":8000)")) == refused(R"(Not a valid \"sample\" command, \"type\" missing)"));
  CHECK(rig.ask(sample(R"("type":"TCP")")) == refused(R"(Not a valid \"sample\" command, \"rate\" missing)"));
  CHECK(rig.ask(sample(R"("type":"TCP","rate":0)")) == refused(R"(Not a valid \"sample\" command, \"rate\" missing)"));
  CHECK(rig.ask(R"({"cmd":"sample"})") ==
        refused(R"(Not a valid \"sample\" command, \"type\" missing, \"rate\" missing)"));
  CHECK(rig.ask(sample(R"("type":"tcp","rate":9000,"measures":"v,p")")) == refused("Unsupported measuresv,p"));
  CHECK(rig.ask(sample(R"("type":"tcp","rate":9000)")) == refused("SamplingRate could not be set to 9000"));
  CHECK(rig.ask(sample(R"("type":"TCP","rate":-1)")) == refused("SamplingRate could not be set to -1"));
  CHECK(rig.ask(sample(R"("type":"TCP","rate":100,"measures":"v,i_RMS")")) ==
        refused("SamplingRate cannot be higher than 50Hz in latch mode: v,i_RMS sampling"));
  CHECK(rig.ask(sample(R"("type":"UDP","rate":8000)")) == refused("Unsupported UDP port0"));
  CHECK(rig.ask(sample(R"("type":"UDP","rate":8000,"port":-5)")) == refused("Unsupported UDP port-5"));
  CHECK(rig.ask(sample(R"("type":"UDP","rate":8000,"port":80001)")) == refused("Unsupported UDP port80001"));
  CHECK(rig.ask(sample(R"("type":"tcp","rate":8000)")) == refused("Unsupported sampling type: tcp"));
  CHECK(rig.ask(sample(R"("type":"FFMPEG","rate":8000)")) == refused("Could not connect to TCP stream"));
}

TEST_CASE("sample: the sheet's reply, and numbers as texts or with fractions") {
  Rig rig(quiet(), "tcp_listen", kRunStart);
  rig.join();
  const std::string reply = ok(
      R"({"error":false,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"conn_type":"TCP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","startTs":"1614697441.119"})");
  CHECK(rig.ask(sample(R"("type":"TCP","rate":8000,"measures":"v,i,v,i,v,i")")) == reply);
  rig.ask(R"({"cmd":"stop"})");
  CHECK(rig.ask(sample(R"("type":"TCP","rate":"8000")")) == reply);
  rig.ask(R"({"cmd":"stop"})");
  CHECK(rig.ask(sample(R"("type":"TCP","rate":8000.9)")) == reply);
}

TEST_CASE("frames: counted rows without gap, numbers from 0, whole chunks") {
  Rig rig(counting());
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.advance(1s);
  const auto stream = pieces(rig.take());
  // 8000 rows; a frame leaves when more than 42 are there, so 190 frames of 42 rows.
  REQUIRE(stream.size() == 191);
  for (std::uint32_t n = 0; n < 190; ++n) {
    REQUIRE(stream[n].frame);
    CHECK(stream[n].number == n);
    CHECK(stream[n].text.size() == 1008);
  }
  CHECK(stream[190].text == "Info:[I]03/02 16:03:59: 8000.00Hz, 8000s");
  CHECK(is_count(payloads(stream), 6));
}

TEST_CASE("frames: every rate keeps its count, whatever the timers' grain") {
  for (const std::int64_t rate :
       {1,   2,   4,   5,   8,   10,  16,  20,  25,   32,   40,   50,   64,   80,   100,  125,  128,   160,
        200, 250, 256, 320, 400, 500, 640, 800, 1000, 1280, 1600, 2000, 3200, 4000, 6400, 8000, 16000, 32000}) {
    INFO(rate);
    Rig rig(counting());
    rig.join();
    rig.ask(sample(R"("type":"TCP","measures":"v,i_L1","rate":)" + std::to_string(rate)));
    rig.advance(3s);
    rig.advance(17ms);
    rig.advance(1003ms);  // 4.02 s in all
    const std::string stopped = rig.ask(R"({"cmd":"stop"})");
    const auto expected = static_cast<std::uint64_t>(rate * 4020 / 1000);
    CHECK_THAT(stopped, mesura::test::contains("\"samples\":" + std::to_string(expected) +
                                               ",\"sent_samples\":" + std::to_string(expected) + ","));
  }
}

TEST_CASE("frames: at low rates each leaves as soon as one more row than a chunk is there") {
  Rig rig(counting());
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":1)"));
  rig.advance(1999ms);
  CHECK(pieces(rig.take()).size() == 1);  // the rate line of the first row
  rig.advance(1ms);
  const auto stream = pieces(rig.take());
  REQUIRE(stream.size() == 2);
  CHECK(stream[0].frame);
  CHECK(stream[0].text.size() == 24);
  CHECK(stream[1].text == "Info:[I]03/02 16:04:00: 1.00Hz, 2s");
}

TEST_CASE("stop: the rest, then the sheet's reply") {
  Rig rig(counting(), "tcp_listen", kRunStart);
  rig.join();
  rig.join(kOther);
  rig.ask(R"({"cmd":"log","level":"error"})");
  rig.ask(sample(R"("type":"TCP","rate":1)"));
  rig.advance(16157ms);
  CHECK(frames_in(pieces(rig.take())) == 15);
  rig.say(R"({"cmd":"stop"})", kOther);
  const auto rest = pieces(rig.take());
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].number == 15);
  CHECK(is_count(rest[0].text, 6, 15));
  CHECK_THAT(
      rig.take(kOther),
      mesura::test::contains(ok(
          R"({"msg":"Received stop command","sample_duration":16157,"samples":16,"sent_samples":16,"start_ts":"1614697441.119","stop_ts":"1614697457.276","ip":"192.168.0.138","avg_rate":0.990283,"cmd":"stop","error":false})")));
}

TEST_CASE("stop: full frames and one short one") {
  Rig rig(counting());
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":32000)"));
  rig.advance(25ms);  // 800 rows; by 20 ms 640 were there, of which 15 frames = 630 left
  const auto before = pieces(rig.take());
  CHECK(frames_in(before) == 15);
  const auto rest = pieces(rig.ask(R"({"cmd":"stop"})"));
  REQUIRE(rest.size() == 6);
  CHECK(rest[3].text.size() == 1008);
  CHECK(rest[4].number == 19);
  CHECK(rest[4].text.size() == 2 * 24);
  CHECK_THAT(rest[5].text, mesura::test::contains(R"("samples":800,"sent_samples":800,)"));
  CHECK(is_count(payloads(before) + payloads(rest), 6));
  // The connection stays, and the next run counts from 0 again.
  CHECK(rig.count(Kind::dropped) == 0);
  rig.ask(sample(R"("type":"TCP","rate":32000)"));
  rig.advance(10ms);
  CHECK(pieces(rig.take()).at(0).number == 0);
}

TEST_CASE("run: ends with its owner") {
  Rig rig(counting());
  rig.join();
  rig.join(kOther);
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.advance(50ms);
  rig.take(kOther);
  rig.harness.peer("10.0.0.1:4000", false);
  CHECK(rig.take(kOther) == "Info:[E]03/02 16:03:58: TCP disconnected while streaming\r\n");
  CHECK_THAT(rig.ask(R"({"cmd":"info"})", kOther), mesura::test::contains(R"("state":"idle")"));
}

TEST_CASE("run: payload only without prefix") {
  Rig rig(counting());
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":8000,"prefix":false)")),
             mesura::test::contains(R"("prefix":false)"));
  rig.advance(100ms);
  const std::string bytes = rig.take();
  CHECK(bytes.size() == 19 * 1008);
  CHECK(is_count(bytes, 6));
}

TEST_CASE("run: latched rows are the truth too") {
  Rig rig(quiet().number("voltage", 325.26911934581187).number("current", 14142.135623730951).number("phi", 60));
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":10,"measures":"p,q")"));
  rig.others();
  rig.advance(200ms);
  const auto stream = pieces(rig.take());
  REQUIRE(stream.size() == 1);
  CHECK(float_at(stream[0].text, 0) == 1150.0F);
  CHECK(float_at(stream[0].text, 20) == Approx(1991.8584));
  std::vector<std::string> truth;
  for (const auto& e : rig.others())
    if (e.kind == Kind::measurement) truth.push_back(e.json());
  REQUIRE(truth.size() == 6);
  CHECK(truth[0] == R"({"channel":"l1","quantity":"active_power","time":"2021-03-02T15:03:58.12Z","value":1150})");
}

TEST_CASE("flow control: paused until asked, then exactly so many rows") {
  Rig rig(counting());
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":8000,"flowCtr":true)")),
             mesura::test::contains(R"("flowCtr":true)"));
  rig.advance(1s);
  CHECK(rig.take().empty());
  CHECK(rig.ask(R"({"cmd":"reqSamples","samples":10})") ==
        ok(R"({"error":true,"cmd":"reqSamples","msg":"stay between 10 and 100000 samples, not <10>"})"));
  CHECK(rig.ask(R"({"cmd":"reqSamples","samples":2001})") ==
        ok(R"({"error":true,"cmd":"reqSamples","msg":"stay between 10 and 100000 samples, not <2001>"})"));
  const auto asked = pieces(rig.ask(R"({"cmd":"reqSamples","samples":2000})"));
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].text.size() == 48'000);
  const auto more = pieces(rig.ask(R"({"cmd":"reqSamples","samples":11})"));
  REQUIRE(more.size() == 1);
  CHECK(more[0].number == 1);
  CHECK(is_count(more[0].text, 6, 2000));
  rig.advance(1s);
  CHECK(rig.take().empty());
  CHECK(rig.ask(R"({"cmd":"cts"})") == ok(R"({"error":true,"cmd":"cts","msg":"Info:Not a valid \"cts\" command"})"));
  const std::string resumed = rig.ask(R"({"cmd":"cts","value":true})");
  const auto stream = pieces(resumed);
  CHECK(stream[0].text == R"(Info:{"error":false,"cmd":"cts"})");
  CHECK(frames_in(stream) == (16'000 - 2011 - 1) / 42);
  CHECK(is_count(payloads(stream), 6, 2011));
  CHECK(rig.ask(R"({"cmd":"cts","value":false})") == ok(R"({"error":false,"cmd":"cts"})"));
  rig.advance(1s);
  CHECK(rig.take().empty());
}

TEST_CASE("flow control: nothing without a run, in latched mode or with too few rows") {
  Rig rig(counting());
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  CHECK(rig.ask(R"({"cmd":"reqSamples","samples":20})") == ok(R"({"error":true,"cmd":"reqSamples"})"));
  CHECK(rig.ask(R"({"cmd":"cts","value":true})") == ok(R"({"error":false,"cmd":"cts"})"));
  rig.ask(sample(R"("type":"TCP","rate":50,"measures":"p,q","flowCtr":true)"));
  rig.advance(1s);
  CHECK(rig.ask(R"({"cmd":"reqSamples","samples":20})") == ok(R"({"error":true,"cmd":"reqSamples"})"));
  rig.ask(R"({"cmd":"stop"})");
  rig.ask(sample(R"("type":"TCP","rate":8000,"flowCtr":true)"));
  rig.advance(10ms);
  CHECK(rig.ask(R"({"cmd":"reqSamples","samples":81})").empty());
  CHECK(pieces(rig.ask(R"({"cmd":"reqSamples","samples":80})")).size() == 1);
}

TEST_CASE("flow control: the firmware streams freely after the first request") {
  Rig rig(counting().flag("quirks", true));
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":8000,"flowCtr":true)"));
  rig.advance(100ms);
  rig.ask(R"({"cmd":"reqSamples","samples":20})");
  rig.advance(100ms);
  CHECK(frames_in(pieces(rig.take())) > 30);
}

TEST_CASE("slots: data only in the own second, then a line") {
  Rig rig(counting(), "tcp_listen", 1'614'697'440'000 * kMs);  // a multiple of 4 and of 5
  rig.join();
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":1000,"slot":[2,4])")),
             mesura::test::contains(R"("cmd":"sample","slot":[2,4],"measures")"));
  rig.advance(1999ms);
  auto stream = pieces(rig.take());
  CHECK(frames_in(stream) == 0);
  rig.advance(900ms);
  stream = pieces(rig.take());
  CHECK(frames_in(stream) == 2898 / 42);
  rig.advance(1101ms);
  stream = pieces(rig.take());
  CHECK(stream.back().text.rfind("Info:[I]03/02 16:04:04: 1000.00Hz, 4000s", 0) == 0);
  bool told = false;
  for (const Piece& p : stream) told = told || p.text.find("[I]03/02 16:04:03: sent 2982 samples") != std::string::npos;
  CHECK(told);
  rig.advance(1998ms);
  CHECK(frames_in(pieces(rig.take())) == 0);
}

TEST_CASE("slots: no slots, no data") {
  for (const char* slot : {"[0,0]", "[1]", "[]"}) {
    INFO(slot);
    Rig rig(counting());
    rig.join();
    rig.ask(sample(std::string(R"("type":"TCP","rate":8000,"slot":)") + slot));
    rig.advance(10s);
    CHECK(frames_in(pieces(rig.take())) == 0);
    CHECK(frames_in(pieces(rig.ask(R"({"cmd":"stop"})"))) == 0);
  }
}

TEST_CASE("scheduled start: the sheet's exchange") {
  Rig rig(counting(), "tcp_listen", 1'614'697'446'880 * kMs);
  rig.join();
  CHECK(
      rig.ask(sample(R"("type":"TCP","rate":8000,"time":1614697450)")) ==
      ok(R"({"error":false,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"conn_type":"TCP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","startTs":"1614697450.000","msg":"Should sample at: 03/02/2021 16:04:10.000//nStart sampling in: 3120ms"})"));
  CHECK(rig.ask(R"({"cmd":"stop"})") == ok(R"({"error":true,"cmd":"stop"})"));  // and it starts all the same
  rig.advance(2900ms);
  CHECK(rig.take().empty());
  CHECK(rig.ask(R"({"cmd":"info"})").rfind("Info:{\"cmd\":\"info\"", 0) == 0);
  rig.advance(100ms);
  CHECK(rig.ask(R"({"cmd":"info"})").empty());  // nobody is served in the last 200 ms
  rig.advance(120ms);
  CHECK_THAT(rig.take(), mesura::test::contains(R"("state":"busy")"));
  rig.advance(1s);
  const auto stream = pieces(rig.take());
  CHECK(frames_in(stream) == 190);
  CHECK(is_count(payloads(stream), 6));
  CHECK_THAT(
      rig.ask(R"({"cmd":"stop"})"),
      mesura::test::contains(
          R"("sample_duration":1000,"samples":8000,"sent_samples":8000,"start_ts":"1614697450.000","stop_ts":"1614697451.000")"));
}

TEST_CASE("scheduled start: too soon, too late, in the past") {
  Rig rig(counting(), "tcp_listen", 1'614'697'446'880 * kMs);
  rig.join();
  const std::string keys =
      R"({"error":true,"cmd":"sample","measures":"v,i,v,i,v,i","chunksize":1008,"samplingrate":8000,"conn_type":"TCP","measurements":6,"prefix":true,"flowCtr":false,"unit":"V,mA,V,mA,V,mA","msg":"Should sample at: )";
  CHECK(rig.ask(sample(R"("type":"TCP","rate":8000,"time":1614697447)")) ==
        ok(keys + R"(03/02/2021 16:04:07.000//nCannot start sampling in: 120ms"})"));
  CHECK(rig.ask(sample(R"("type":"TCP","rate":8000,"time":1614697467)")) ==
        ok(keys + R"(03/02/2021 16:04:27.000//nCannot start sampling in: 20120ms"})"));
  CHECK(rig.ask(sample(R"("type":"TCP","rate":8000,"time":1614697446)")) ==
        ok(keys + R"(03/02/2021 16:04:06.000//nCannot start sampling in: 4294966416ms"})"));
  CHECK_THAT(rig.ask(sample(R"("type":"TCP","rate":8000,"time":1614697448.9)")), mesura::test::contains("in: 1120ms"));
}

TEST_CASE("faults: dropped, short and ragged frames, lines between") {
  Rig rig(counting().list("drop", {"2", "5-6"}).list("short", {"3"}).list("ragged", {"8"}).list("log_lines", {"4"}));
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.advance(60ms);
  const auto stream = pieces(rig.take());
  std::string seen;
  for (const Piece& p : stream)
    seen += p.frame ? std::to_string(p.number) + ":" + std::to_string(p.text.size()) + " " : "line ";
  CHECK(seen == "0:1008 1:1008 3:504 line 4:1008 7:1008 8:1005 9:1008 10:1008 ");
  CHECK(is_count(stream[0].text, 6));
  CHECK(is_count(stream[2].text, 6, 126));  // 2 was lost: rows 84 to 125
  CHECK(is_count(stream[4].text, 6, 147));
  CHECK(is_count(stream[5].text, 6, 273));
}

TEST_CASE("faults: the owner is dropped after so many frames") {
  Rig rig(counting().integer("disconnect", 3));
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.others();
  rig.advance(100ms);
  CHECK(frames_in(pieces(rig.take())) == 3);
  CHECK(rig.count(Kind::dropped) == 1);
}

TEST_CASE("faults: a slow meter keeps its rows") {
  Rig rig(counting().size("slow", 100'000));
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.advance(2s);
  const std::string bytes = rig.take();
  CHECK(bytes.size() > 190'000);
  CHECK(bytes.size() < 210'000);
  CHECK(is_count(payloads(pieces(bytes)), 6));
}

TEST_CASE("buffer: full, said, restarted") {
  Rig rig(counting().size("buffer", 192'000).duration("reboot", 0s));
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":8000,"flowCtr":true)"));
  rig.others();
  rig.advance(1s);
  CHECK(rig.count(Kind::dropped) == 0);
  rig.advance(100ms);
  CHECK_THAT(rig.take(), mesura::test::contains("[E]03/02 16:03:59: Overflow during ringBuffer write, lost "));
  CHECK(rig.count(Kind::dropped) == 1);
}

TEST_CASE("time compression: rows faster than the clock") {
  Rig rig(counting().integer("compression", 60));
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":100)"));
  rig.advance(1s);
  CHECK_THAT(rig.ask(R"({"cmd":"stop"})"), mesura::test::contains(R"("samples":6000,"sent_samples":6000)"));
}

TEST_CASE("flood: as fast as asked, complete") {
  Rig rig(counting().flag("flood", true).integer("rows", 500'000));
  rig.join();
  rig.ask(R"({"cmd":"log","level":"error"})");
  rig.say(sample(R"("type":"TCP","rate":32000)"));
  rig.advance(10ms);
  const auto stream = pieces(rig.take());
  CHECK(is_count(payloads(stream), 6));
  CHECK(payloads(stream).size() == 500'000 * 24);
  CHECK_THAT(stream.back().text, mesura::test::contains(R"("sent_samples":500000)"));
}

TEST_CASE("clock jump: the run's rows stay on their grid") {
  Rig rig(counting());
  rig.join();
  rig.ask(sample(R"("type":"TCP","rate":8000)"));
  rig.advance(500ms);
  rig.harness.command("fault", PluginOptions{}.text("kind", "clock_jump").text("value", "10s"));
  rig.advance(500ms);
  rig.say(R"({"cmd":"stop"})");
  const auto stream = pieces(rig.take());
  CHECK(is_count(payloads(stream), 6));
  CHECK_THAT(stream.back().text, mesura::test::contains(R"("samples":8000)"));
}
