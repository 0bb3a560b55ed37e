// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is damaged, cut or foreign, in bytes of a file.
#include <random>

#include "sheet.hpp"
#include "support/catch.hpp"

using namespace sheet;

TEST_CASE("A28: every single-bit flip of a QPIGS reply is rejected") {
  for (std::size_t byte = 0; byte < kA9.size(); ++byte)
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bad = kA9;
      bad[byte] = static_cast<char>(static_cast<unsigned char>(bad[byte]) ^ (1U << bit));
      const Decoded d(bad + kA9, "QPIGS");
      INFO("byte " << byte << ", bit " << bit);
      // A damaged CR takes the next reply along; nothing of the damaged one may appear.
      REQUIRE(d.frames <= 1);
      REQUIRE(d.all_faults >= 1);
    }
}

TEST_CASE("every truncation of a QPIGS reply is rejected, and the next one found") {
  for (std::size_t size = 1; size + 1 < kA9.size(); ++size) {
    INFO(size);
    const Decoded alone(kA9.substr(0, size), "QPIGS");
    REQUIRE(alone.size() == 0);
    REQUIRE(alone.faults("truncated") == 1);
    const Decoded ended(kA9.substr(0, size) + "\r" + kA9, "QPIGS");
    REQUIRE(ended.frames == 1);
    REQUIRE(ended.all_faults == 1);
  }
}

TEST_CASE("A30 and padding: LF and NUL between frames are nothing") {
  const std::string bytes = kA9 + "\n" + reply("(B", "E7 C9") + std::string(6, '\0') + reply("(L", "06 07");
  const Decoded d(bytes);
  CHECK(d.frames == 3);
  CHECK(d.all_faults == 0);
  CHECK(d.text("total/operating_mode") == "line");
}

TEST_CASE("A1, A2, A29: answers without content are noted") {
  const Decoded d(hex("28 41 43 4B 39 20 0D 28 4E 41 4B 73 73 0D") + "(NAK\r");
  CHECK(d.faults("ack") == 1);
  CHECK(d.faults("nak") == 2);
  CHECK(d.frames == 0);
}

TEST_CASE("noise in front of a reply costs the noise") {
  const Decoded d("\x01\x02garbage" + kA9 + "rubbish\r" + kA9, "QPIGS");
  CHECK(d.frames == 2);
  CHECK(d.faults("noise") == 2);
}

TEST_CASE("a reply to another command is told") {
  const Decoded d(kA14 + kA9, "QPIGS");
  CHECK(d.faults("unexpected_reply") == 1);
  CHECK(d.frames == 1);
  CHECK(Decoded(framed("(1 2 3 4 5"), {}).faults("unexpected_reply") == 1);
}

TEST_CASE("unprintable bytes under a good CRC are refused") {
  std::string bad = kA9.substr(0, kA9.size() - 3);
  bad[10] = '\x07';
  const Decoded d(framed(bad), "QPIGS");
  CHECK(d.faults("not_printable") == 1);
  CHECK(d.size() == 0);
}

TEST_CASE("faults say where") {
  PluginHarness h(plugin());
  h.open();
  std::string bad = kA9;
  bad[5] = '9';
  h.bytes("xx" + kA9 + bad);
  const auto faults = h.events(Kind::fault);
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].offset == 0);
  CHECK(faults[0].length == 2);
  CHECK(faults[1].key == "crc_error");
  CHECK(faults[1].offset == 112);
  CHECK(faults[1].length == 110);
  CHECK_THAT(faults[1].text, mesura::test::contains("got 98EA"));
}

TEST_CASE("any cut of the bytes says the same") {
  const std::string bytes = "noise" + kA9 + "\n" + kA12 + std::string(3, '\0') + kA14 + kA15 + kA19 + kA20 + "(NAK\r" +
                            reply("(00000100000000001000000000000000", "56 A6") + kA9.substr(0, 50);
  const auto run = [&](std::vector<std::size_t> sizes) {
    PluginHarness h(plugin());
    h.open();
    h.bytes_in_pieces(bytes, sizes);
    h.close(true);
    return h.lines();
  };
  const Lines whole = run({bytes.size()});
  CHECK(whole.size() > 100);
  CHECK(run({1}) == whole);
  CHECK(run({8}) == whole);
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::size_t> sizes(50);
    for (auto& s : sizes) s = std::uniform_int_distribution<std::size_t>(1, 90)(random);
    CHECK(run(sizes) == whole);
  }
}

TEST_CASE("states leave when they change, gauges always") {
  PluginHarness h(plugin(), PluginOptions{}.text("command", "QPIGS"));
  h.open();
  h.bytes(kA9);
  h.clear();
  h.bytes(kA9);
  int gauges = 0, states = 0;
  for (const auto& e : h.events(Kind::measurement)) {
    gauges += e.quantity == "voltage";
    states += e.quantity == "device_status" || e.quantity == "load_on" || e.quantity == "charge_source";
  }
  CHECK(gauges == 6);
  CHECK(states == 0);
  CHECK(h.events(Kind::attribute).empty());
  h.clear();
  h.bytes(kA10);
  const Decoded d(h);
  CHECK(d.text("total/device_status") == "00110110");
  CHECK(d.number("total/configuration_changed") == 0);
}

TEST_CASE("a wrong command or schedule is refused with a reason") {
  using mesura::test::contains;
  CHECK_THROWS_WITH(PluginHarness(plugin(), PluginOptions{}.text("command", "QFOO")), contains("expected a query"));
  CHECK_THROWS_WITH(PluginHarness(plugin(), PluginOptions{}.map("schedule", {{"QFOO", "60s"}})),
                    contains("expected the name of a query"));
  CHECK_THROWS_WITH(PluginHarness(plugin(), PluginOptions{}.map("schedule", {{"QPIRI", "60"}})),
                    contains("expected a duration"));
  CHECK_NOTHROW(
      PluginHarness(plugin(), PluginOptions{}.map("schedule", {{"QPIRI", "1m30s"}, {"Q1", "off"}, {"QPGS", "once"}})));
}
