// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual inverter as the host sees it: requests in, replies out, in time and in the right pieces.
#include "virtual_inverter.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/plugin_harness.hpp"
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

PluginHarness::Config on(const std::string& serial, const std::string& hid = "", std::uint32_t index = 0) {
  PluginHarness::Config c;
  c.links = {{serial, ""}, {hid, ""}};
  c.live = true;
  c.index = index;
  return c;
}

/// Without delays unless asked otherwise: a reply follows its request at once.
PluginOptions at_once(const std::string& model = "pi30", std::chrono::nanoseconds latency = 0s) {
  return PluginOptions{}
      .text("model", model)
      .text("profile", "constant:1000")
      .duration("latency", latency)
      .integer("history", 0);
}

std::string frame(std::string_view command) { return twin::seal(command, twin::CrcStyle::esc3); }

std::string sent(const PluginHarness& h, std::uint32_t link = 0) {
  std::string all;
  for (const auto& e : h.events(Kind::sent))
    if (e.link == link) all += e.text;
  return all;
}

/// The reply to `request` on link 0.
std::string ask(PluginHarness& h, std::string_view request) {
  h.clear();
  h.bytes(request);
  return sent(h);
}

std::string get(PluginHarness& h) {
  h.clear();
  h.command("get", {});
  return h.events(Kind::reply).at(0).text;
}

std::uint32_t set(PluginHarness& h, const std::string& name, const std::string& value) {
  h.clear();
  h.command("set", PluginOptions{}.text("name", name).text("value", value));
  return h.events(Kind::reply).at(0).fault_kind;
}

const std::string kAck = hex("28 41 43 4B 39 20 0D");
const std::string kNak = hex("28 4E 41 4B 73 73 0D");

}  // namespace

TEST_CASE("twin session: the sheet's requests over a pty") {
  PluginHarness h{plugin(), at_once("pi30max"), on("pty")};
  h.open();
  CHECK(ask(h, hex("51 50 49 BE AC 0D")) == "(PI30" + hex("9A 0B 0D"));                // R1
  CHECK(ask(h, hex("51 4D 4F 44 49 C1 0D")) == "(L" + hex("06 07 0D"));                // R2
  CHECK(ask(h, hex("51 50 49 47 53 B7 A9 0D")).size() == 120);                         // R3
  CHECK(ask(h, hex("51 50 49 52 49 F8 54 0D")).substr(0, 6) == "(230.0");              // R4
  CHECK(ask(h, hex("51 50 49 47 53 32 68 2D 0D 00 00 00 00 00 00 00")).size() == 21);  // R5
  CHECK(ask(h, hex("51 47 4D 4E 49 29 0D")).substr(0, 4) == "(044");                   // R7
  CHECK(ask(h, hex("50 4F 50 30 32 E2 0B 0D")) == kAck);                               // R8
  CHECK(ask(h, hex("50 43 56 56 35 37 2E 30 29 EB 0D")) == kAck);                      // R10
  CHECK(ask(h, hex("50 42 46 54 35 33 2E 30 12 4D 0D")) == kAck);                      // R11
  CHECK(ask(h, "PBFT48.8" + hex("15 00 0D")) == kAck);                                 // R12 esc3
  CHECK(ask(h, "PBFT48.8" + hex("15 01 0D")) == kAck);                                 // R12 esc4
  CHECK(ask(h, "QED20230322" + hex("A9 00 0D")).size() == 12);                         // R13
  CHECK(ask(h, "QED20230322" + hex("A9 01 0D")).size() == 12);
  CHECK(ask(h, hex("4D 55 43 48 47 43 30 32 30 F3 F1 0D")) == kAck);                    // R14
  CHECK(ask(h, "PBATMAXDISC150" + hex("36 7F 0D")) == kAck);                            // R15
  CHECK(ask(h, hex("44 41 54 32 34 30 33 31 35 31 32 33 34 35 36 2C AA 0D")) == kAck);  // R16
  CHECK(ask(h, "QQQ33.2" + hex("C0 99 0D")) == kNak);                                   // R19
  PluginHarness c{plugin(), at_once("pi30"), on("pty")};
  c.open();
  CHECK(ask(c, hex("51 42 4F 4F 54 0B 88 0D")).substr(0, 2) == "(0");  // R6
  CHECK(ask(c, hex("50 4F 50 4D 30 31 0E 25 0D")) == kNak);            // R9, in line mode
  CHECK(set(c, "switch", "off") == MESURA_REPLY_DONE);
  CHECK(ask(c, hex("50 4F 50 4D 30 31 0E 25 0D")) == kAck);
  PluginHarness v{plugin(), at_once("pi18"), on("pty")};
  v.open();
  CHECK(ask(v, hex("5E 50 30 30 35 47 53 58 14 0D")).substr(0, 5) == "^D106");  // R17
  CHECK(ask(v, "^S007POP1" + hex("0E 10 0D")) == "^1" + hex("0B C2 0D"));
  CHECK(ask(v, "^S007POP1" + hex("0D 10 0D")) ==
        "^0" + hex("1B E3 0D") + "^0" + hex("1B E3 0D"));  // cut by its own CRC
  PluginHarness r{plugin(), at_once("pi30revo"), on("pty")};
  r.open();
  const std::string all = ask(r, hex("51 41 4C 4C 2B 0D"));  // R18
  CHECK(twin::chk_fits(std::string_view{all}.substr(0, all.size() - 1)));
  CHECK(ask(r, frame("QALL")) == "(NAK" + hex("03 0D"));
  CHECK(ask(r, frame("QID")) == "(NAK" + hex("03 0D"));
  CHECK(ask(r, frame("QMOD")).substr(0, 2) == "(L");
}

