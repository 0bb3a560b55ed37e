// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// CRC, requests and frames: the sheet's bytes.
#include <array>
#include <string>
#include <vector>

#include "crc.hpp"
#include "frame_check.hpp"
#include "framer.hpp"
#include "request.hpp"
#include "sheet.hpp"
#include "support/catch.hpp"

using namespace mesura::axpert;
using sheet::hex;

namespace {

std::string request(std::string_view command, Wire wire = Wire::plain, bool zero_escaped = false) {
  const RequestFrame frame(command, wire);
  return std::string{as_text(frame.bytes(zero_escaped))};
}

struct Escaped {
  const char* command;
  std::uint16_t crc, sent;
};

}  // namespace

TEST_CASE("CRC of the check text") {
  CHECK(crc16(as_bytes("123456789")) == 0x31C3);
  CHECK(crc16_bytewise(as_bytes("123456789")) == 0x31C3);
  std::string s;
  for (int i = 0; i < 300; ++i) {
    CHECK(crc16(as_bytes(s)) == crc16_bytewise(as_bytes(s)));
    CHECK(crc16(as_bytes(s)) == sheet::crc_bits(s));
    s += static_cast<char>(i * 37);
  }
}

TEST_CASE("requests whose CRC needs escaping") {
  const std::array all = {
      Escaped{"QBOOT", 0x0A88, 0x0B88},    Escaped{"QGMN", 0x4928, 0x4929},     Escaped{"POP02", 0xE20A, 0xE20B},
      Escaped{"POPM01", 0x0D25, 0x0E25},   Escaped{"PLEDE1", 0x2D28, 0x2D29},   Escaped{"PBFT55.7", 0xD00A, 0xD00B},
      Escaped{"PBFT57.5", 0x9E28, 0x9E29}, Escaped{"PCVV48.3", 0x420D, 0x420E}, Escaped{"PCVV51.3", 0xAA28, 0xAA29},
      Escaped{"PCVV53.1", 0xE40A, 0xE40B}, Escaped{"PCVV57.0", 0x28EB, 0x29EB}, Escaped{"PSDV40.7", 0x0D97, 0x0E97},
      Escaped{"PSDV41.4", 0x0AC4, 0x0BC4}, Escaped{"PSDV43.8", 0xA528, 0xA529}, Escaped{"PBDV48.6", 0x3B0D, 0x3B0E},
      Escaped{"PBDV51.6", 0xD328, 0xD329}, Escaped{"PBDV53.4", 0x9D0A, 0x9D0B}, Escaped{"PBDV54.7", 0x28F9, 0x29F9}};
  for (const auto& e : all) {
    INFO(e.command);
    CHECK(crc16(as_bytes(e.command)) == e.crc);
    CHECK(escaped(e.crc, Escape::esc3) == e.sent);
    CHECK_FALSE(RequestFrame(e.command, Wire::plain).has_two_forms());
    CHECK(request(e.command) ==
          std::string{e.command} + static_cast<char>(e.sent >> 8) + static_cast<char>(e.sent & 0xFF) + "\r");
  }
}

TEST_CASE("requests with a zero byte in the CRC have two forms") {
  const std::array all = {Escaped{"PBFT48.8", 0x1500, 0x1501}, Escaped{"QED20230322", 0xA900, 0xA901},
                          Escaped{"QED20230108", 0x0048, 0x0148}};
  for (const auto& e : all) {
    INFO(e.command);
    CHECK(crc16(as_bytes(e.command)) == e.crc);
    CHECK(escaped(e.crc, Escape::esc3) == e.crc);
    CHECK(escaped(e.crc, Escape::esc4) == e.sent);
    CHECK(RequestFrame(e.command, Wire::plain).has_two_forms());
  }
  CHECK(request("PBFT48.8") == hex("50 42 46 54 34 38 2E 38 15 00 0D"));
  CHECK(request("PBFT48.8", Wire::plain, true) == hex("50 42 46 54 34 38 2E 38 15 01 0D"));
  CHECK(request("QED20230322") == hex("51 45 44 32 30 32 33 30 33 32 32 A9 00 0D"));
  CHECK(request("QED20230322", Wire::plain, true) == hex("51 45 44 32 30 32 33 30 33 32 32 A9 01 0D"));
}

