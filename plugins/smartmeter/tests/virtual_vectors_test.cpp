// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The twin's parts against the sheet's literal bytes and tables.
#include <openssl/evp.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "support/catch.hpp"
#include "virtual_frame.hpp"
#include "virtual_json.hpp"
#include "virtual_measures.hpp"
#include "virtual_rig.hpp"
#include "virtual_signal.hpp"
#include "virtual_time.hpp"

using namespace mesura::smartmeter::twin;
using namespace mesura::smartmeter::test;

namespace {

std::vector<std::uint8_t> rows_of(const std::vector<float>& values) {
  std::vector<std::uint8_t> out(values.size() * 4);
  for (std::size_t i = 0; i < values.size(); ++i) put_float(out.data() + 4 * i, values[i]);
  return out;
}

std::string frame_of(std::uint32_t number, const std::vector<float>& values, bool serial = false) {
  std::vector<std::uint8_t> out;
  append_frame(out, number, rows_of(values), serial);
  return {out.begin(), out.end()};
}

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (const unsigned char c : digest) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", c);
    out += hex.data();
  }
  return out;
}

std::string printed(float value) {
  std::string out;
  append_float(out, value);
  return out;
}

const std::vector<float> kT1 = {325.25F, -1500.5F, -162.75F,  750.25F, -162.5F,  750.25F,  324.875F,  -1498,
                                -170.5F, 790,      -154.375F, 708,     324,      -1494.5F, -178,      829.5F,
                                -146,    665,      322.625F,  -1489,   -185.25F, 868,      -137.375F, 621};

}  // namespace