TEST_CASE("twin session: any cutting of the input gives the same replies") {
  std::string input;
  for (const char* c : {"QPI", "QMOD", "QPIGS", "QPIRI", "POP02", "QFLAG", "nonsense", "QPIWS"}) input += frame(c);
  input += "\r" + frame("QID") + "\n" + std::string(3, '\0') + frame("QMCHGCR");
  PluginHarness whole{plugin(), at_once(), on("pty")};
  whole.open();
  const std::string expected = ask(whole, input);
  CHECK(expected.size() > 300);
  const std::vector<std::vector<std::size_t>> cuts{{1}, {2, 3}, {5, 1, 7}, {8}, {13, 2}};
  for (const auto& sizes : cuts) {
    PluginHarness h{plugin(), at_once(), on("tcp_listen")};
    h.open();
    h.bytes_in_pieces(input, sizes);
    CHECK(sent(h) == expected);
  }
  // And with a delay before each reply, which queues the rest.
  PluginHarness slow{plugin(), at_once("pi30", 60ms), on("pty")};
  slow.open();
  slow.bytes(input);
  CHECK(sent(slow).empty());
  slow.advance(5s);
  CHECK(sent(slow) == expected);
}

TEST_CASE("twin session: a bare CR, a bad checksum, an endless request") {
  PluginHarness h{plugin(), at_once(), on("pty")};
  h.open();
  CHECK(ask(h, "\r") == kNak);
  CHECK(ask(h, "QMOD" + hex("49 C2 0D")) == kNak);
  CHECK(ask(h, "POP02" + hex("E2 0A 0D")) == kNak);  // not escaped
  CHECK(ask(h, std::string(65, 'x')) == kNak);
  CHECK(ask(h, frame("QMOD")).size() == 5);
  CHECK(get(h).find("\"bad_crc\":2") != std::string::npos);
  CHECK(get(h).find("\"overflows\":1") != std::string::npos);
  CHECK(get(h).find("\"naks\":4") != std::string::npos);
}

TEST_CASE("twin session: lenient checksums let POP02 through") {
  PluginHarness h{plugin(), at_once().flag("lenient_crc", true), on("pty")};
  h.open();
  CHECK(ask(h, "POP02" + hex("E2 0A 0D")) == kAck);
  CHECK(ask(h, frame("QPIRI")).find(" 1 0 2 2 6 ") == std::string::npos);
  CHECK(get(h).find("\"output_source_priority\":2") != std::string::npos);
}

TEST_CASE("twin session: unknown commands") {
  PluginHarness nak{plugin(), at_once(), on("pty")};
  nak.open();
  CHECK(ask(nak, frame("QPIGS2")) == kNak);
  PluginHarness echo{plugin(), at_once().text("unknown", "echo"), on("pty")};
  echo.open();
  CHECK(ask(echo, frame("QPIGS2")) == frame("QPIGS2"));
  CHECK(ask(echo, frame("POP09")) == kNak);  // known, but wrong
  PluginHarness silent{plugin(), at_once().text("unknown", "silence"), on("pty")};
  silent.open();
  CHECK(ask(silent, frame("QPIGS2")).empty());
  CHECK(ask(silent, frame("QMOD")).size() == 5);
}

