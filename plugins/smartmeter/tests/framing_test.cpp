// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The sheet's vectors (section 17) through an offline session, as `mesura decode smartmeter` sees them, and what goes
// wrong on the wire.
#include <random>

#include "framer.hpp"
#include "tests/support.hpp"

using namespace smartmeter_test;

namespace {

PluginOptions offline(const std::string& measures, std::int64_t rate) {
  PluginOptions options;
  options.text("measures", measures).integer("rate", rate).flag("derive", false);
  return options;
}

struct Decoded {
  explicit Decoded(const std::string& bytes, PluginOptions options = offline("v,i,v,i,v,i", 8000),
                   std::vector<std::size_t> pieces = {})
      : h(plugin(), std::move(options)) {
    h.open();
    if (pieces.empty()) pieces = {bytes.size()};
    h.bytes_in_pieces(bytes, pieces);
    h.close(true);
  }
  [[nodiscard]] std::vector<PluginEvent> blocks() const { return h.events(Kind::waveform); }
  PluginHarness h;
};

const std::string kT1 = unhex(R"(
44 61 74 61 3a 60 00 00 00 00 00 00 a0 a2 43 00
90 bb c4 00 c0 22 c3 00 90 3b 44 00 80 22 c3 00
90 3b 44 00 70 a2 43 00 40 bb c4 00 80 2a c3 00
80 45 44 00 60 1a c3 00 00 31 44 00 00 a2 43 00
d0 ba c4 00 00 32 c3 00 60 4f 44 00 00 12 c3 00
40 26 44 00 50 a1 43 00 20 ba c4 00 40 39 c3 00
00 59 44 00 60 09 c3 00 40 1b 44)");
const Rows kT1Rows = {{325.25F, -1500.5F, -162.75F, 750.25F, -162.5F, 750.25F},
                      {324.875F, -1498, -170.5F, 790, -154.375F, 708},
                      {324, -1494.5F, -178, 829.5F, -146, 665},
                      {322.625F, -1489, -185.25F, 868, -137.375F, 621}};
const std::string kT2 = unhex(R"(
44 61 74 61 3a 18 00 04 03 02 01 00 00 66 43 00
00 7a 44 00 00 00 00 00 00 00 bf 00 00 66 c3 00
00 7a c4)");
const std::string kT3 = unhex(R"(
44 61 74 61 3a 10 00 07 00 00 00 44 61 74 61 49
6e 66 6f 3a 44 61 74 0d 0a 0d 0a)");
const std::string kT4 = unhex(R"(
44 61 74 61 3a 18 00 00 00 00 00 00 20 66 43 00
80 65 43 00 00 67 43 00 f0 87 45 00 00 fb 42 00
00 00 00)");
const std::string kT5 = unhex(R"(
44 61 74 61 3a 18 00 01 00 00 00 00 20 7a 44 00
00 e6 41 00 00 00 00 00 00 44 c1 00 00 60 40 00
00 00 00)");
const std::string kT6 = unhex(R"(
00 a0 a2 43 00 90 bb c4 00 c0 22 c3 00 90 3b 44
00 80 22 c3 00 90 3b 44 00 70 a2 43 00 40 bb c4
00 80 2a c3 00 80 45 44 00 60 1a c3 00 00 31 44)");
const std::string kT7 = unhex(R"(
49 6e 66 6f 3a 5b 49 5d 30 33 2f 30 32 20 31 30
3a 33 37 3a 30 38 3a 20 0d 0a)");
const std::string kT8 = unhex(R"(
44 61 74 61 3a 18 00 02 00 00 00 00 a0 a2 43 00
90 bb c4 00 c0 22 c3 00 90 3b 44 00 80 22 c3 00
90 3b 44 0d 0a)");
const std::string kT11 = unhex(R"(
44 61 74 61 3a 18 00 00 00 00 00 00 00 80 3f 00
00 00 40 00 00 40 40 00 00 80 40 00 00 a0 40 00
00 c0 40 49 6e 66 6f 3a 5b 49 5d 30 33 2f 30 32
20 31 36 3a 30 34 3a 30 32 3a 20 31 2e 30 30 48
7a 2c 20 33 73 0d 0a 44 61 74 61 3a 10 00 01 00
00 00 44 61 74 61 49 6e 66 6f 3a 44 61 74 0d 0a
0d 0a 44 61 74 61 3a 10 00 04 00 00 00 00 00 e0
40 00 00 00 41 00 00 10 41 00 00 20 41)");

}  // namespace

