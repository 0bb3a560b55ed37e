// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Requests and replies on a live link: pacing, deadlines, retries, refusals, stale input. The dialect is given, so that
// what is asked is known.
#include <chrono>

#include "sheet.hpp"
#include "support/catch.hpp"

using namespace sheet;
using namespace std::chrono_literals;

namespace {

const std::string kMode = reply("(B", "E7 C9");
const std::string kNak = hex("28 4E 41 4B 73 73 0D");

/// Only QPIGS is asked, every 5 s; identity is not known.
PluginOptions only_status() {
  std::vector<std::pair<std::string, std::string>> off;
  for (const char* q : {"QMOD", "QPIGS2", "QPGS", "QPIWS", "QPIRI", "QFLAG", "Q1", "QVFW", "QVFW2", "QMN", "QGMN",
                        "QDI", "QMCHGCR", "QMUCHGCR", "QOPM", "QBOOT"})
    off.emplace_back(q, "off");
  return PluginOptions{}.text("dialect", "pi30").map("schedule", off).duration("interval", 5s);
}

struct Bench {
  explicit Bench(const std::string& kind, PluginOptions options = only_status())
      : h(plugin(), std::move(options), live(kind)), inverter(h, kind == "hid") {
    h.open();
  }
  /// Everything that was refused to begin with, so that QPIGS is outstanding next.
  void identity() { inverter.serve(2); }
  [[nodiscard]] std::size_t sent() const { return h.events(Kind::sent).size(); }
  [[nodiscard]] std::string last_sent() const { return h.events(Kind::sent).back().text; }
  [[nodiscard]] Decoded decoded() const { return Decoded(h); }

  PluginHarness h;
  Inverter inverter;
};

}  // namespace

TEST_CASE("R14: HID requests go out in reports of eight, 20 ms apart, a short one at once") {
  PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi30max"), live("hid"));
  h.open();
  h.bytes(kNak + std::string(1, '\0'));  // QID
  h.bytes(kNak + std::string(1, '\0'));  // QSID
  auto sent = h.events(Kind::sent);
  REQUIRE(sent.size() == 3);
  CHECK(sent[2].text == hex("51 50 49 47 53 B7 A9 0D"));  // eight bytes: one report
  // Until QPIGS2: nine bytes.
  Inverter inverter(h, true);
  inverter.answers = {{"QPIGS", kA11}, {"QMOD", kMode}};
  while (h.events(Kind::sent).back().text != "QPIGS2\x68\x2D") {
    inverter.serve(1);
    REQUIRE(h.events(Kind::sent).size() < 12);
  }
  const std::size_t before = h.events(Kind::sent).size();
  h.advance(19ms);
  CHECK(h.events(Kind::sent).size() == before);
  h.advance(1ms);
  REQUIRE(h.events(Kind::sent).size() == before + 1);
  CHECK(h.events(Kind::sent).back().text == "\r");
}

TEST_CASE("report_delay is an option") {
  PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi30max").duration("report_delay", 50ms), live("hid"));
  h.open();
  Inverter inverter(h, true);
  inverter.answers = {{"QPIGS", kA11}, {"QMOD", kMode}};
  while (h.events(Kind::sent).back().text != "QPIGS2\x68\x2D") inverter.serve(1);
  const std::size_t before = h.events(Kind::sent).size();
  h.advance(49ms);
  CHECK(h.events(Kind::sent).size() == before);
  h.advance(1ms);
  CHECK(h.events(Kind::sent).size() == before + 1);
}

TEST_CASE("HID replies come in reports of eight, what is behind CR is padding") {
  Bench b("hid");
  b.identity();
  REQUIRE(b.last_sent().starts_with("QPIGS"));
  std::string padded = kA9 + "Z9";  // left over from the reply before
  REQUIRE(padded.size() == 112);
  for (std::size_t i = 0; i < padded.size(); i += 8) {
    b.h.bytes(padded.substr(i, 8));
    b.h.advance(10ms);
  }
  CHECK(b.decoded().number("ac_output/active_power") == 221);
  CHECK(b.decoded().faults("stale_input") == 0);
}