TEST_CASE("twin session: latency is drawn from its range, the same for one seed") {
  const auto times = [](std::int64_t seed) {
    PluginHarness h{plugin(), at_once("pi30", 60ms).duration("latency_min", 10ms).integer("seed", seed), on("pty")};
    h.open();
    std::vector<std::int64_t> out;
    for (int i = 0; i < 20; ++i) {
      h.clear();
      h.bytes(frame("QMOD"));
      int ms = 0;
      for (; sent(h).empty() && ms < 100; ++ms) h.advance(1ms);
      out.push_back(ms);
      CHECK((ms >= 10 && ms <= 60));
    }
    return out;
  };
  CHECK(times(1) == times(1));
  CHECK(times(1) != times(2));
}

TEST_CASE("twin session: 2400 baud") {
  PluginHarness h{plugin(), at_once().flag("realtime", true), on("pty")};
  h.open();
  h.bytes(frame("QPIGS"));
  CHECK(h.events(Kind::sent).empty());
  h.advance(33ms);  // the request's 8 bytes take 33.3 ms
  CHECK(sent(h).empty());
  h.advance(20ms);
  CHECK(sent(h).size() == 4);
  h.advance(438ms);  // 491 ms in all
  CHECK(sent(h).size() < 110);
  h.advance(2ms);
  CHECK(sent(h).size() == 110);
  const auto& events = h.events(Kind::sent);
  CHECK(events.size() == 28);
  h.advance(1s);
  CHECK(sent(h).size() == 110);
}

TEST_CASE("twin session: input while a reply is under way") {
  const std::string two = frame("QID") + frame("QMOD");
  PluginHarness queue{plugin(), at_once("pi30", 60ms), on("pty")};
  queue.open();
  queue.bytes(frame("QID"));
  queue.bytes(frame("QMOD"));
  queue.advance(1s);
  CHECK(sent(queue).size() == 18 + 5);
  PluginHarness spoilt{plugin(), at_once("pi30", 60ms).text("overlap", "contaminate"), on("pty")};
  spoilt.open();
  spoilt.bytes(frame("QID"));
  spoilt.bytes(frame("QMOD"));
  spoilt.advance(1s);
  CHECK(sent(spoilt).size() == 18);
  spoilt.clear();
  spoilt.bytes(frame("QMOD"));
  spoilt.advance(1s);
  CHECK(sent(spoilt) == kNak);
  spoilt.clear();
  spoilt.bytes(frame("QMOD"));
  spoilt.advance(1s);
  CHECK(sent(spoilt).size() == 5);
  PluginHarness abort{plugin(), at_once().flag("realtime", true).text("overlap", "abort"), on("pty")};
  abort.open();
  abort.bytes(frame("QPIGS"));
  abort.advance(200ms);
  const std::size_t begun = sent(abort).size();
  CHECK((begun > 10 && begun < 110));
  abort.bytes(frame("QMOD"));
  abort.advance(2s);
  CHECK(sent(abort).size() == begun + 5);
}

TEST_CASE("twin session: HID reports of 8 bytes, one per 10 ms") {
  PluginHarness h{plugin(), at_once(), on("", "seqpacket_listen")};
  h.open(1);
  h.bytes(hex("4D 55 43 48 47 43 30 32"), 1);  // R14
  CHECK(h.events(Kind::sent).empty());
  h.bytes(hex("30 F3 F1 0D 00 00 00 00"), 1);
  REQUIRE(h.events(Kind::sent).size() == 1);
  CHECK(sent(h, 1) == kAck + std::string(1, '\0'));
  h.clear();
  h.bytes(hex("51 50 49 47 53 B7 A9 0D"), 1);
  CHECK(h.events(Kind::sent).size() == 1);
  h.advance(9ms);
  CHECK(h.events(Kind::sent).size() == 1);
  h.advance(121ms);
  CHECK(h.events(Kind::sent).size() == 14);
  for (const auto& e : h.events(Kind::sent)) CHECK(e.text.size() == 8);
  CHECK(sent(h, 1).substr(109, 3) == hex("0D 00 00"));
  h.advance(1s);
  CHECK(h.events(Kind::sent).size() == 14);
}