TEST_CASE("T1, six channels, four rows") {
  CHECK(frame(0, kT1Rows) == kT1);
  const Decoded d(kT1);
  REQUIRE(d.blocks().size() == 1);
  CHECK(d.blocks()[0].samples == flat(kT1Rows));
  CHECK(d.blocks()[0].length == 4);
  CHECK(d.blocks()[0].offset == 0);
  REQUIRE(d.h.streams().size() == 1);
  const auto& stream = d.h.streams()[0];
  CHECK(stream.names == Lines{"v_l1", "i_l1", "v_l2", "i_l2", "v_l3", "i_l3"});
  CHECK(stream.units == Lines{"V", "mA", "V", "mA", "V", "mA"});
  CHECK(stream.period_ns == 125'000);
  CHECK(faults(d.h).empty());
}

TEST_CASE("T2, two channels and the byte order of the packet number") {
  const Decoded d(kT2, offline("v,i_L2", 8000));
  REQUIRE(d.blocks().size() == 1);
  CHECK(d.blocks()[0].packet == 0x01020304);
  CHECK(d.blocks()[0].samples == std::vector<float>{230, 1000, 0, -0.5F, -230, -1000});
  CHECK(d.h.streams()[0].names == Lines{"v_l2", "i_l2"});
  // The recording begins at that packet: everything before it is missing.
  CHECK(d.blocks()[0].gap_rows == 0x01020304ULL * 3);
  CHECK(d.blocks()[0].offset == 0x01020304ULL * 3);
}

TEST_CASE("T3, a payload of marks is one frame and no text") {
  std::string bytes;
  for (std::uint32_t n = 0; n < 7; ++n) bytes += frame(n, Rows{{0, 0}, {0, 0}});
  const Decoded d(bytes + kT3, offline("v,i_L1", 8000));
  REQUIRE(d.blocks().size() == 8);
  CHECK(d.blocks()[7].samples == std::vector<float>{2.8175089e20F, 7.1314879e28F, 7.1389807e31F, 6.7907934e-33F});
  CHECK(faults(d.h).empty());
  CHECK(d.h.events(Kind::frame).size() == 8);
}

TEST_CASE("T4 and T5, latched rows are measurements in base units") {
  const Decoded rms(kT4, offline("v,i_RMS", 1));
  CHECK(rms.blocks().empty());
  CHECK(rms.h.streams().empty());
  CHECK(measured(rms.h, "l1", "voltage").at(0).value == 230.125);
  CHECK(measured(rms.h, "l2", "voltage").at(0).value == 229.5);
  CHECK(measured(rms.h, "l3", "voltage").at(0).value == 231);
  CHECK(measured(rms.h, "l1", "current").at(0).value == Approx(4.35));
  CHECK(measured(rms.h, "l2", "current").at(0).value == Approx(0.1255));
  CHECK(measured(rms.h, "l3", "current").at(0).value == 0);

  const Decoded power(frame(0, Rows{{0, 0, 0, 0, 0, 0}}) + kT5, offline("p,q", 1));
  CHECK(measured(power.h, "l1", "active_power").at(1).value == 1000.5);
  CHECK(measured(power.h, "l2", "active_power").at(1).value == 28.75);
  CHECK(measured(power.h, "l3", "active_power").at(1).value == 0);
  CHECK(measured(power.h, "l1", "reactive_power").at(1).value == -12.25);
  CHECK(measured(power.h, "l2", "reactive_power").at(1).value == 3.5);
  CHECK(measured(power.h, "total", "active_power").at(1).value == 1029.25);
  CHECK(measured(power.h, "l1", "active_power").at(1).time_ns - measured(power.h, "l1", "active_power").at(0).time_ns ==
        1'000'000'000);
}

TEST_CASE("T6, the raw stream, cut anywhere") {
  for (const std::size_t piece : {48U, 1U, 7U, 25U}) {
    PluginOptions options = offline("v,i,v,i,v,i", 8000);
    options.text("mode", "raw");
    const Decoded d(kT6, options, {piece});
    CHECK(samples(d.h) == flat({kT1Rows[0], kT1Rows[1]}));
    CHECK(d.h.counts().rows == 2);
    CHECK(d.h.streams().size() == 1);
  }
}

TEST_CASE("T7 and T9, lines alone measure nothing") {
  const Decoded d(kT7 + info("Setup done"));
  CHECK(d.h.events(Kind::frame).size() == 2);
  CHECK(d.h.counts().measurements == 0);
  CHECK(d.blocks().empty());
  CHECK(faults(d.h).empty());
}

TEST_CASE("T8, the line end behind a serial frame is no noise") {
  const Decoded d(frame(0, kT1Rows) + "\r\n" + frame(1, kT1Rows) + "\r\n" + kT8);
  CHECK(d.blocks().size() == 3);
  CHECK(d.blocks().at(2).packet == 2);
  CHECK(d.blocks().at(2).samples == flat({kT1Rows[0]}));
  CHECK(faults(d.h).empty());
}

TEST_CASE("T11, frames and lines mixed, two frames missing") {
  const std::string reply = sample_reply("v,i_L1", 24, 1, 2, "V,mA");
  for (const std::size_t piece : {kT11.size(), std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
    for (const bool with_reply : {true, false}) {
      const Decoded d((with_reply ? reply : "") + kT11, offline("v,i_L1", 1), {piece});
      const auto blocks = d.blocks();
      REQUIRE(blocks.size() == 3);
      CHECK(blocks[0].samples == std::vector<float>{1, 2, 3, 4, 5, 6});
      CHECK(blocks[1].samples == std::vector<float>{2.8175089e20F, 7.1314879e28F, 7.1389807e31F, 6.7907934e-33F});
      CHECK(blocks[1].gap_rows == 0);
      CHECK(blocks[2].samples == std::vector<float>{7, 8, 9, 10});
      CHECK(blocks[2].gap_rows == 6);
      CHECK(blocks[2].offset == 11);
      CHECK(blocks[2].packet == 4);
      CHECK(faults(d.h) == Lines{"packet_gap"});
      CHECK(d.h.events(Kind::fault).at(0).text == "expected packet 2, got 4: 2 frames, 6 rows are missing");
      if (with_reply) CHECK(d.h.streams().at(0).start_ns == kStart);
    }
  }
}

TEST_CASE("T12, count mode, 42 rows in 1019 bytes") {
  const std::string bytes = frame(0, count_rows(0, 42));
  REQUIRE(bytes.size() == 1019);
  CHECK(bytes.substr(0, 43) == unhex("44 61 74 61 3a f0 03 00 00 00 00 00 00 00 00 00"
                                     "00 80 3f 00 00 00 40 00 00 40 40 00 00 80 40 00"
                                     "00 a0 40 00 00 00 41 00 00 10 41"));
  CHECK(bytes.substr(bytes.size() - 24) ==
        unhex("00 00 a4 43 00 80 a4 43 00 00 a5 43 00 80 a5 43 00 00 a6 43 00 80 a6 43"));
  const Decoded d(bytes);
  CHECK(samples(d.h) == flat(count_rows(0, 42)));
}

TEST_CASE("any chunking gives the same events") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  INFO("seed " << seed);
  const std::string bytes = "xyz\r\n" + kGreeting + sample_reply("v,i_L1", 24, 1, 2, "V,mA") + kT11 + "Dat" +
                            kLiveness + "InfInfo:[E]x\r\n" + "Data:\x07" + std::string(5, '\0') + "abc" +
                            frame(5, Rows{{1, 2}, {3, 4}, {5, 6}}) + "\r\n" + frame(5, Rows{{1, 2}}) +
                            "Info:{\"cmd\":\r\n" + "Data:";
  const Decoded once(bytes, offline("v,i_L1", 1));
  const auto lines = [](const Decoded& d) {
    return d.h.lines({Kind::measurement, Kind::waveform, Kind::attribute, Kind::frame, Kind::fault, Kind::log});
  };
  CHECK(faults(once.h) == Lines{"noise", "packet_gap", "noise", "noise", "device_error", "bad_length", "noise",
                                "late_packet", "bad_json", "truncated"});
  for (int round = 0; round < 200; ++round) {
    std::uniform_int_distribution<std::size_t> size(1, round % 2 == 0 ? 100 : 7);
    std::vector<std::size_t> sizes(37);
    for (auto& s : sizes) s = size(random);
    if (round == 0) sizes = {1};
    const Decoded cut(bytes, offline("v,i_L1", 1), sizes);
    REQUIRE(lines(cut) == lines(once));
    REQUIRE(samples(cut.h) == samples(once.h));
  }
}

TEST_CASE("garbage in front, in between and behind costs itself only") {
  const auto seed = static_cast<std::uint32_t>(std::random_device{}());
  std::mt19937 random(seed);
  INFO("seed " << seed);
  for (int round = 0; round < 100; ++round) {
    std::string garbage;
    for (int i = 0; i < 300; ++i) {
      const char c = static_cast<char>(random());
      garbage += c == 'D' || c == 'I' ? 'x' : c;  // a mark's letter is tried elsewhere
    }
    const Decoded d(garbage + frame(0, count_rows(0, 42)) + garbage + frame(1, count_rows(42, 42)) + garbage);
    CHECK(samples(d.h) == flat(count_rows(0, 84)));
    CHECK(faults(d.h) == Lines{"noise", "noise", "noise"});
  }
}

TEST_CASE("every truncation gives the frames that are whole") {
  const std::string bytes = frame(0, kT1Rows) + kLiveness + frame(1, kT1Rows);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const Decoded d(bytes.substr(0, size));
    CHECK(d.blocks().size() == (size >= 107 ? 1U : 0U) + (size == bytes.size() ? 1U : 0U));
    const bool whole = size == 0 || size == 107 || size == 107 + kLiveness.size() || size == bytes.size();
    CHECK(faults(d.h) == (whole ? Lines{} : Lines{"truncated"}));
  }
}

TEST_CASE("a length that is no whole number of rows costs that frame") {
  const Decoded d(frame(0, count_rows(0, 2)) + frame(1, std::string(25, 'a')) + frame(1, count_rows(2, 2)));
  CHECK(samples(d.h) == flat(count_rows(0, 4)));
  CHECK(faults(d.h) == Lines{"bad_length", "noise"});
}

TEST_CASE("an empty frame is none") {
  const Decoded d(frame(0, std::string{}) + frame(0, count_rows(0, 2)));
  CHECK(samples(d.h) == flat(count_rows(0, 2)));
  CHECK(faults(d.h) == Lines{"bad_length", "noise"});
}

TEST_CASE("a frame longer than the chunk of the answer is a wrong length, except in recordings") {
  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false), live());
  start_run(h);
  h.bytes(frame(0, count_rows(0, 43)));
  h.bytes(frame(0, count_rows(0, 42)));
  CHECK(samples(h) == flat(count_rows(0, 42)));
  CHECK(faults(h) == Lines{"bad_length", "noise"});
  const Decoded d(sample_reply() + frame(0, count_rows(0, 2000)));  // the answer to reqSamples
  CHECK(d.h.counts().rows == 2000);
}