TEST_CASE("replies are taken with either escape and never without") {
  CHECK(crc_fits(0x940D, 0x940E));
  CHECK_FALSE(crc_fits(0x940D, 0x940D));
  CHECK(crc_fits(0xFC0A, 0xFC0B));
  CHECK_FALSE(crc_fits(0xFC0A, 0xFC0A));
  CHECK(crc_fits(0x00E7, 0x00E7));
  CHECK(crc_fits(0x00E7, 0x01E7));
  CHECK_FALSE(crc_fits(0x00E7, 0x00E8));
  CHECK_FALSE(crc_fits(0x2800, 0x2800));
}

TEST_CASE("requests of the sheet") {
  CHECK(request("QPI") == hex("51 50 49 BE AC 0D"));
  CHECK(request("QMOD") == hex("51 4D 4F 44 49 C1 0D"));
  CHECK(request("QPIGS") == hex("51 50 49 47 53 B7 A9 0D"));
  CHECK(request("QPIRI") == hex("51 50 49 52 49 F8 54 0D"));
  CHECK(request("QPIGS2") == hex("51 50 49 47 53 32 68 2D 0D"));
  CHECK(request("QBOOT") == hex("51 42 4F 4F 54 0B 88 0D"));
  CHECK(request("QGMN") == hex("51 47 4D 4E 49 29 0D"));
  CHECK(request("POP02") == hex("50 4F 50 30 32 E2 0B 0D"));
  CHECK(request("POPM01") == hex("50 4F 50 4D 30 31 0E 25 0D"));
  CHECK(request("PCVV57.0") == hex("50 43 56 56 35 37 2E 30 29 EB 0D"));
  CHECK(request("PBFT53.0") == hex("50 42 46 54 35 33 2E 30 12 4D 0D"));
  CHECK(request("MUCHGC020") == hex("4D 55 43 48 47 43 30 32 30 F3 F1 0D"));
  CHECK(request("PBATMAXDISC150") == hex("50 42 41 54 4D 41 58 44 49 53 43 31 35 30 36 7F 0D"));
  CHECK(request("DAT240315123456") == hex("44 41 54 32 34 30 33 31 35 31 32 33 34 35 36 2C AA 0D"));
  CHECK(request("GS", Wire::infini) == hex("5E 50 30 30 35 47 53 58 14 0D"));
  CHECK(request("PI", Wire::infini).starts_with("^P005PI"));
  CHECK(request("QALL", Wire::sum) == hex("51 41 4C 4C 2B 0D"));
  CHECK(request("QQQ33.2") == hex("51 51 51 33 33 2E 32 C0 99 0D"));
  CHECK(request("", Wire::bare) == "\r");
}

TEST_CASE("the CRC of every query") {
  const std::vector<std::pair<const char*, const char*>> all = {
      {"QID", "D6 EA"},     {"QSID", "BB 05"},   {"QVFW", "62 99"},  {"QVFW2", "C3 F5"},   {"QVFW3", "D3 D4"},
      {"QVFW4", "A3 33"},   {"VERFW:", "F8 25"}, {"QFLAG", "98 74"}, {"QPIWS", "B4 DA"},   {"QDI", "71 1B"},
      {"QPGS0", "3F DA"},   {"QPGS1", "2F FB"},  {"QPGS2", "1F 98"}, {"QPGS3", "0F B9"},   {"QPGS4", "7F 5E"},
      {"QPGS5", "6F 7F"},   {"QPGS6", "5F 1C"},  {"QPGS7", "4F 3D"}, {"QPGS8", "BE D2"},   {"QP2GS0", "14 05"},
      {"QOPM", "A5 C5"},    {"QOPPT", "4F 11"},  {"QCHPT", "EA E1"}, {"QT", "27 FF"},      {"QBEQI", "2E A9"},
      {"QMN", "BB 64"},     {"QET", "81 B6"},    {"QLT", "3B 2E"},   {"QBMS", "61 44"},    {"QLED", "91 3A"},
      {"QCST", "06 EF"},    {"QCVT", "F9 1A"},   {"Q1", "1B FC"},    {"QMCHGCR", "D8 55"}, {"QMUCHGCR", "26 34"},
      {"QMSCHGCR", "AB D5"}};
  for (const auto& [command, crc] : all) {
    INFO(command);
    CHECK(request(command) == command + hex(crc) + "\r");
  }
}

TEST_CASE("a long command is cut, not overrun") {
  CHECK(request(std::string(500, 'Q')).size() <= RequestFrame::kLongest);
}