TEST_CASE("reports of nine bytes with a 0 in front, and reports that are too long") {
  Bench b("hid");
  b.identity();
  for (std::size_t i = 0; i < kA9.size(); i += 8) {
    std::string report = kA9.substr(i, 8);
    report.resize(8, '\0');
    b.h.bytes(std::string(1, '\0') + report);
  }
  CHECK(b.decoded().number("ac_output/active_power") == 221);
  CHECK(b.decoded().faults("crc_error") == 0);
  Bench c("hid");
  c.identity();
  c.h.bytes(kA9.substr(0, 64));
  CHECK(c.decoded().faults("oversize_report") == 1);
}

TEST_CASE("a QPIGS over HID takes as long as its reports") {
  Bench b("hid");
  b.identity();
  const std::int64_t begin = b.h.now_ns();
  for (std::size_t i = 0; i < kA9.size(); i += 8) {
    b.h.advance(10ms);
    b.h.bytes(kA9.substr(i, 8));
  }
  REQUIRE(b.decoded().has("battery/voltage"));
  CHECK(b.h.now_ns() - begin <= 200'000'000);
}

TEST_CASE("over RS232 the next request leaves with the CR of the reply: QMOD, QPIGS, QPIWS near the line's floor") {
  auto options =
      PluginOptions{}
          .text("dialect", "pi30")
          .map("schedule", {{"QPIGS2", "off"}, {"QPGS", "off"}, {"QPIRI", "off"}, {"QFLAG", "off"}, {"Q1", "off"}});
  PluginHarness h(plugin(), std::move(options), live("serial"));
  h.open();
  h.bytes(kNak);
  h.bytes(kNak);
  const std::string warnings = reply("(00000100000000001000000000000000", "56 A6");
  const std::map<std::string, std::string> answers = {{"QPIGS", kA9}, {"QMOD", kMode}, {"QPIWS", warnings}};
  // 2400 baud: ten bits to a byte, in both directions.
  const auto wire = [](std::size_t bytes) { return std::chrono::nanoseconds{bytes * 10 * 1'000'000'000LL / 2400}; };
  const std::int64_t begin = h.now_ns();
  std::chrono::nanoseconds floor{};
  for (int i = 0; i < 3; ++i) {
    const std::string request = h.events(Kind::sent).back().text;
    const std::string& answer = answers.at(request.substr(0, request.size() - 3));
    floor += wire(request.size() + answer.size());
    h.advance(wire(request.size()));
    for (const char c : answer) {
      h.advance(wire(1));
      h.bytes(std::string(1, c));
    }
    h.bytes("\n");  // some firmware
  }
  CHECK(h.counts().frames == 3);
  CHECK(h.counts().faults == 2);
  CHECK(h.now_ns() - begin <= floor.count() * 11 / 10);
}

TEST_CASE("no reply: three attempts, 250 and 500 ms apart, then the next cycle") {
  Bench b("serial");
  b.identity();
  const auto count = [&] {
    std::size_t n = 0;
    for (const auto& e : b.h.events(Kind::sent)) n += e.text.starts_with("QPIGS");
    return n;
  };
  CHECK(count() == 1);
  b.h.advance(999ms);
  CHECK(b.decoded().faults("timeout") == 0);
  b.h.advance(1ms);
  CHECK(b.decoded().faults("timeout") == 1);
  b.h.advance(249ms);
  CHECK(count() == 1);
  b.h.advance(1ms);
  CHECK(count() == 2);
  b.h.advance(1000ms + 499ms);
  CHECK(count() == 2);
  b.h.advance(1ms);
  CHECK(count() == 3);
  b.h.advance(1000ms);
  CHECK(b.decoded().faults("timeout") == 3);
  b.h.advance(1000ms);
  CHECK(count() == 3);
  b.h.advance(1000ms);
  CHECK(count() == 4);
}

TEST_CASE("deadlines are those of the link") {
  for (const auto& [kind, gap] : std::vector<std::pair<std::string, std::chrono::milliseconds>>{
           {"hid", 300ms}, {"serial", 200ms}, {"tcp", 300ms}}) {
    INFO(kind);
    Bench b(kind);
    b.identity();
    b.h.bytes(kA9.substr(0, 8));
    b.h.advance(gap - 1ms);
    CHECK(b.decoded().faults("short_reply") == 0);
    b.h.advance(1ms);
    CHECK(b.decoded().faults("short_reply") == 1);
  }
}

TEST_CASE("a reply that trickles is given up in the end") {
  Bench b("serial");
  b.identity();
  for (int i = 0; i < 19; ++i) {
    b.h.bytes(kA9.substr(static_cast<std::size_t>(i), 1));
    b.h.advance(100ms);
  }
  CHECK(b.decoded().faults("short_reply") == 0);
  b.h.advance(100ms);
  CHECK(b.decoded().faults("short_reply") == 1);
}

TEST_CASE("a damaged reply is asked for again") {
  Bench b("serial");
  b.identity();
  std::string bad = kA9;
  bad[20] = '7';
  b.h.bytes(bad);
  CHECK(b.decoded().faults("crc_error") == 1);
  CHECK_FALSE(b.decoded().has("battery/voltage"));
  const std::size_t before = b.sent();
  b.h.advance(250ms);
  CHECK(b.sent() == before + 1);
  b.h.bytes(kA9);
  CHECK(b.decoded().number("battery/voltage") == 52.8);
}

TEST_CASE("every flipped bit of a live reply is rejected") {
  for (std::size_t byte = 0; byte + 1 < kA9.size(); ++byte) {
    Bench b("serial");
    b.identity();
    std::string bad = kA9;
    bad[byte] = static_cast<char>(static_cast<unsigned char>(bad[byte]) ^ (1U << (byte % 8)));
    b.h.bytes(bad);
    INFO(byte);
    REQUIRE(b.h.counts().measurements == 0);
  }
}

TEST_CASE("what comes while nothing was asked is dropped and noted") {
  Bench b("serial");
  b.identity();
  b.h.bytes(kA9);
  b.h.clear();
  b.h.bytes(kA10);
  CHECK(b.decoded().faults("stale_input") == 1);
  CHECK(b.h.counts().frames == 1);
  b.h.bytes(std::string("\0\0\r\n", 4));
  CHECK(b.decoded().faults("stale_input") == 1);
}

TEST_CASE("a stale reply first does not shift those that follow") {
  auto options =
      PluginOptions{}
          .text("dialect", "pi30")
          .map("schedule", {{"QPIGS2", "off"}, {"QPGS", "off"}, {"QPIRI", "off"}, {"QFLAG", "off"}, {"Q1", "off"}});
  for (const std::string kind : {"serial", "hid"}) {
    INFO(kind);
    PluginHarness h(plugin(), options, live(kind));
    h.open();
    Inverter inverter(h, kind == "hid");
    inverter.answers = {{"QPIGS", kA9}, {"QMOD", kMode}};
    inverter.serve(3);
    REQUIRE(h.events(Kind::sent).back().text.starts_with("QMOD"));
    if (kind == "hid") {
      for (std::size_t i = 0; i < kA10.size(); i += 8) h.bytes(kA10.substr(i, 8));
      h.bytes(kMode + std::string(3, '\0'));
    } else {
      h.bytes(kA10 + kMode);
    }
    const Decoded d(h);
    CHECK(d.faults("stale_reply") == 1);
    CHECK(d.text("total/operating_mode") == "battery");
    CHECK(d.number("battery/voltage") == 52.8);
  }
}

TEST_CASE("only stale replies: the request is repeated") {
  Bench b("serial");
  b.identity();
  b.h.bytes(kMode);
  CHECK(b.decoded().faults("stale_reply") == 1);
  CHECK_FALSE(b.decoded().has("total/operating_mode"));
  const std::size_t before = b.sent();
  b.h.advance(1000ms + 250ms);
  CHECK(b.sent() == before + 1);
  b.h.bytes(kA9);
  CHECK(b.decoded().number("battery/voltage") == 52.8);
}

TEST_CASE("a spurious NAK is doubted: drain, bare CR, once more") {
  Bench b("serial");
  b.identity();
  b.h.bytes(kA9);
  b.h.advance(5s);
  REQUIRE(b.last_sent().starts_with("QPIGS"));
  b.h.clear();
  b.h.bytes(kNak);
  b.h.advance(100ms);
  REQUIRE(b.sent() == 1);
  CHECK(b.last_sent() == "\r");
  b.h.bytes(kNak);  // that is what an idle inverter says to it
  REQUIRE(b.sent() == 2);
  CHECK(b.last_sent() == framed("QPIGS"));
  b.h.bytes(kA10);
  CHECK(b.decoded().number("battery/voltage") == 57.5);
  CHECK(b.decoded().faults("nak") == 1);
}

TEST_CASE("a storm of NAKs ends when it ends") {
  PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi30"), live("serial"));
  h.open();
  Inverter inverter(h);
  inverter.answers = {{"QPIGS", kA9}, {"QMOD", kMode}, {"QPIRI", kA14}};
  inverter.run(5s);
  const int before = inverter.count("QPIGS");
  CHECK(before >= 1);
  inverter.spoil = [&](const std::string&, const std::string&, int) { return kNak; };
  inverter.run(30s);
  CHECK(h.events(Kind::reopened).empty());
  h.clear();
  inverter.spoil = nullptr;
  inverter.run(11s);
  CHECK(Decoded(h).number("battery/voltage") == 52.8);
  CHECK(h.counts().frames >= 4);
}

TEST_CASE("a NAK is known before anything is decoded") {
  Bench b("serial");
  b.identity();
  b.h.clear();
  b.h.bytes("(NAK\r");
  CHECK(b.decoded().faults("nak") == 1);
  CHECK(b.decoded().faults("crc_error") == 0);
  CHECK(b.h.counts().frames == 0);
}

TEST_CASE("the echo of a request means that it is not known") {
  auto options = PluginOptions{}.text("dialect", "pi30");
  PluginHarness h(plugin(), std::move(options), live("serial"));
  h.open();
  Inverter inverter(h);
  inverter.answers = {{"QPIGS", kA9}, {"QMOD", kMode}, {"QPIRI", kA14}, {"QPGS0", hex("51 50 47 53 30 3F DA 0D")}};
  inverter.run(200s, 500ms);
  CHECK(inverter.count("QPGS0") == 1);
  CHECK(Decoded(h).faults("echo") == 1);
  CHECK(inverter.count("QPIRI") >= 3);
  CHECK(inverter.count("Q1") == 1);
}

TEST_CASE("a zero in a request's CRC: over HID replaced first, over RS232 as it is first") {
  const std::string clock = framed("(20230322120000");
  const auto asked_forms = [&](const std::string& kind, bool silent) {
    PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi30max").duration("report_delay", 0ms), live(kind));
    h.open();
    Inverter inverter(h, kind == "hid");
    inverter.answers = {{"QPIGS", kA11}, {"QMOD", kMode}, {"QPIRI", kA15}, {"QT", clock}};
    inverter.spoil = [&](const std::string& command, const std::string& answer, int) {
      return command == "QED20230322" && silent ? std::string{} : answer;
    };
    inverter.run(6s, 1ms);
    Lines forms;
    for (const auto& raw : inverter.raw)
      if (raw.starts_with("QED")) forms.push_back(raw.substr(raw.size() - 3, 2));
    return forms;
  };
  const std::string esc3 = hex("A9 00"), esc4 = hex("A9 01");
  CHECK(asked_forms("hid", false) == Lines{esc4, esc3});
  const Lines hid = asked_forms("hid", true);
  REQUIRE(hid.size() >= 2);
  CHECK(hid[0] == esc4);
  CHECK(hid[1] == esc3);
  const Lines serial = asked_forms("serial", true);
  REQUIRE(serial.size() >= 2);
  CHECK(serial[0] == esc3);
  CHECK(serial[1] == esc4);
  CHECK(asked_forms("serial", false) == Lines{esc3});
}

TEST_CASE("an inverter that falls silent is opened anew") {
  Bench b("serial");
  b.identity();
  b.h.bytes(kA9);
  b.h.advance(60s);
  const auto reopened = b.h.events(Kind::reopened);
  REQUIRE(reopened.size() == 1);
  CHECK_THAT(reopened[0].text, mesura::test::contains("no reply"));
  b.h.close(false);
  b.h.clear();
  b.h.open();
  CHECK(b.last_sent() == framed("QID"));
}