TEST_CASE("a line without an end is given up after 64 KiB") {
  const Decoded d("Info:" + std::string(70'000, 'x') + frame(0, count_rows(0, 2)), offline("v,i,v,i,v,i", 8000),
                  {1000});
  CHECK(samples(d.h) == flat(count_rows(0, 2)));
  CHECK(faults(d.h) == Lines{"line_too_long", "noise"});
}

TEST_CASE("late and repeated frames are dropped and counted, also around the wrap of the number") {
  const Decoded d(frame(0, count_rows(0, 2)) + frame(0, count_rows(0, 2)) + frame(2, count_rows(4, 2)) +
                  frame(1, count_rows(2, 2)) + frame(3, count_rows(6, 2)));
  CHECK(faults(d.h) == Lines{"late_packet", "packet_gap", "late_packet"});
  CHECK(d.h.counts().rows == 6);
  CHECK(d.h.counts().gap_rows == 2);
  const auto blocks = d.blocks();
  CHECK(blocks.at(1).offset == 4);
  CHECK(blocks.at(2).offset == 6);
}

TEST_CASE("two runs on one connection: the number begins again behind each answer") {
  const Decoded d(sample_reply() + frame(0, count_rows(0, 42)) + frame(1, count_rows(42, 42)) +
                  info(R"({"msg":"Received stop command","samples":84,"sent_samples":84,"cmd":"stop","error":false})") +
                  sample_reply("v,i,v,i,v,i", 1008, 4000, 6, "V,mA,V,mA,V,mA", "TCP", "1614697500.000") +
                  frame(0, count_rows(0, 42)));
  REQUIRE(d.h.streams().size() == 2);
  CHECK(d.h.streams()[0].start_ns == kStart);
  CHECK(d.h.streams()[1].start_ns == 1'614'697'500'000'000'000);
  CHECK(d.h.streams()[1].period_ns == 250'000);
  const auto blocks = d.blocks();
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[2].stream == 1);
  CHECK(blocks[2].offset == 0);
  CHECK(faults(d.h).empty());
}

TEST_CASE("the chunk of a recording is the option's, else the longest frame's") {
  PluginOptions options = offline("v,i,v,i,v,i", 8000);
  options.integer("chunk_rows", 42);
  const Decoded told(frame(0, count_rows(0, 2)) + frame(2, count_rows(0, 2)), options);
  CHECK(told.h.counts().gap_rows == 42);
  const Decoded learned(frame(0, count_rows(0, 5)) + frame(1, count_rows(0, 2)) + frame(4, count_rows(0, 2)));
  CHECK(learned.h.counts().gap_rows == 10);
}

TEST_CASE("frames point into the received bytes when they are whole there") {
  struct Sink final : mesura::smartmeter::FramerSink {
    void on_line(std::string_view, mesura::Bytes, std::uint64_t) override {}
    void on_frame(const Frame& f) override { at.push_back(f.payload.data()); }
    void on_framing_fault(mesura_fault_kind, std::string_view, std::string_view, std::uint64_t,
                          std::uint64_t) override {}
    std::vector<const std::uint8_t*> at;
  } sink;
  mesura::smartmeter::Framer framer(sink);
  const std::string bytes = frame(0, count_rows(0, 42)) + frame(1, count_rows(42, 42)) + frame(2, count_rows(84, 42));
  const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  framer.push({p, 1500}, 0);
  framer.push({p + 1500, bytes.size() - 1500}, 1500);
  REQUIRE(sink.at.size() == 3);
  CHECK(sink.at[0] == p + 11);
  CHECK((sink.at[1] < p || sink.at[1] >= p + bytes.size()));
  CHECK(sink.at[2] == p + 2 * 1019 + 11);
}
