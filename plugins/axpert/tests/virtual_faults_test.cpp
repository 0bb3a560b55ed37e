// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Every fault of the virtual inverter: what changes on the wire, what does not, and that it ends.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/plugin_harness.hpp"
#include "virtual_inverter.hpp"
#include "virtual_support.hpp"

using namespace mesura::axpert;
using namespace std::chrono_literals;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginHarness::Kind;
using test::hex;

namespace {

const mesura_plugin& plugin() {
  using Glue = mesura::abi::Glue<VirtualAxpert>;
  static const mesura_session_api session = Glue::session_table();
  static const mesura_plugin p = Glue::descriptor("axpert", "0.1.0", "", &session);
  return p;
}

PluginHarness::Config config(const std::string& serial = "pty", const std::string& hid = "") {
  PluginHarness::Config c;
  c.links = {{serial, ""}, {hid, ""}};
  return c;
}

PluginOptions options() {
  return PluginOptions{}.text("profile", "constant:1000").duration("latency", 0s).integer("history", 0);
}

std::string frame(std::string_view command) { return twin::seal(command, twin::CrcStyle::esc3); }

class Unit {
 public:
  explicit Unit(PluginOptions more = options(), PluginHarness::Config c = config())
      : h(plugin(), std::move(more), std::move(c)) {
    h.open(0);
    h.open(1);
  }
  std::string ask(std::string_view command, std::uint32_t link = 0) {
    h.clear();
    h.bytes(frame(command), link);
    std::string all;
    for (const auto& e : h.events(Kind::sent)) all += e.text;
    return all;
  }
  void order(const std::string& kind, PluginOptions more = {}) {
    h.clear();
    h.command("fault", more.text("kind", kind));
    REQUIRE(h.events(Kind::reply).at(0).fault_kind == MESURA_REPLY_DONE);
  }
  [[nodiscard]] std::size_t truths() const { return h.events(Kind::measurement).size(); }

  PluginHarness h;
};

bool whole(const std::string& reply) {
  return reply.size() > 3 && reply.back() == '\r' &&
         twin::crc_fits(std::string_view{reply}.substr(0, reply.size() - 1), false);
}

const std::string kNak = hex("28 4E 41 4B 73 73 0D");

}  // namespace

TEST_CASE("twin fault: a lost reply") {
  Unit u;
  u.order("drop_reply", PluginOptions{}.integer("count", 2));
  CHECK(u.ask("QMOD").empty());
  CHECK(u.ask("QPIGS").empty());
  CHECK(u.truths() == 0);
  CHECK(whole(u.ask("QPIGS")));
  CHECK(u.truths() > 0);
}

TEST_CASE("twin fault: a truncated reply, at every length") {
  Unit u;
  const std::string good = u.ask("QPIGS");
  for (std::int64_t n = 0; n < 110; ++n) {
    u.order("truncate", PluginOptions{}.integer("at", n));
    CHECK(u.ask("QPIGS") == good.substr(0, static_cast<std::size_t>(n)));
    CHECK(u.truths() == 0);
  }
  CHECK(u.ask("QPIGS") == good);
}

TEST_CASE("twin fault: a corrupt reply differs in one bit") {
  Unit u;
  const std::string good = u.ask("QPIGS");
  for (std::int64_t at = 0; at < 110; ++at) {
    u.order("corrupt", PluginOptions{}.integer("at", at));
    const std::string bad = u.ask("QPIGS");
    REQUIRE(bad.size() == good.size());
    for (std::size_t i = 0; i < good.size(); ++i) CHECK((bad[i] != good[i]) == (i == static_cast<std::size_t>(at)));
    CHECK(u.truths() == 0);
  }
}

TEST_CASE("twin fault: a wrong checksum leaves the rest alone") {
  Unit u;
  const std::string good = u.ask("QPIGS");
  u.order("wrong_crc");
  const std::string bad = u.ask("QPIGS");
  CHECK(bad.size() == good.size());
  CHECK(bad.substr(0, good.size() - 3) == good.substr(0, good.size() - 3));
  CHECK_FALSE(whole(bad));
  CHECK(u.truths() == 0);
}

TEST_CASE("twin fault: LF behind (A30), 00 before, the old reply in front") {
  Unit u;
  const std::string mode = u.ask("QMOD");
  u.order("extra_lf");
  CHECK(u.ask("QMOD") == mode + "\n");
  u.order("leading_zeros", PluginOptions{}.integer("at", 3));
  CHECK(u.ask("QMOD") == std::string(3, '\0') + mode);
  const std::string serial = u.ask("QID");
  u.order("stale_first");
  CHECK(u.ask("QPIGS").substr(0, serial.size()) == serial);
  CHECK(u.truths() > 0);  // a reader that drops what is stale gets it
  CHECK(u.ask("QID") == serial);
}

