// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The twin's bytes against the sheet's: checksums, escaping, request reader.
#include "virtual_frame.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "virtual_support.hpp"

using namespace mesura::axpert::twin;
using mesura::axpert::test::hex;
using Event = RequestReader::Event;

namespace {

struct Vector {
  std::string_view text;
  std::string_view crc;
};

/// §2.1 and §7: commands and the checksum that goes with them.
const std::vector<Vector> kRequests{
    {"QPI", "BE AC"},
    {"QMOD", "49 C1"},
    {"QPIGS", "B7 A9"},
    {"QPIRI", "F8 54"},
    {"QPIGS2", "68 2D"},
    {"QBOOT", "0B 88"},
    {"QGMN", "49 29"},
    {"POP02", "E2 0B"},
    {"POPM01", "0E 25"},
    {"PCVV57.0", "29 EB"},
    {"PBFT53.0", "12 4D"},
    {"PBFT48.8", "15 00"},
    {"QED20230322", "A9 00"},
    {"MUCHGC020", "F3 F1"},
    {"PBATMAXDISC150", "36 7F"},
    {"DAT240315123456", "2C AA"},
    {"^P005GS", "58 14"},
    {"QQQ33.2", "C0 99"},
    {"PLEDE1", "2D 29"},
    {"PBFT55.7", "D0 0B"},
    {"PBFT57.5", "9E 29"},
    {"PCVV48.3", "42 0E"},
    {"PCVV51.3", "AA 29"},
    {"PCVV53.1", "E4 0B"},
    {"PSDV40.7", "0E 97"},
    {"PSDV41.4", "0B C4"},
    {"PSDV43.8", "A5 29"},
    {"PBDV48.6", "3B 0E"},
    {"PBDV51.6", "D3 29"},
    {"PBDV53.4", "9D 0B"},
    {"PBDV54.7", "29 F9"},
    {"QED20230108", "00 48"},
    {"QID", "D6 EA"},
    {"QSID", "BB 05"},
    {"QVFW", "62 99"},
    {"QVFW2", "C3 F5"},
    {"QVFW3", "D3 D4"},
    {"QVFW4", "A3 33"},
    {"VERFW:", "F8 25"},
    {"QFLAG", "98 74"},
    {"QPIWS", "B4 DA"},
    {"QDI", "71 1B"},
    {"QMCHGCR", "D8 55"},
    {"QMUCHGCR", "26 34"},
    {"QMSCHGCR", "AB D5"},
    {"QPGS0", "3F DA"},
    {"QP2GS0", "14 05"},
    {"QOPM", "A5 C5"},
    {"QOPPT", "4F 11"},
    {"QCHPT", "EA E1"},
    {"QT", "27 FF"},
    {"QBEQI", "2E A9"},
    {"QMN", "BB 64"},
    {"QET", "81 B6"},
    {"QLT", "3B 2E"},
    {"QBMS", "61 44"},
    {"QLED", "91 3A"},
    {"QCST", "06 EF"},
    {"QCVT", "F9 1A"},
    {"Q1", "1B FC"},
    {"PEa", "D0 70"},
    {"PDa", "E3 41"},
    {"PF", "26 BD"},
    {"F50", "63 3E"},
    {"RTEY", "23 B8"},
    {"^S007POP1", "0E 10"},
};

std::string request(const Vector& v) { return std::string{v.text} + hex(v.crc); }

std::vector<Event> events_of(RequestReader& reader, std::string_view bytes,
                             std::vector<std::string>* frames = nullptr) {
  std::vector<Event> events;
  for (const char byte : bytes) {
    const Event e = reader.push(byte);
    if (e == Event::none) continue;
    events.push_back(e);
    if (frames != nullptr) frames->emplace_back(reader.frame());
  }
  return events;
}

}  // namespace

TEST_CASE("twin frame: the checksum's check value") { CHECK(crc_of("123456789") == 0x31C3); }

TEST_CASE("twin frame: every request of the sheet is taken") {
  for (const Vector& v : kRequests) {
    INFO(v.text);
    CHECK(seal(v.text, CrcStyle::esc3) == request(v) + "\r");
    CHECK(crc_fits(request(v), false));
  }
}

TEST_CASE("twin frame: one flipped bit is never taken") {
  for (const Vector& v : kRequests) {
    const std::string good = request(v);
    for (std::size_t at = 0; at < good.size(); ++at)
      for (unsigned bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
        // The escaped twin of a 00 (01) is the other dialect's spelling of the same frame.
        if (at >= good.size() - 2 && good[at] == '\0' && bad[at] == '\x01') continue;
        INFO(v.text << " byte " << at << " bit " << bit);
        CHECK_FALSE(crc_fits(bad, false));
      }
  }
}

TEST_CASE("twin frame: a 00 in a request's checksum may be escaped") {
  CHECK(crc_fits("PBFT48.8" + hex("15 01"), false));
  CHECK(crc_fits("QED20230322" + hex("A9 01"), false));
  CHECK(seal("QED20230322", CrcStyle::esc4) == "QED20230322" + hex("A9 01 0D"));
}