TEST_CASE("twin session: HID with a report number in front, short reports, no interval") {
  PluginHarness h{plugin(), at_once().duration("report_interval", 0s), on("", "seqpacket_listen")};
  h.open(1);
  h.bytes(hex("00 51 4D 4F 44 49 C1 0D 00"), 1);
  CHECK(sent(h, 1).size() == 8);
  h.clear();
  h.bytes(hex("51 50 49 47 53 B7 A9 0D"), 1);
  CHECK(h.events(Kind::sent).size() == 14);
  h.clear();
  h.bytes(hex("51 50 49 47 53 32 68 2D"), 1);  // godenerg: 8 bytes, then the rest unpadded
  h.bytes(hex("0D"), 1);
  CHECK(sent(h, 1) == kNak + std::string(1, '\0'));
}

TEST_CASE("twin session: clients on a listening port do not mix") {
  PluginHarness h{plugin(), at_once("pi30", 60ms), on("tcp_listen")};
  h.open();
  h.peer("a", true);
  h.peer("b", true);
  h.bytes(frame("QMOD").substr(0, 3), {"a", "", 0});
  h.bytes(frame("QID"), {"b", "", 0});
  h.bytes(frame("QMOD").substr(3), {"a", "", 0});
  h.advance(1s);
  std::string a;
  std::string b;
  for (const auto& e : h.events(Kind::sent)) (e.to == "a" ? a : b) += e.text;
  CHECK(a.size() == 5);
  CHECK(b.size() == 18);
  h.clear();
  h.bytes(frame("QMOD"), {"a", "", 0});
  h.peer("a", false);
  h.advance(1s);
  CHECK(h.events(Kind::sent).empty());
}

TEST_CASE("twin session: timers only while something is to be sent") {
  PluginHarness h{plugin(), at_once("pi30", 60ms), on("pty", "seqpacket_listen")};
  h.open(0);
  h.open(1);
  for (std::uint32_t t = 0; t < 4; ++t) CHECK_FALSE(h.armed(t));
  h.bytes(frame("QPIGS"), 1);
  CHECK(h.armed(1));
  h.advance(1s);
  for (std::uint32_t t = 0; t < 4; ++t) CHECK_FALSE(h.armed(t));
}

TEST_CASE("twin session: a file gets one reply after another") {
  PluginHarness h{plugin(), at_once().duration("interval", 2s).integer("replies", 3), on("file")};
  h.open();
  h.advance(10s);
  CHECK(h.events(Kind::sent).size() == 3);
  CHECK(sent(h).size() == 330);
  CHECK(h.events(Kind::closed).size() == 1);
  PluginHarness other{plugin(), at_once("pi18").duration("interval", 2s).text("command", "MOD"), on("file")};
  other.open();
  other.advance(3s);
  CHECK(sent(other).substr(0, 7) == "^D00505");
}

TEST_CASE("twin session: serials count on by instance and unit") {
  PluginHarness h{plugin(), at_once().integer("units", 2).text("serial", "92931701100510"), on("pty", "", 3)};
  h.open();
  CHECK(ask(h, frame("QID")).substr(1, 14) == "92931701100516");
  CHECK(ask(h, frame("QPGS1")).substr(3, 14) == "92931701100517");
}

