// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Which inverter is there: protocol, dialect, serial.
#include <chrono>

#include "detection.hpp"
#include "sheet.hpp"
#include "support/catch.hpp"

using namespace sheet;
using namespace std::chrono_literals;

namespace {

using Answers = std::map<std::string, std::string>;

const std::string kMode = reply("(B", "E7 C9");

Answers classic() {
  return {{"QPI", reply("(PI30", "9A 0B")},
          {"QID", reply("(92931905106463", "49 CB")},
          {"QPIRI", kA14},
          {"QPIGS", kA9},
          {"QMOD", kMode}};
}

/// What the session takes the inverter for.
std::string recognised(const Answers& answers, const std::string& kind = "serial") {
  PluginHarness h(plugin(), {}, live(kind));
  h.open();
  Inverter inverter(h, kind == "hid");
  inverter.answers = answers;
  inverter.run(4s, 10ms);
  return Decoded(h).text("@dialect");
}

}  // namespace

TEST_CASE("dialects are recognised by what they answer") {
  Answers a = classic();
  CHECK(recognised(a) == "pi30");
  CHECK(recognised(a, "hid") == "pi30");
  CHECK(recognised(a, "tcp") == "pi30");

  a = classic();
  a["QPIGS2"] = reply("(03.1 327.3 01026 ", "C9 8B");
  CHECK(recognised(a) == "pi30max");
  a = classic();
  a["QPIGS"] = kA12;
  CHECK(recognised(a) == "pi30max");
  a["QPIRI"] = kA15;
  CHECK(recognised(a) == "pi30max");
  a = classic();
  a["QPIGS"] = kA11;
  CHECK(recognised(a) == "pi30max");

  a = classic();
  a["QPIRI"] = kA15;
  a["QGMN"] = framed("(045");
  CHECK(recognised(a) == "lv6548");
  a["QGMN"] = framed("(044");
  CHECK(recognised(a) == "pi30max");

  a = classic();
  a["QPIGS2"] = framed("(0016 100.6 52.78 00844 00011000 010 00530 0012 98.5 52.70 00640 02328");
  CHECK(recognised(a) == "pi30duo");
  a = classic();
  a["QPIRI"] =
      framed("(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 6 20 0 0 54.0 0 1");
  CHECK(recognised(a) == "pi30duo");

  a = classic();
  a["QPIRI"] =
      framed("(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 6 01 0 0 54.0 0 1 000 0");
  CHECK(recognised(a) == "pi30mk");
  // A maker's own extension makes it no other model.
  a["QPIRI"] = framed(
      "(230.0 21.7 230.0 50.0 21.7 5000 4000 48.0 46.0 42.0 56.4 54.0 0 10 010 1 0 0 6 01 0 0 54.0 0 1 46.0 10 44.0");
  CHECK(recognised(a) == "pi30");

  a = classic();
  a["QPI"] = framed("(PI41");
  CHECK(recognised(a) == "pi41");

  a = classic();
  std::string qall = "230 500 1 2 3";
  unsigned sum = 1;
  for (const char c : qall) sum += static_cast<unsigned char>(c);
  a["QALL"] = qall + static_cast<char>(sum & 0xFFU) + "\r";
  CHECK(recognised(a) == "pi30revo");

  const Answers pi18 = {{"PI", infini("18")},
                        {"ID", infini("1496161704100242000000")},
                        {"MOD", infini("03")},
                        {"GS", infini("2232,499,2232,499,0971,0710,019,520,519,000,000,011,083,044,041,000,0520,0100,"
                                      "1941,1200,0,2,1,1,1,2,1,0")}};
  PluginHarness h(plugin(), {}, live("hid"));
  h.open();
  Inverter inverter(h, true);
  inverter.nak = "";
  inverter.answers = pi18;
  inverter.run(6s, 10ms);
  CHECK(Decoded(h).text("@dialect") == "pi18");
  CHECK(Decoded(h).text("@serial") == "96161704100242");
  CHECK(Decoded(h).text("total/operating_mode") == "battery");
  CHECK(Decoded(h).number("pv/active_power") == 620);
}

TEST_CASE("QPI that is only refused leads on to the other protocols") {
  const Answers pi18 = {{"PI", infini("18")}, {"ID", infini("1496161704100242000000")}, {"MOD", infini("03")}};
  CHECK(recognised(pi18) == "pi18");
}

TEST_CASE("a given dialect is not asked for") {
  PluginHarness h(plugin(), PluginOptions{}.text("dialect", "pi41"), live("serial"));
  h.open();
  Inverter inverter(h);
  inverter.answers = classic();
  inverter.run(2s);
  CHECK(inverter.count("QPI") == 0);
  CHECK(inverter.asked[0] == "QID");
  CHECK(Decoded(h).text("@dialect") == "pi41");
}

TEST_CASE("nobody there: the round is repeated, and the port opened anew in the end") {
  PluginHarness h(plugin(), {}, live("serial"));
  h.open();
  for (int i = 0; i < 200 && h.events(Kind::reopened).empty(); ++i) h.advance(500ms);
  REQUIRE(h.events(Kind::reopened).size() == 1);
  std::size_t rounds = 0;
  for (const auto& e : h.events(Kind::sent)) rounds += e.text == framed("QPI");
  CHECK(rounds == 9);  // three rounds of three attempts
}

TEST_CASE("an inverter that is switched on later is found") {
  PluginHarness h(plugin(), {}, live("serial"));
  h.open();
  h.advance(8s);
  Inverter inverter(h);
  inverter.answers = classic();
  inverter.run(20s);
  CHECK(Decoded(h).text("@dialect") == "pi30");
  CHECK(Decoded(h).number("battery/voltage") == 52.8);
}

TEST_CASE("the serial decides which inverter it is") {
  Answers a = classic();
  const auto outcome = [&](const std::string& wanted) {
    PluginHarness h(plugin(), PluginOptions{}.text("serial_number", wanted), live("hid"));
    h.open();
    Inverter inverter(h, true);
    inverter.answers = a;
    inverter.run(2s, 10ms);
    const auto reopened = h.events(Kind::reopened);
    if (reopened.empty()) return Decoded(h).text("@serial");
    CHECK(h.counts().measurements == 0);
    CHECK(inverter.count("QPIGS") == 0);
    return reopened.front().text;
  };
  CHECK(outcome("92931905106463") == "92931905106463");
  CHECK_THAT(outcome("11111111111111"), mesura::test::contains("got 92931905106463"));
  a["QSID"] = reply("(1492932105105335005535", "94 0E");
  CHECK(outcome("92932105105335") == "92932105105335");
  a.erase("QSID");
  a.erase("QID");
  CHECK_THAT(outcome("92931905106463"), mesura::test::contains("got none"));
}

TEST_CASE("after a wrong one the next candidate is asked anew") {
  PluginHarness h(plugin(), PluginOptions{}.text("serial_number", "92931905106463"), live("hid"));
  h.open();
  Inverter inverter(h, true);
  inverter.answers = classic();
  inverter.answers["QID"] = framed("(11111111111111");
  inverter.run(1s, 10ms);
  REQUIRE(h.events(Kind::reopened).size() == 1);
  h.close(false);
  inverter.answers = classic();
  h.open();
  inverter.run(2s, 10ms);
  CHECK(h.events(Kind::reopened).size() == 1);
  CHECK(Decoded(h).text("@serial") == "92931905106463");
  CHECK(Decoded(h).number("battery/voltage") == 52.8);
}