TEST_CASE("vector T1: six channels, four rows") {
  const std::string frame = frame_of(0, kT1);
  CHECK(frame == unhex(R"(44 61 74 61 3a 60 00 00 00 00 00 00 a0 a2 43 00
    90 bb c4 00 c0 22 c3 00 90 3b 44 00 80 22 c3 00 90 3b 44 00 70 a2 43 00 40 bb c4 00 80 2a c3 00
    80 45 44 00 60 1a c3 00 00 31 44 00 00 a2 43 00 d0 ba c4 00 00 32 c3 00 60 4f 44 00 00 12 c3 00
    40 26 44 00 50 a1 43 00 20 ba c4 00 40 39 c3 00 00 59 44 00 60 09 c3 00 40 1b 44)"));
  CHECK(frame.size() == 107);
  CHECK(sha256(frame).substr(0, 16) == "aef19e3784d715a7");
}

TEST_CASE("vector T2: two channels and the order of the number's bytes") {
  CHECK(frame_of(0x01020304, {230, 1000, 0, -0.5F, -230, -1000}) ==
        unhex(R"(44 61 74 61 3a 18 00 04 03 02 01 00 00 66 43 00 00 7a 44 00 00 00 00 00 00 00 bf 00 00 66 c3 00
                 00 7a c4)"));
}

TEST_CASE("vector T3: marks inside a payload") {
  const std::string marks = "DataInfo:Dat\r\n\r\n";
  std::vector<std::uint8_t> out;
  append_frame(out, 7, std::vector<std::uint8_t>(marks.begin(), marks.end()));
  CHECK(std::string(out.begin(), out.end()) ==
        unhex("44 61 74 61 3a 10 00 07 00 00 00 44 61 74 61 49 6e 66 6f 3a 44 61 74 0d 0a 0d 0a"));
}

TEST_CASE("vectors T4 and T5: latched rows") {
  CHECK(frame_of(0, {230.125F, 229.5F, 231, 4350, 125.5F, 0}) ==
        unhex(R"(44 61 74 61 3a 18 00 00 00 00 00 00 20 66 43 00 80 65 43 00 00 67 43 00 f0 87 45 00 00 fb 42 00
                 00 00 00)"));
  CHECK(frame_of(1, {1000.5F, 28.75F, 0, -12.25F, 3.5F, 0}) ==
        unhex(R"(44 61 74 61 3a 18 00 01 00 00 00 00 20 7a 44 00 00 e6 41 00 00 00 00 00 00 44 c1 00 00 60 40 00
                 00 00 00)"));
}

TEST_CASE("vector T8: a frame on the serial line") {
  CHECK(frame_of(2, {kT1.begin(), kT1.begin() + 6}, true) ==
        unhex(R"(44 61 74 61 3a 18 00 02 00 00 00 00 a0 a2 43 00 90 bb c4 00 c0 22 c3 00 90 3b 44 00 80 22 c3 00
                 90 3b 44 0d 0a)"));
}

TEST_CASE("vector T11: frames, a line, a gap") {
  const std::string marks = "DataInfo:Dat\r\n\r\n";
  std::vector<std::uint8_t> marked;
  append_frame(marked, 1, std::vector<std::uint8_t>(marks.begin(), marks.end()));
  const std::string stream = frame_of(0, {1, 2, 3, 4, 5, 6}) + "Info:[I]03/02 16:04:02: 1.00Hz, 3s\r\n" +
                             std::string(marked.begin(), marked.end()) + frame_of(4, {7, 8, 9, 10});
  CHECK(stream == unhex(R"(44 61 74 61 3a 18 00 00 00 00 00 00 00 80 3f 00
    00 00 40 00 00 40 40 00 00 80 40 00 00 a0 40 00 00 c0 40 49 6e 66 6f 3a 5b 49 5d 30 33 2f 30 32
    20 31 36 3a 30 34 3a 30 32 3a 20 31 2e 30 30 48 7a 2c 20 33 73 0d 0a 44 61 74 61 3a 10 00 01 00
    00 00 44 61 74 61 49 6e 66 6f 3a 44 61 74 0d 0a 0d 0a 44 61 74 61 3a 10 00 04 00 00 00 00 00 e0
    40 00 00 00 41 00 00 10 41 00 00 20 41)"));
  const auto parts = pieces(stream);
  REQUIRE(parts.size() == 4);
  CHECK(parts[3].number == 4);
}

TEST_CASE("vector T12: count mode's first full frame") {
  Rig rig(quiet().text("signal", "count"));
  rig.join();
  rig.ask(R"({"cmd":"sample","payload":{"type":"TCP","rate":8000}})");
  rig.advance(5500us);  // 44 rows, of which 43 suffice
  CHECK(rig.take().empty());
  rig.advance(5ms);  // the burst comes on the grid of 10 ms
  const auto stream = pieces(rig.take());
  REQUIRE(stream.size() == 1);
  const std::string frame = [&] {
    std::vector<std::uint8_t> out;
    append_frame(out, stream[0].number, std::vector<std::uint8_t>(stream[0].text.begin(), stream[0].text.end()));
    return std::string(out.begin(), out.end());
  }();
  CHECK(frame.size() == 1019);
  CHECK(frame.substr(0, 43) == unhex(R"(44 61 74 61 3a f0 03 00 00 00 00 00 00 00 00 00 00 80 3f 00 00 00 40 00 00 40 40
    00 00 80 40 00 00 a0 40 00 00 00 41 00 00 10 41)"));
  CHECK(frame.substr(frame.size() - 24) ==
        unhex("00 00 a4 43 00 80 a4 43 00 00 a5 43 00 80 a5 43 00 00 a6 43 00 80 a6 43"));
  CHECK(sha256(frame) == "a736d5626de1095a884f96b02e2b4762df4bd45595df2787067ddaf2dd5da635");
}

TEST_CASE("rates: the divisors of 32000, and up to 50 for latched rows") {
  const std::vector<int> legal = {1,   2,   4,    5,    8,    10,   16,   20,   25,   32,   40,    50,
                                  64,  80,  100,  125,  128,  160,  200,  250,  256,  320,  400,   500,
                                  640, 800, 1000, 1280, 1600, 2000, 3200, 4000, 6400, 8000, 16000, 32000};
  REQUIRE(legal.size() == 36);
  const Measures& wave = *find_measures(Model::smartmeter, "");
  std::vector<int> allowed;
  for (int rate = -5; rate <= 33000; ++rate)
    if (rate_allowed(Model::smartmeter, wave, rate)) allowed.push_back(rate);
  CHECK(allowed == legal);
  const Measures& latched = *find_measures(Model::smartmeter, "p,q");
  CHECK(rate_allowed(Model::smartmeter, latched, 1));
  CHECK(rate_allowed(Model::smartmeter, latched, 33));
  CHECK(rate_allowed(Model::smartmeter, latched, 50));
  CHECK_FALSE(rate_allowed(Model::smartmeter, latched, 51));
  CHECK_FALSE(rate_allowed(Model::smartmeter, latched, 0));
  const Measures& sister = *find_measures(Model::powermeter, "v,i,p,q");
  CHECK(rate_allowed(Model::powermeter, sister, 7999));
  CHECK_FALSE(rate_allowed(Model::powermeter, sister, 8001));
}

TEST_CASE("chunk sizes: every row of the sheet's table") {
  struct Row {
    std::int64_t rate;
    std::array<std::size_t, 6> bytes;  // TCP, UDP, serial with 24 bytes a row, then with 8
  };
  const std::vector<Row> table = {{1, {24, 24, 120, 8, 8, 128}},
                                  {2, {24, 24, 120, 8, 8, 128}},
                                  {5, {24, 24, 120, 8, 8, 128}},
                                  {8, {24, 24, 120, 8, 8, 128}},
                                  {10, {24, 24, 120, 8, 8, 128}},
                                  {20, {48, 48, 120, 16, 16, 128}},
                                  {25, {48, 48, 120, 32, 32, 128}},
                                  {50, {120, 120, 120, 64, 64, 128}},
                                  {100, {240, 240, 120, 128, 128, 128}},
                                  {125, {504, 504, 120, 128, 128, 128}},
                                  {200, {504, 504, 120, 256, 256, 128}},
                                  {250, {1008, 504, 120, 256, 256, 128}},
                                  {500, {1008, 504, 120, 512, 512, 128}},
                                  {1000, {1008, 504, 120, 1024, 512, 128}},
                                  {8000, {1008, 504, 120, 1024, 512, 128}},
                                  {32000, {1008, 504, 120, 1024, 512, 128}}};
  for (const Row& row : table) {
    INFO(row.rate);
    std::array<std::size_t, 6> got{};
    for (std::size_t i = 0; i < 6; ++i) {
      constexpr std::array<Sink, 3> sinks = {Sink::tcp, Sink::udp, Sink::serial};
      got[i] = chunk_bytes(sinks[i % 3], row.rate, i < 3 ? 24 : 8);
    }
    CHECK(got == row.bytes);
  }
}

TEST_CASE("measures: what each request means") {
  const auto told = [](std::string_view request) {
    const Measures* m = find_measures(Model::smartmeter, request);
    return m == nullptr ? std::string("refused") : std::string(m->reply) + " " + std::string(m->unit);
  };
  CHECK(told("") == "v,i,v,i,v,i V,mA,V,mA,V,mA");
  CHECK(told("v,i,v,i,v,i") == "v,i,v,i,v,i V,mA,V,mA,V,mA");
  CHECK(told("v,i") == "v,i_L1 V,mA");
  CHECK(told("v,i_L1") == "v,i_L1 V,mA");
  CHECK(told("v,i_L3") == "v,i_L3 V,mA");
  CHECK(told("p,q") == "p,p,p,q,q,q W,W,W,VAR,VAR,VAR");
  CHECK(told("v,i_RMS") == "v,v,v,i,i,i_RMS V,V,V,mA,mA,mA");
  CHECK(told("v,v,v,i,i,i_RMS") == "v,v,v,i,i,i_RMS V,V,V,mA,mA,mA");
  CHECK(told("v,p") == "refused");
}

TEST_CASE("numbers: as the firmware's library prints them") {
  CHECK(printed(1) == "1");
  CHECK(printed(0) == "0");
  CHECK(printed(-0.5F) == "-0.5");
  CHECK(printed(0.990283F) == "0.990283");
  CHECK(printed(7998.502F) == "7998.502");
  CHECK(printed(1116.89F) == "1116.89");
  CHECK(printed(4350) == "4350");
  CHECK(printed(230.1F) == "230.1");
  CHECK(printed(9'999'999) == "9999999");
  CHECK(printed(1e7F) == "1e7");
  CHECK(printed(1.5e8F) == "1.5e8");
  CHECK(printed(1e-5F) == "1e-5");
  CHECK(printed(0.0001F) == "0.0001");
  CHECK(printed(std::numeric_limits<float>::quiet_NaN()) == "null");
  CHECK(printed(9.9999999e9F) == "1e10");
}

TEST_CASE("JSON: what clients send") {
  const auto parsed =
      Json::parse(R"({"cmd":"sample","payload":{"type":"TCP","rate":"8000","slot":[1, 2],"x":-1.5e1}} junk)");
  REQUIRE(parsed);
  CHECK((*parsed)["cmd"].text() == "sample");
  CHECK((*parsed)["payload"]["rate"].integer() == 8000);
  CHECK((*parsed)["payload"]["x"].integer() == -15);
  CHECK((*parsed)["payload"]["slot"].items().size() == 2);
  CHECK_FALSE((*parsed)["nothing"]["at"]["all"].exists());
  CHECK(Json::parse(R"({"a":"A\n\"b\\"})").value()["a"].text() == "A\n\"b\\");
  for (const char* bad : {"", "\r", "hello", "{", "{\"a\"", "{\"a\":}", "[1,", "\"x", "{\"a\":1,}", "nul", "-", "{a:1}",
                          "[[[[[[[[[[[1]]]]]]]]]]]", "\"\\u12\"", "\"\\q\""})
    CHECK_FALSE(Json::parse(bad).has_value());
}

TEST_CASE("time: the meter's local clock") {
  CHECK(long_form(1'614'697'438'120 * kMs) == "03/02/2021 16:03:58.120");
  CHECK(short_form(1'614'697'438'120 * kMs) == "03/02 16:03:58");
  CHECK(unix_form(1'614'697'441'119 * kMs) == "1614697441.119");
  CHECK(local_offset(1'616'893'199) == 3600);  // 2021-03-28T00:59:59Z
  CHECK(local_offset(1'616'893'200) == 7200);
  CHECK(local_offset(1'635'641'999) == 7200);  // 2021-10-31T00:59:59Z
  CHECK(local_offset(1'635'642'000) == 3600);
}

TEST_CASE("signal sine: the sheet's formula at every rate") {
  SignalSetup setup;
  setup.phi = 30;
  const Signal signal(setup);
  const Measures& six = *find_measures(Model::smartmeter, "");
  for (const std::int64_t rate : {1, 32, 128, 640, 6400, 8000, 32000}) {
    INFO(rate);
    RowWriter writer(signal, six, rate, 0);
    const std::uint64_t first = static_cast<std::uint64_t>(rate) * 3 - 2;
    std::vector<std::uint8_t> rows;
    writer.append(rows, first, 700);
    const std::string bytes(rows.begin(), rows.end());
    double worst = 0;
    for (std::size_t n = 0; n < 700; ++n) {
      const double t = static_cast<double>(first + n) / static_cast<double>(rate);
      for (std::size_t k = 0; k < 3; ++k) {
        const double angle = 2 * M_PI * std::fmod(50 * t, 1.0) - 2 * M_PI / 3 * static_cast<double>(k);
        const double v = static_cast<double>(float_at(bytes, (6 * n + 2 * k) * 4));
        const double i = static_cast<double>(float_at(bytes, (6 * n + 2 * k + 1) * 4));
        worst = std::max(worst, std::fabs(v - 325.27 * std::sin(angle)));
        worst = std::max(worst, std::fabs(i - 14142 * std::sin(angle - M_PI / 6)) / 43);
      }
    }
    CHECK(worst < 1e-4);
  }
}

TEST_CASE("signal: overtones count in RMS and power") {
  SignalSetup setup;
  setup.current_harmonics = {{3, 0.2}, {5, 0.1}};
  setup.voltage_harmonics = {{3, 0.01}};
  const Signal signal(setup);
  const Lines lines = signal.at(0);
  RowWriter writer(signal, *find_measures(Model::smartmeter, "v,i_L2"), 8000, 0);
  std::vector<std::uint8_t> rows;
  writer.append(rows, 0, 8000);
  const std::string bytes(rows.begin(), rows.end());
  double vv = 0, ii = 0, vi = 0;
  for (std::size_t n = 0; n < 8000; ++n) {
    const double v = static_cast<double>(float_at(bytes, 8 * n)), i = static_cast<double>(float_at(bytes, 8 * n + 4));
    vv += v * v;
    ii += i * i;
    vi += v * i;
  }
  CHECK(std::sqrt(vv / 8000) == Approx(lines[1].voltage).epsilon(1e-6));
  CHECK(std::sqrt(ii / 8000) == Approx(lines[1].current_ma).epsilon(1e-6));
  CHECK(vi / 8000 / 1000 == Approx(lines[1].p).epsilon(1e-6));
}

TEST_CASE("signal house: rows carry the house's power, second by second") {
  SignalSetup setup;
  setup.kind = SignalKind::house;
  setup.profile = "house";
  setup.house.phases = 3;
  setup.house.start = 1'700'000'000;
  const Signal signal(setup);
  RowWriter writer(signal, *find_measures(Model::smartmeter, ""), 4000, 1'700'000'000);
  for (std::int64_t second = 0; second < 3; ++second) {
    std::vector<std::uint8_t> rows;
    writer.append(rows, static_cast<std::uint64_t>(second) * 4000, 4000);
    const std::string bytes(rows.begin(), rows.end());
    const Lines lines = signal.at(1'700'000'000 + second);
    for (std::size_t k = 0; k < 3; ++k) {
      double p = 0;
      for (std::size_t n = 0; n < 4000; ++n)
        p += static_cast<double>(float_at(bytes, 24 * n + 8 * k)) *
             static_cast<double>(float_at(bytes, 24 * n + 8 * k + 4)) / 1000 / 4000;
      CHECK(p == Approx(lines[k].p).margin(0.01));
    }
  }
}

TEST_CASE("signal count: rows wrap at 2^24 and stay exact") {
  SignalSetup setup;
  setup.kind = SignalKind::count;
  const Signal signal(setup);
  RowWriter writer(signal, *find_measures(Model::smartmeter, ""), 32000, 0);
  std::vector<std::uint8_t> rows;
  writer.append(rows, 2'097'151, 2);
  const std::string bytes(rows.begin(), rows.end());
  CHECK(float_at(bytes, 0) == 16'777'208.0F);
  CHECK(float_at(bytes, 20) == 16'777'213.0F);
  CHECK(float_at(bytes, 24) == 0.0F);
  CHECK(float_at(bytes, 44) == 5.0F);
}