TEST_CASE("twin session: payloads played literally (A19, A20)") {
  PluginHarness h{plugin(), at_once(), on("pty")};
  h.open();
  const std::string a19 =
      "1 92931701100510 B 00 000.0 00.00 230.6 50.00 0275 0141 005 51.4 001 100 083.3 002 00574 00312 003 10100110 1 2 "
      "060 120 10 04 000";
  const std::string a20 =
      "0 92932105105315 B 00 000.0 00.00 230.0 50.00 0989 0907 012 53.2 009 090 349.8 009 00989 00907 011 10100110 0 1 "
      "100 120 030 02 000 275.3 02";
  CHECK(set(h, "reply:QPGS0", a19) == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPGS0")) == "(" + a19 + hex("CC 23 0D"));
  CHECK(set(h, "reply:QPGS0", a20) == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPGS0")) == "(" + a20 + hex("69 5D 0D"));
  CHECK(set(h, "reply:QPGS0", "none") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPGS0")).substr(0, 3) == "(0 ");
}

TEST_CASE("twin session: state from outside") {
  PluginHarness h{plugin(), at_once(), on("pty")};
  h.open();
  CHECK(set(h, "bulk_voltage", "57.0") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPIRI")).find(" 57.0 54.0 2 ") != std::string::npos);
  CHECK(set(h, "max_charge_current", "20") == MESURA_REPLY_DONE);
  CHECK(set(h, "load", "1500") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPIGS")).find(" 1500 1500 037 ") != std::string::npos);
  CHECK(set(h, "load", "auto") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPIGS")).find(" 1000 1000 025 ") != std::string::npos);
  CHECK(set(h, "grid", "off") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QMOD")).substr(0, 2) == "(B");
  CHECK(set(h, "grid", "auto") == MESURA_REPLY_DONE);
  CHECK(set(h, "mode", "H") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QMOD")).substr(0, 2) == "(H");
  CHECK(set(h, "mode", "auto") == MESURA_REPLY_DONE);
  CHECK(set(h, "warnings", "fan_locked,16") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QPIWS")).substr(0, 33) == "(00000000001000001000000000000000");
  CHECK(get(h).find("\"warnings\":\"fan_locked,overload\"") != std::string::npos);
  CHECK(set(h, "fault_code", "7") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QMOD")).substr(0, 2) == "(F");
  CHECK(set(h, "fault_code", "0") == MESURA_REPLY_DONE);
  CHECK(set(h, "flags", "ab") == MESURA_REPLY_DONE);
  CHECK(ask(h, frame("QFLAG")).substr(0, 12) == "(EabDjkuvxyz");
  CHECK(set(h, "soc", "55") == MESURA_REPLY_DONE);
  CHECK(get(h).find("\"soc\":55") != std::string::npos);
  CHECK(set(h, "clock", "20240315123456") == MESURA_REPLY_DONE);
  CHECK(get(h).find("\"clock\":\"20240315123456\"") != std::string::npos);
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"nonsense", "1"},
                                                                                    {"load", "x"},
                                                                                    {"mode", "Q"},
                                                                                    {"warnings", "flood"},
                                                                                    {"grid", "maybe"},
                                                                                    {"soc", "101"},
                                                                                    {"flags", "A"},
                                                                                    {"bulk_voltage", "-1"},
                                                                                    {"clock", "1"},
                                                                                    {"fault_code", "100"},
                                                                                    {"switch", ""}})
    CHECK(set(h, name, value) == MESURA_REPLY_REFUSED);
  const std::string state = get(h);
  CHECK(state.find("\"last_request\":\"QFLAG\"") != std::string::npos);
  CHECK(state.find("\"model\":\"pi30\"") != std::string::npos);
  CHECK(state.front() == '{');
  CHECK(state.back() == '}');
}

TEST_CASE("twin session: the truth beside the bytes") {
  PluginHarness h{plugin(), at_once(), on("pty")};
  h.open();
  h.bytes(frame("QPIGS"));
  const auto truth = h.events(Kind::measurement);
  CHECK(truth.size() > 25);
  for (const auto& e : truth)
    if (e.channel == "ac_output" && e.quantity == "active_power") CHECK(e.value == 1000);
  h.clear();
  h.bytes(frame("QPIRI") + frame("QMOD"));
  CHECK(h.events(Kind::measurement).size() == 26);
  h.clear();
  h.bytes(frame("QID") + frame("POP01"));
  CHECK(h.events(Kind::measurement).empty());
}

TEST_CASE("twin session: options that contradict each other") {
  const auto refused = [](const PluginOptions& options) {
    try {
      const PluginHarness h{plugin(), options, on("pty")};
    } catch (const std::exception& e) {
      return std::string{e.what()};
    }
    return std::string{};
  };
  CHECK(refused(PluginOptions{}.text("model", "pi31")).find("pi30max") != std::string::npos);
  CHECK(refused(PluginOptions{}.integer("battery_voltage", 36)).find("12, 24 or 48") != std::string::npos);
  CHECK(refused(PluginOptions{}.integer("fields", 20)).find("17, 21 or 24") != std::string::npos);
  CHECK(refused(PluginOptions{}.integer("battery_type", 5)).find("pi30max") != std::string::npos);
  CHECK(refused(PluginOptions{}.text("profile", "castle")).find("castle") != std::string::npos);
  CHECK(refused(PluginOptions{}).empty());
}

TEST_CASE("twin session: a hundred inverters are cheap and all different") {
  std::vector<std::unique_ptr<PluginHarness>> all;
  for (std::uint32_t i = 0; i < 150; ++i) {
    all.push_back(std::make_unique<PluginHarness>(plugin(), PluginOptions{}.duration("latency", 0s), on("pty", "", i)));
    all.back()->open();
  }
  CHECK(ask(*all[0], frame("QID")) != ask(*all[149], frame("QID")));
  for (const auto& h : all) CHECK(ask(*h, frame("QPIGS")).size() == 110);
}
