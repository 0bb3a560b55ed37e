// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The framing rules that no golden shows.
#include "framer.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "decoder.hpp"
#include "support/catch.hpp"

using namespace mesura::dsmr_p1;

namespace {

using Lines = std::vector<std::string>;

Bytes bytes(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

/// Takes frames that hold "good" and not "bad", writes down everything.
class Judge final : public FrameJudge {
 public:
  bool judge_plain(const PlainFrame& frame) override {
    const std::string t = text(frame.text);
    said.push_back("plain " + std::to_string(frame.offset) + " " + std::to_string(t.size()) + " " +
                   text(frame.crc_digits));
    return is_good(t);
  }
  bool judge_cipher(const CipherFrame& frame, bool quiet) override {
    said.push_back((quiet ? "quiet cipher " : "cipher ") + std::to_string(frame.offset) + " " +
                   std::to_string(frame.bytes.size()));
    return is_good(text(frame.bytes));
  }
  void on_frame_fault(FrameFault fault, std::uint64_t offset, std::uint64_t length, Bytes) override {
    constexpr const char* names[] = {"truncated", "overflow", "noise"};
    said.push_back(std::string(names[static_cast<int>(fault)]) + " " + std::to_string(offset) + " " +
                   std::to_string(length));
  }
  Lines said;

 private:
  static bool is_good(const std::string& t) {
    return t.find("good") != std::string::npos && t.find("bad") == std::string::npos;
  }
};

Lines frame(std::string_view stream, std::size_t limit = 1024, bool ciphers = false, std::size_t piece = 1U << 20U) {
  Judge judge;
  Framer framer(limit, ciphers, judge);
  for (std::size_t at = 0; at < stream.size(); at += piece) framer.push(bytes(stream.substr(at, piece)), at);
  framer.silence(Framer::kForever);
  return judge.said;
}

/// The same in one piece and byte by byte.
Lines both(std::string_view stream, std::size_t limit = 1024, bool ciphers = false) {
  const Lines whole = frame(stream, limit, ciphers);
  CHECK(frame(stream, limit, ciphers, 1) == whole);
  CHECK(frame(stream, limit, ciphers, 5) == whole);
  return whole;
}

/// A frame of `n` content bytes (security control to tag) with the two-byte length.
std::string cipher(const std::string& content) {
  const auto n = content.size();
  return std::string("\xDB\x08SIM\0\0\0\0\1\x82", 11) + static_cast<char>(n >> 8U) + static_cast<char>(n & 0xFFU) +
         content;
}

}  // namespace

TEST_CASE("three letters or digits must follow the slash") {
  CHECK(both("/ab good!1234") == Lines{"noise 0 13"});
  CHECK(both("/abcgood!1234") == Lines{"plain 0 9 1234"});
  CHECK(both("//abcgood!1234") == Lines{"noise 0 1", "plain 1 9 1234"});
}

TEST_CASE("a slash outside of parentheses or at the start of a line begins a new telegram") {
  CHECK(both("/abc\r\n1(x/abc\r\n/abc\r\ngood\r\n!1234") == Lines{"truncated 0 15", "plain 15 13 1234"});
  CHECK(both("/abc/abc\r\ngood\r\n!1234") == Lines{"truncated 0 4", "plain 4 13 1234"});
  CHECK(both("/abc(/abc)\r\ngood\r\n!1234") == Lines{"plain 0 19 1234"});
}

TEST_CASE("at most four digits belong to the CRC") {
  CHECK(both("/abcgood!12345678") == Lines{"plain 0 9 1234", "noise 13 4"});
  CHECK(both("/abcgood!1\r\n") == Lines{"plain 0 9 1"});
  CHECK(both("/abcgood!/abcgood!AB\r\n") == Lines{"plain 0 9 ", "plain 9 9 AB"});
}

TEST_CASE("the limit counts from '/' to '!'") {
  const std::string fits = "/abcgood" + std::string(55, 'x') + "!1234";
  CHECK(both(fits, 64) == Lines{"plain 0 64 1234"});
  const std::string too_long = "/abcgood" + std::string(56, 'x') + "!1234\r\n/abcgood!12";
  CHECK(both(too_long, 64) == Lines{"overflow 0 64", "noise 64 7", "plain 71 9 12"});
}

TEST_CASE("a refused telegram is searched from its second byte on") {
  CHECK(both("/abc(bad\r\n1(/abcgood\r\n!1234\r\n") == Lines{"plain 0 23 1234", "plain 12 11 1234"});
}

TEST_CASE("endless noise is told in pieces") {
  CHECK(both(std::string(200, 'x'), 64) == Lines{"noise 0 64", "noise 64 64", "noise 128 64", "noise 192 8"});
}

TEST_CASE("line ends behind a frame are not noise, other bytes are") {
  using namespace std::string_literals;
  CHECK(both("\r\n/abcgood!12\r\n\0\r\n/abcgood!12\r\n \r\nfooter\r\n"s) ==
        Lines{"plain 2 9 12", "plain 18 9 12", "noise 34 8"});
}

TEST_CASE("encrypted frames are found by their structure") {
  const std::string good = cipher("0....good.............");
  CHECK(both(good + good) == Lines{"cipher 0 35", "cipher 35 35"});
  CHECK(both("xx" + good.substr(0, 20)) == Lines{"noise 0 2", "truncated 2 20"});
  CHECK(both(cipher(std::string(17, '.'))) == Lines{"noise 0 30"});  // no ciphertext at all
  // A refused frame is searched, too: a false start may lie over a true one.
  const std::string bad = cipher("0....bad.............." + good);
  CHECK(both(bad) == Lines{"cipher 0 70", "cipher 35 35"});
}

TEST_CASE("an encrypted frame inside a torn plain telegram wins if it is complete first") {
  const std::string good = cipher("0....good.............");
  const std::string torn = "/abc\r\n1-0:1.7(bad00.";
  CHECK(both(torn + good + "\r\n/abcgood!12", 1024, true) ==
        Lines{"quiet cipher 20 35", "truncated 0 20", "plain 57 9 12"});
  // Without a key nobody asks before the plain telegram has failed.
  CHECK(both(torn + good + "\r\n!12", 1024, false) == Lines{"plain 0 58 12", "cipher 20 35"});
  // The plain telegram is complete first.
  CHECK(both("/abc\r\ngood(" + good.substr(0, 14) + ")\r\n!12" + std::string(40, '.'), 1024, true) ==
        Lines{"plain 0 29 12", "noise 31 40"});
}

TEST_CASE("silence ends what is pending, each kind after its own time") {
  Judge judge;
  Framer framer(1024, false, judge);
  framer.push(bytes("/abcgood!1"), 0);
  CHECK(framer.patience() == 200'000'000);
  framer.silence(199'999'999);
  CHECK(judge.said.empty());
  framer.silence(200'000'000);
  CHECK(judge.said == Lines{"plain 0 9 1"});
  CHECK(framer.patience() == Framer::kForever);
  framer.push(bytes("/abc"), 10);
  CHECK(framer.patience() == 2'000'000'000);
  framer.push(bytes("(/abc"), 14);
  framer.silence(2'000'000'000);
  CHECK(judge.said == Lines{"plain 0 9 1", "truncated 10 9", "truncated 15 4"});
}

namespace {

class Messages final : public DecoderSink {
 public:
  void on_telegram(Telegram&) override { ++telegrams; }
  void on_fault(const DecodeFault& fault) override {
    said.push_back(std::string(fault.code) + ": " + std::string(fault.message));
  }
  int telegrams = 0;
  Lines said;
};

Lines messages(std::string_view stream, Counters* counters = nullptr) {
  Messages sink;
  Decoder decoder({}, sink);
  decoder.push(bytes(stream), 0, 0);
  decoder.finish();
  if (counters != nullptr) *counters = decoder.counters();
  return sink.said;
}

}  // namespace

TEST_CASE("protocols that are not P1 are recognised and named") {
  using namespace std::string_literals;
  CHECK(messages("\x68\xFA\xFA\x68\x53\xFF\x00\x01\x67"s).at(0).find("M-Bus") != std::string::npos);
  CHECK(messages("\x7E\xA0\x87\x01\x02"s).at(0).find("HDLC") != std::string::npos);
  CHECK(messages("/EGM5x\r\n\r\n\x00\x82\x02\x30\x30\x11\x22"s).at(0).find("Elgama") != std::string::npos);
}

TEST_CASE("the counters are those of the reference") {
  Counters c;
  const std::string good = "/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!BD20\r\n";
  const std::string doubled = "/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n1-0:1.7.0(00.100*kW)\r\n!3D46\r\n";
  messages("xyz" + good + "/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!BD21\r\n" +
               "/TST5X\r\n\r\n1-0:1.7.0(00.100*kW)\r\n!\r\n" + doubled + "/TST5X\n\n1-0:1.7.0(00.100*kW)\n!BD20\n" +
               "/TST5X\r\n",
           &c);
  CHECK(c.telegrams_ok == 3);
  CHECK(c.crc_error == 1);
  CHECK(c.crc_missing == 1);
  CHECK(c.crc_recovered == 1);
  CHECK(c.truncated == 1);
  CHECK(c.overflow == 0);
  CHECK(c.noise_bytes == 3);
  CHECK(c.line_errors == 1);
  CHECK(c.decrypt_errors == 0);
}