TEST_CASE("twin fault: a storm of NAKs executes nothing") {
  Unit u;
  u.order("nak_storm", PluginOptions{}.integer("count", 3));
  CHECK(u.ask("QPIGS") == kNak);
  CHECK(u.ask("POP02") == kNak);
  CHECK(u.ask("QMOD") == kNak);
  CHECK(u.ask("QPIRI").find(" 0 0 2 6 01 ") != std::string::npos);
}

TEST_CASE("twin fault: the link closes") {
  Unit u;
  u.order("disconnect");
  CHECK(u.ask("QPIGS").empty());
  CHECK(u.h.events(Kind::reopened).size() == 1);
  CHECK(whole(u.ask("QPIGS")));
  Unit t{options(), config("tcp_listen")};
  t.order("disconnect");
  t.h.clear();
  t.h.bytes(frame("QMOD"), {"127.0.0.1:5", "", 0});
  REQUIRE(t.h.events(Kind::dropped).size() == 1);
  CHECK(t.h.events(Kind::dropped)[0].to == "127.0.0.1:5");
  CHECK(t.h.events(Kind::sent).empty());
}

TEST_CASE("twin fault: slow and busy") {
  Unit u;
  u.order("slow", PluginOptions{}.duration("duration", 700ms));
  CHECK(u.ask("QMOD").empty());
  u.h.advance(699ms);
  CHECK(u.h.events(Kind::sent).empty());
  u.h.advance(1ms);
  CHECK(u.h.events(Kind::sent).size() == 1);
  u.order("busy", PluginOptions{}.duration("duration", 2s));
  CHECK(u.ask("QMOD").empty());
  u.h.advance(1900ms);
  CHECK(u.ask("QMOD").empty());
  u.h.advance(200ms);
  CHECK(whole(u.ask("QMOD")));
}

TEST_CASE("twin fault: a dash in QPIRI, odd letters in QFLAG") {
  Unit u;
  u.order("dash");
  CHECK(u.ask("QMOD").size() == 5);  // waits for the reply that has it
  CHECK(u.ask("QPIRI").find(" 0 0 2 - 01 ") != std::string::npos);
  CHECK(u.ask("QPIRI").find(" 0 0 2 6 01 ") != std::string::npos);
  u.order("odd_flags");
  CHECK(u.ask("QFLAG").substr(0, 14) == "(EakxynDbjuvz;");
  CHECK(u.ask("QFLAG").substr(0, 12) == "(EakxyDbjuvz");
}

TEST_CASE("twin fault: reports of 16 bytes") {
  Unit u{options().duration("report_interval", 0s), config("", "seqpacket_listen")};
  u.order("oversize");
  CHECK(u.ask("QPIGS", 1).size() == 112);
  CHECK(u.h.events(Kind::sent).size() == 7);
  CHECK(u.truths() == 0);
  CHECK(u.ask("QPIGS", 1).size() == 112);
  CHECK(u.h.events(Kind::sent).size() == 14);
}

TEST_CASE("twin fault: orders can be taken back, unknown ones are refused") {
  Unit u;
  u.order("drop_reply", PluginOptions{}.integer("count", 100));
  u.order("none");
  CHECK(whole(u.ask("QMOD")));
  u.h.clear();
  u.h.command("fault", PluginOptions{}.text("kind", "earthquake"));
  CHECK(u.h.events(Kind::reply).at(0).fault_kind == MESURA_REPLY_REFUSED);
  u.h.clear();
  u.h.command("dance", {});
  CHECK(u.h.events(Kind::reply).at(0).fault_kind == MESURA_REPLY_REFUSED);
}

TEST_CASE("twin fault: rates are chances, repeatable by seed") {
  const auto lost = [](double rate, std::int64_t seed) {
    Unit u{options().number("drop_reply", rate).integer("seed", seed)};
    std::string which;
    for (int i = 0; i < 400; ++i) which += u.ask("QMOD").empty() ? '1' : '0';
    return which;
  };
  const std::string some = lost(0.25, 1);
  const auto n = std::count(some.begin(), some.end(), '1');
  CHECK((n > 60 && n < 140));
  CHECK(lost(0.25, 1) == some);
  CHECK(lost(0.25, 2) != some);
  CHECK(lost(0, 1).find('1') == std::string::npos);
  CHECK(lost(1, 1).find('0') == std::string::npos);
}

TEST_CASE("twin fault: every kind as a rate, and the inverter lives on") {
  for (std::size_t i = 0; i < twin::kFaultKinds; ++i) {
    const std::string name{twin::fault_name(static_cast<twin::FaultKind>(i))};
    INFO(name);
    Unit u{options().number(name, 0.5).duration("busy_for", 1ms).duration("slow_by", 1ms),
           config("pty", "seqpacket_listen")};
    int good = 0;
    for (int k = 0; k < 200; ++k) {
      for (const std::uint32_t link : {0U, 1U}) {
        u.h.clear();
        u.h.bytes(frame("QPIRI"), link);
        u.h.advance(1s);
        std::string all;
        for (const auto& e : u.h.events(Kind::sent)) all += e.text;
        if (all.find("(230.0 21.7") != std::string::npos) ++good;
      }
    }
    CHECK(good > 50);
  }
}
