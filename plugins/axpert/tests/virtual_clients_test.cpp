// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What existing programs write and expect, replayed against the virtual inverter: their cutting of requests, their
// checksums, their fixed sizes. And noise, from which nothing must follow but refusals.
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
using twin::CrcStyle;

namespace {

const mesura_plugin& plugin() {
  using Glue = mesura::abi::Glue<VirtualAxpert>;
  static const mesura_session_api session = Glue::session_table();
  static const mesura_plugin p = Glue::descriptor("axpert", "0.1.0", "", &session);
  return p;
}

PluginHarness::Config config(const std::string& serial, const std::string& hid) {
  PluginHarness::Config c;
  c.links = {{serial, ""}, {hid, ""}};
  return c;
}

std::string sent(const PluginHarness& h) {
  std::string all;
  for (const auto& e : h.events(Kind::sent)) all += e.text;
  return all;
}

/// Writes `pieces` one after another and reads until CR, or gives up after `limit`; what came too late is not there.
std::string exchange(PluginHarness& h, const std::vector<std::string>& pieces, std::uint32_t link,
                     std::chrono::nanoseconds pause, std::chrono::nanoseconds limit) {
  h.clear();
  for (const std::string& piece : pieces) {
    h.bytes(piece, link);
    h.advance(pause);
  }
  for (auto waited = 0ns; waited < limit && sent(h).find('\r') == std::string::npos; waited += 5ms) h.advance(5ms);
  h.advance(200ms);
  return sent(h);
}

std::vector<std::string> pieces_of(std::string frame, bool padded) {
  std::vector<std::string> out;
  for (; !frame.empty(); frame.erase(0, 8)) {
    std::string& piece = out.emplace_back(frame.substr(0, 8));
    if (padded) piece.resize(8, '\0');
  }
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out{""};
  for (const char c : text) {
    if (c == ' ') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

const std::string kAck = hex("28 41 43 4B 39 20 0D");

}  // namespace

TEST_CASE("twin client: mpp-solar on a serial port") {
  // One write, up to a second for the whole reply, checksums with 00 escaped.
  PluginOptions options = PluginOptions{}.flag("crc_zero_escape", true);
  PluginHarness h{plugin(), options, config("pty", "")};
  h.open();
  for (const char* command : {"QPI", "QID", "QPIRI", "QPIGS", "QMOD", "QPIWS", "QFLAG", "QDI", "QMCHGCR", "QPGS0"}) {
    INFO(command);
    const std::string reply = exchange(h, {twin::seal(command, CrcStyle::esc4)}, 0, 0ms, 1s);
    REQUIRE(reply.size() > 4);
    const std::string body = reply.substr(0, reply.size() - 3);
    CHECK(reply == twin::seal(body, CrcStyle::esc4));
  }
}

TEST_CASE("twin client: mpp-solar's deadline holds at 2400 baud with the longest latency") {
  for (const char* model : {"pi30", "pi30max"}) {
    PluginOptions options = PluginOptions{}.text("model", model).flag("realtime", true).duration("latency_min", 60ms);
    PluginHarness h{plugin(), options, config("pty", "")};
    h.open();
    h.bytes(twin::seal("QPGS0", CrcStyle::esc4));
    h.advance(1s);
    CHECK(sent(h).back() == '\r');
  }
}

TEST_CASE("twin client: mpp-solar on hidraw") {
  // Short frames in one unpadded write, longer ones in padded writes of 8; reads 8 bytes every 150 ms, cuts at CR.
  PluginHarness h{plugin(), {}, config("", "seqpacket_listen")};
  h.open(1);
  const std::string mode = exchange(h, {twin::seal("QMOD", CrcStyle::esc4)}, 1, 50ms, 5s);
  CHECK(mode.substr(0, mode.find('\r') + 1) == hex("28 4C 06 07 0D"));
  CHECK(mode.size() == 8);
  for (const char* command : {"QPIGS", "QPIRI", "QPIGS2", "QMUCHGCR", "MUCHGC020"}) {
    INFO(command);
    const std::string reply = exchange(h, pieces_of(twin::seal(command, CrcStyle::esc4), true), 1, 50ms, 5s);
    CHECK(reply.size() % 8 == 0);
    const std::string cut = reply.substr(0, reply.find('\r'));
    CHECK(twin::crc_fits(cut, false));
    CHECK(std::all_of(reply.begin() + static_cast<std::ptrdiff_t>(cut.size()) + 1, reply.end(),
                      [](char c) { return c == '\0'; }));
  }
}

TEST_CASE("twin client: godenerg over USB") {
  // frame[:8], then frame[8:] as it is; unescaped checksums; fixed sizes; integers where others have tenths.
  PluginOptions options = PluginOptions{}.flag("lenient_crc", true);
  PluginHarness h{plugin(), options, config("", "seqpacket_listen")};
  h.open(1);
  const auto ask = [&](const std::string& command) {
    return exchange(h, pieces_of(twin::seal(command, CrcStyle::plain), false), 1, 0ms, 5s);
  };
  const std::string status = ask("QPIGS");
  REQUIRE(status.size() == 112);
  const auto fields = split(status.substr(1, status.size() - 6));  // its first 1 and last 5 characters go
  REQUIRE(fields.size() == 21);
  for (const std::size_t n : {5U, 6U, 7U, 8U, 10U, 11U, 12U, 13U, 16U, 20U})
    CHECK(fields[n - 1].find_first_not_of("0123456789") == std::string::npos);
  CHECK(fields[20].size() == 3);
  CHECK(ask("QMOD").substr(0, 5).back() == '\r');
  CHECK(ask("PBFT53.0").substr(0, 7) == kAck);
  CHECK(ask("MCHGC010").substr(0, 7) == kAck);
  CHECK(ask("POP02").substr(0, 7) == kAck);
  CHECK(ask("QPIRI").find('\r') < 110);
  CHECK(ask("QDI").find('\r') < 81);
  PluginHarness strict{plugin(), {}, config("", "seqpacket_listen")};
  strict.open(1);
  const auto refused = exchange(strict, pieces_of(twin::seal("POP02", CrcStyle::plain), false), 1, 0ms, 5s);
  CHECK(refused.substr(0, 7) == hex("28 4E 41 4B 73 73 0D"));
}

TEST_CASE("twin client: inverter_poller with its fixed sizes") {
  PluginHarness h{plugin(), {}, config("pty", "")};
  h.open();
  const auto ask = [&](const std::string& command) {
    return exchange(h, {twin::seal(command, CrcStyle::esc3)}, 0, 0ms, 2s);
  };
  CHECK(ask("QPIGS").size() == 110);
  CHECK((ask("QPIRI").size() >= 97 && ask("QPIRI").size() <= 102));
  CHECK(ask("QPIWS").size() == 36);
  CHECK(ask("QMOD").size() == 5);
  for (const char* command : {"QPIGS", "QPIRI", "QPIWS", "QMOD"}) CHECK(ask(command).front() == '(');
}

TEST_CASE("twin client: one that never flushes gets only the newest reply when asked so") {
  PluginOptions options = PluginOptions{}.text("overlap", "abort").duration("latency", 50ms);
  PluginHarness h{plugin(), options, config("pty", "")};
  h.open();
  h.bytes(twin::seal("QPIGS", CrcStyle::esc3));
  h.bytes(twin::seal("QMOD", CrcStyle::esc3));
  h.advance(1s);
  CHECK(sent(h).size() == 5);
}

TEST_CASE("twin client: noise is refused and forgotten") {
  for (const char* model : {"pi30", "pi30-tri", "pi30-mk", "pi30max", "pi41", "pi30revo", "pi18"}) {
    PluginOptions options =
        PluginOptions{}.text("model", model).duration("latency", 0s).integer("history", 0).flag("lenient_crc", true);
    PluginHarness h{plugin(), options, config("pty", "seqpacket_listen")};
    h.open(0);
    h.open(1);
    mesura::virtual_house::Random random{7};
    for (int round = 0; round < 3000; ++round) {
      std::string noise;
      const auto size = random.below(24);
      for (std::uint64_t i = 0; i < size; ++i)
        noise += static_cast<char>(static_cast<unsigned char>(random.below(256)));
      // Every other one with a good checksum: a command made of anything.
      if (round % 2 == 0) {
        constexpr std::string_view kAlphabet = "QPMCBFTVDSAELRGIW0123456789.,:^+-";
        noise.clear();
        for (std::uint64_t i = 0; i < size; ++i) noise += kAlphabet[random.below(kAlphabet.size())];
        noise = twin::seal(noise, CrcStyle::esc3);
      }
      h.bytes(noise, static_cast<std::uint32_t>(round / 2 % 2));
      h.advance(1s);
      h.clear();
    }
    h.bytes("\r");
    h.advance(1s);
    h.clear();
    const bool pi18 = std::string_view{model} == "pi18";
    h.bytes(pi18 ? "^P006MOD" + hex("DD BE 0D") : twin::seal("QMOD", CrcStyle::esc3));
    CHECK(sent(h).size() == (pi18 ? 10 : 5));
  }
}

TEST_CASE("twin client: prefixes of commands with anything behind them change nothing unless accepted") {
  PluginHarness h{plugin(), PluginOptions{}.text("model", "pi30max").duration("latency", 0s), config("pty", "")};
  h.open();
  const auto ask = [&](const std::string& command) {
    h.clear();
    h.bytes(twin::seal(command, CrcStyle::esc3));
    return sent(h);
  };
  mesura::virtual_house::Random random{11};
  const std::vector<std::string> names{"PBT",  "PCVV", "PBFT", "MCHGC", "MUCHGC", "PBEQV", "DAT",  "PLEDC", "PBMS",
                                       "PPCP", "PE",   "PD",   "BTA",   "PCVT",   "F",     "PBDV", "QED",   "QPGS"};
  std::string before = ask("QPIRI") + ask("QFLAG") + ask("QBEQI") + ask("QLED");
  for (int round = 0; round < 2000; ++round) {
    std::string command = names[random.below(names.size())];
    for (auto n = random.below(14); n > 0; --n)
      command += static_cast<char>(static_cast<unsigned char>(33 + random.below(90)));
    const bool accepted = ask(command) == kAck;
    const std::string after = ask("QPIRI") + ask("QFLAG") + ask("QBEQI") + ask("QLED");
    INFO(command);
    if (!accepted) CHECK(after == before);
    before = after;
  }
}