TEST_CASE("ACK and NAK by their beginning, with and without CRC") {
  const auto verdict = [](std::string_view body, Check how = Check::crc) { return check(as_bytes(body), how).verdict; };
  CHECK(verdict(hex("28 41 43 4B 39 20")) == Verdict::ack);
  CHECK(verdict(hex("28 4E 41 4B 73 73")) == Verdict::nak);
  CHECK(verdict("(NAK") == Verdict::nak);
  CHECK(verdict("(ACK") == Verdict::ack);
  CHECK(verdict(hex("28 4E 41 4B 05"), Check::sum) == Verdict::nak);
  CHECK(verdict(hex("5E 31 0B C2")) == Verdict::ack);
  CHECK(verdict(hex("5E 30 1B E3")) == Verdict::nak);
  CHECK(verdict(hex("51 50 47 53 30 3F DA")) == Verdict::foreign);
  CHECK(verdict("") == Verdict::foreign);
  CHECK(verdict("(") == Verdict::too_short);
  CHECK(verdict("(B\xE7\xC9") == Verdict::reply);
  CHECK(verdict("(B\xE7\xC8") == Verdict::crc_error);
  CHECK(verdict(hex("28 53 64 39")) == Verdict::crc_error);  // circulates in other projects and is wrong
  CHECK(verdict(sheet::framed("(2\x01\x02").substr(0, 6)) == Verdict::not_printable);
  CHECK(verdict(sheet::framed("(2\x7F").substr(0, 5)) == Verdict::not_printable);
  CHECK(verdict(sheet::framed("(12345678\xC3 901234").substr(0, 19)) == Verdict::not_printable);
}

TEST_CASE("PI18 frames say how long they are") {
  const auto verdict = [](std::string s) {
    s.pop_back();
    return check(as_bytes(s), Check::crc).verdict;
  };
  CHECK(verdict(hex("5E 44 30 30 35 31 38 3B 03 0D")) == Verdict::reply);
  CHECK(sheet::infini("18") == hex("5E 44 30 30 35 31 38 3B 03 0D"));
  CHECK(verdict(sheet::framed("^D00618")) == Verdict::bad_length);
  CHECK(verdict(sheet::framed("^X00518")) == Verdict::bad_length);
  CHECK(verdict(sheet::framed("^D0a518")) == Verdict::bad_length);
}

TEST_CASE("Sorotec's check byte") {
  CHECK(check_byte(as_bytes("QALL")) == 0x2B);
  std::string s = "230 50 1";
  s += static_cast<char>(check_byte(as_bytes(s)));
  const Checked c = check(as_bytes(s), Check::sum);
  CHECK(c.verdict == Verdict::reply);
  CHECK(c.payload == "230 50 1");
  s.back() = static_cast<char>(s.back() + 1);
  CHECK(check(as_bytes(s), Check::sum).verdict == Verdict::crc_error);
}

TEST_CASE("frames end at CR, whatever stands between them and however they are cut") {
  const std::string bytes = std::string("\0\0\n\r", 4) + sheet::kA9 + "\n" + sheet::reply("(B", "E7 C9") +
                            std::string("\0", 1) + sheet::reply("(L", "06 07");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{8}, bytes.size()}) {
    Framer framer;
    std::vector<std::string> got;
    std::vector<std::uint64_t> offsets;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      mesura::Bytes chunk = as_bytes(std::string_view{bytes}.substr(at, piece));
      std::uint64_t offset = at;
      Frame frame;
      while (framer.next(chunk, offset, frame)) {
        got.emplace_back(as_text(frame.whole));
        offsets.push_back(frame.offset);
      }
    }
    REQUIRE(got.size() == 3);
    CHECK(got[0] == sheet::kA9);
    CHECK(got[1] == sheet::reply("(B", "E7 C9"));
    CHECK(offsets == std::vector<std::uint64_t>{4, 115, 121});
    CHECK(framer.pending() == 0);
  }
}

TEST_CASE("a frame without an end is given up at the limit") {
  Framer framer;
  const std::string bytes = std::string(2000, 'x') + "\r" + sheet::reply("(B", "E7 C9");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}, bytes.size()}) {
    std::vector<bool> too_long;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      mesura::Bytes chunk = as_bytes(std::string_view{bytes}.substr(at, piece));
      std::uint64_t offset = at;
      Frame frame;
      while (framer.next(chunk, offset, frame)) too_long.push_back(frame.too_long);
    }
    CHECK(too_long == std::vector<bool>{true, false});
  }
}