TEST_CASE("twin frame: unescaped reserved bytes only when lenient") {
  const std::vector<Vector> plain{{"POP02", "E2 0A"}, {"QGMN", "49 28"}, {"QBOOT", "0A 88"}, {"PCVV57.0", "28 EB"}};
  for (const Vector& v : plain) {
    INFO(v.text);
    CHECK_FALSE(crc_fits(request(v), false));
    CHECK(crc_fits(request(v), true));
  }
}

TEST_CASE("twin frame: the sheet's replies get their checksums") {
  const std::vector<Vector> replies{
      {"(ACK", "39 20"},
      {"(NAK", "73 73"},
      {"(PI30", "9A 0B"},
      {"(B", "E7 C9"},
      {"(L", "06 07"},
      {"(S", "E5 D9"},
      {"(92931905106463", "49 CB"},
      {"(VERFW:00072.70", "53 A7"},
      {"(1492932105105335005535", "94 0E"},
      {"(EakxyDbjuvz", "2F 29"},
      {"(03.1 327.3 01026 ", "C9 8B"},
      {"(03.1 327.3 01026", "C5 64"},
      {"(00238800", "21 4A"},
      {"(01", "0C 80"},
      {"(20210726122606", "4A 46"},
      {"^1", "0B C2"},
      {"^0", "1B E3"},
  };
  for (const Vector& v : replies) {
    INFO(v.text);
    CHECK(seal(v.text, CrcStyle::esc3) == request(v) + "\r");
  }
  CHECK(seal("(ACK", CrcStyle::esc3) == hex("28 41 43 4B 39 20 0D"));
  CHECK(seal("(NAK", CrcStyle::esc3) == hex("28 4E 41 4B 73 73 0D"));
}

TEST_CASE("twin frame: a 00 in a reply's checksum stays, unless asked otherwise") {
  const std::string body =
      "(230.0 49.9 230.0 49.9 0805 0751 020 448 29.00 000 100 0037 02.3 271.1 00.00 00007 00010000 00 00 00647 011 0 "
      "00 0000";
  CHECK(seal(body, CrcStyle::esc3) == body + hex("00 E7 0D"));
  CHECK(seal(body, CrcStyle::esc4) == body + hex("01 E7 0D"));
}

TEST_CASE("twin frame: REVO's one-byte checksum") {
  CHECK(seal_chk("QALL") == hex("51 41 4C 4C 2B 0D"));
  CHECK(chk_fits(hex("51 41 4C 4C 2B")));
  CHECK_FALSE(chk_fits(hex("51 41 4C 4C 2C")));
  CHECK_FALSE(chk_fits(""));
}

TEST_CASE("twin frame: PI18 replies carry their length") {
  const std::string reply = seal_pi18("18", CrcStyle::esc3);
  CHECK(reply.substr(0, 7) == "^D00518");
  CHECK(reply.size() == 10);
  CHECK(crc_fits(std::string_view{reply}.substr(0, 9), false));
}

TEST_CASE("twin frame: too short for a checksum") {
  CHECK_FALSE(crc_fits("", true));
  CHECK_FALSE(crc_fits("Q", true));
  CHECK_FALSE(crc_fits("QP", true));
}

TEST_CASE("twin reader: 00 and LF before a command, padding after it") {
  RequestReader reader;
  std::vector<std::string> frames;
  const std::string input = hex("00 0A 00 51 4D 4F 44 49 C1 0D 0A 00 00 51 50 49 47 53 32 68 2D 0D 00 00 00");
  CHECK(events_of(reader, input, &frames) == std::vector{Event::frame, Event::frame});
  CHECK(frames[0] == hex("51 4D 4F 44 49 C1"));
  CHECK(frames[1] == hex("51 50 49 47 53 32 68 2D"));
  CHECK(reader.empty());
}

TEST_CASE("twin reader: a 00 inside a frame belongs to it") {
  RequestReader reader;
  std::vector<std::string> frames;
  CHECK(events_of(reader, "PBFT48.8" + hex("15 00 0D"), &frames) == std::vector{Event::frame});
  CHECK(frames[0] == "PBFT48.8" + hex("15 00"));
}

TEST_CASE("twin reader: a bare CR") {
  RequestReader reader;
  CHECK(events_of(reader, "\r\n\r") == std::vector{Event::bare, Event::bare});
}

TEST_CASE("twin reader: more than 64 bytes are forgotten") {
  RequestReader reader;
  CHECK(events_of(reader, std::string(64, 'x')).empty());
  CHECK(events_of(reader, "x") == std::vector{Event::overflow});
  CHECK(reader.empty());
  CHECK(events_of(reader, std::string(64, 'x') + "\r") == std::vector{Event::frame});
  CHECK(events_of(reader, std::string(130, 'x')) == std::vector{Event::overflow, Event::overflow});
}

TEST_CASE("twin reader: garbage of the wrong moment stays in front of the next request") {
  RequestReader reader;
  reader.contaminate("QMOD\rQ\r");
  std::vector<std::string> frames;
  CHECK(events_of(reader, hex("51 4D 4F 44 49 C1 0D"), &frames) == std::vector{Event::frame});
  CHECK(frames[0] == "QMODQ" + hex("51 4D 4F 44 49 C1"));
  CHECK_FALSE(crc_fits(frames[0], false));
}
