// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include <support/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace mesura;
using session::State;
using test::Bench;
using test::kSecond;

namespace {

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a device goes from connecting to live with its first frame") {
  Bench b;
  CHECK(b.device->health().state == State::connecting);
  b.wire.accept();
  b.line("set total active_power 230");
  CHECK(b.device->health().state == State::live);
  CHECK(b.got == Lines{"meter/total/active_power 230"});
  CHECK(b.device->health().frames == 1);
  CHECK(b.device->health().measurements == 1);
}

TEST_CASE("silence makes it stale once, the next frame live once, as often as that happens") {
  Bench b;
  b.wire.accept();
  b.line("set total active_power 1");
  for (int round = 0; round < 2; ++round) {
    b.advance(90s);
    CHECK(b.device->health().state == State::stale);
    REQUIRE(b.wire.port != nullptr);  // the link has been opened again meanwhile
    b.wire.accept();
    b.line("set total active_power 2");
    CHECK(b.device->health().state == State::live);
  }
  CHECK(b.states == std::vector<State>{State::live, State::stale, State::live, State::stale, State::live});
  CHECK(b.count("dev-stale") == 2);
  CHECK(b.count("dev-live") == 3);
}

TEST_CASE("a device that never says anything becomes stale, too") {
  Bench b;
  b.advance(21s);
  CHECK(b.device->health().state == State::stale);
  CHECK(b.count("dev-stale") == 1);
}

TEST_CASE("a plugin that throws gets a new session, with a growing pause, frames shrink it again") {
  Bench b;
  b.wire.accept();
  b.line("throw broken register");
  CHECK(b.device->health().state == State::failed);
  CHECK(b.device->health().error == "broken register");
  CHECK(b.wire.port == nullptr);
  b.advance(2s);  // the first pause is 1 s +- 20 %
  REQUIRE(b.wire.port != nullptr);
  CHECK(b.device->health().state == State::connecting);
  b.wire.accept();
  b.line("throw broken register");
  b.advance(1s);
  CHECK(b.wire.port == nullptr);  // the second is 2 s
  b.advance(2s);
  REQUIRE(b.wire.port != nullptr);
  b.wire.accept();
  b.line("set total active_power 5");
  CHECK(b.device->health().state == State::live);
  CHECK(b.device->health().error.empty());
  b.line("throw once more");
  b.advance(2s);
  CHECK(b.wire.port != nullptr);
  CHECK(b.count("plg-failed") == 3);
}

TEST_CASE("a session that asks to be ended is ended, with its reason") {
  Bench b;
  b.wire.accept();
  b.line("fail wrong key");
  CHECK(b.device->health().state == State::failed);
  CHECK(b.count("scripted-fail") == 1);
  CHECK(b.device->health().error == "wrong key");
}

TEST_CASE("a plugin that can't make a session is tried again and says why") {
  Bench b{"throw"};
  CHECK(b.device->health().state == State::failed);
  CHECK(b.device->health().error == "no room for a session");
  b.advance(10s);
  CHECK(b.count("plg-create") >= 3);
}

TEST_CASE("rejected frames are counted by reason, said once, then summed up each minute") {
  Bench b;
  b.wire.accept();
  b.line("set total active_power 1");
  for (int i = 0; i < 5; ++i) b.line("bad");
  const auto health = b.device->health();
  CHECK(health.frames_rejected == 5);
  CHECK(health.faults.at("bad_frame") == 5);
  CHECK(b.count("dec-frame") == 1);
  b.advance(15s);
  b.line("set total active_power 1");
  b.advance(15s);
  b.line("set total active_power 1");
  b.advance(15s);
  b.line("set total active_power 1");
  b.advance(16s);
  REQUIRE(b.count("dec-faults") == 1);
  for (const auto& s : b.said)
    if (s.rfind("dec-faults", 0) == 0) CHECK(s == "dec-faults: in the last minute: 4 bad_frame; of 9 frames");
}

TEST_CASE("timers fire on the loop's clock and end with the session") {
  Bench b;
  b.wire.accept();
  b.line("timer");
  b.advance(11s);
  CHECK(b.got == Lines{"meter/total/active_power 7"});
  b.line("timer");
  b.line("throw away");
  b.advance(1s);
  b.got.clear();
  b.advance(15s);
  CHECK(b.got.empty());
}

TEST_CASE("the links are the session's to use") {
  Bench b;
  b.wire.accept();
  b.line("send hello");
  CHECK(b.wire.sent == Lines{"hello"});
  b.line("drop");
  CHECK(b.wire.port == nullptr);
  b.advance(2s);
  REQUIRE(b.wire.port != nullptr);
  b.wire.accept();
  b.line("set total active_power 3");
  CHECK(b.device->health().reconnects == 1);
}

TEST_CASE("the end of a recording finishes what is pending and is no failure") {
  Bench b{"well", {}, false};
  b.wire.accept();
  b.line("set total active_power 1");
  b.wire.port->receive("half a line");
  b.wire.hang_up(true);
  b.settle();
  CHECK(b.got.back() == "meter/total/active_power 99");
  CHECK(b.device->finished());
  b.advance(60s);
  CHECK(b.device->finished());
  CHECK(b.count("dev-stale") == 0);
}

TEST_CASE("a device that is held back reads on from where it was, and is not silent meanwhile") {
  Bench b;
  b.wire.accept();
  b.device->pause(true);
  CHECK(b.wire.port->paused);
  b.advance(15s);
  b.device->pause(false);
  CHECK_FALSE(b.wire.port->paused);
  b.line("set total active_power 1");
  CHECK(b.device->health().reconnects == 0);
  b.device->pause(true);
  b.line("drop");
  b.advance(2s);
  b.wire.accept();
  CHECK(b.wire.port->paused);  // the new connection, too
}

TEST_CASE("units of a fleet get names of their own that need no quoting") {
  Bench b;
  b.wire.accept();
  b.line("unit 34:AB Z\xc3\xa4hler 3");
  b.line("unit 77 ");
  b.line("unit 34:AB renamed");
  CHECK(b.got == Lines{"meter_z_hler_3/total/active_power 1", "meter_77/total/active_power 1",
                       "meter_z_hler_3/total/active_power 1"});
}

TEST_CASE("each unit of a fleet is live and stale by itself, and belongs to it") {
  Bench b{"well", {}, true, true};
  b.wire.accept();
  b.line("unit 1 Shed");
  b.line("unit 2 Shed");
  CHECK(b.got == Lines{"shed/total/active_power 1", "shed_2/total/active_power 1"});
  CHECK(b.count("plg-said") == 1);  // two units of one name
  CHECK(b.series.at(0).fleet == "meter");
  for (int i = 0; i < 4; ++i) {
    b.advance(8s);
    b.line("unit 2 Shed");
  }
  REQUIRE(b.device->members().size() == 2);
  CHECK(b.device->members().at("shed").state == State::stale);
  CHECK(b.device->members().at("shed_2").state == State::live);
  CHECK(b.count("dev-stale") == 1);
  b.line("unit 1 Shed");
  CHECK(b.device->members().at("shed").state == State::live);
  CHECK(b.device->health().state == State::live);
}

TEST_CASE("rows of waveform become blocks, a gap begins a new one, and none waits for long") {
  Bench b;
  b.wire.accept();
  b.line("stream");
  b.line("rows 0 3 0");
  b.line("rows 3 2 0");
  CHECK(b.blocks.empty());
  b.line("rows 9 1 4");
  REQUIRE(b.blocks.size() == 1);
  CHECK(b.blocks[0]->rows == 5);
  CHECK(b.blocks[0]->samples == std::vector<float>{0, -0.0F, 1, -1, 2, -2, 3, -3, 4, -4});
  CHECK(b.blocks[0]->stream->names == std::vector<std::string>{"v_l1", "i_l1"});
  CHECK(b.blocks[0]->stream->units == std::vector<std::string>{"V", "mA"});
  CHECK(b.blocks[0]->stream->device == "meter");
  b.advance(1s);
  REQUIRE(b.blocks.size() == 2);
  CHECK(b.blocks[1]->first_row == 9);
  CHECK(b.blocks[1]->gap_rows == 4);
  CHECK(b.blocks[1]->samples == std::vector<float>{9, -9});
  CHECK(b.blocks[1]->stream->time_ns(9) == b.blocks[0]->stream->start_ns + 9'000'000);
}

TEST_CASE("a large run of rows leaves in blocks, and the rest at the end of the session") {
  Bench b;
  b.wire.accept();
  b.line("stream");
  for (int i = 0; i < 20; ++i) b.line("rows " + std::to_string(i * 1000) + " 1000 0");
  CHECK(b.blocks.size() == 1);
  b.device->stop();
  REQUIRE(b.blocks.size() == 2);
  std::uint64_t next = 0;
  for (const auto& block : b.blocks) {
    CHECK(block->first_row == next);
    CHECK(block->samples[2] == static_cast<float>(next + 1));
    next += block->rows;
  }
  CHECK(next == 20'000);
}

TEST_CASE("roles and the user's channel rules decide signs, names and labels") {
  session::SeriesBinder::ChannelRules rules;
  rules["ct1"].label = "Dryer";
  rules["ct1"].scale = 2;
  rules["total"].invert = true;
  Bench b{"well", rules};
  b.wire.accept();
  b.line("set pv1 active_power -250");  // solar by the plugin's role: plus is production
  b.line("set total active_power 100");
  b.line("set total active_power_import 40");
  b.line("set ct1 active_power 30");
  b.line("text total message_text Hello");
  CHECK(b.got == Lines{"meter/pv1/active_power 250", "meter/total/active_power -100",
                       "meter/total/active_power_export 40", "meter/ct1/active_power 60",
                       "meter/total/message_text Hello"});
  bool labelled = false;
  for (std::uint32_t i = 0; i < b.series.size(); ++i) labelled = labelled || b.series.at(i).label == "Dryer";
  CHECK(labelled);
  // Who has to speak the wire's language again knows which values were turned.
  const auto negated = [&](const std::string& name) {
    for (std::uint32_t i = 0; i < b.series.size(); ++i)
      if (b.series.at(i).name() == name) return b.series.at(i).negated;
    throw std::runtime_error("no series " + name);
  };
  CHECK(negated("meter/pv1/active_power"));
  CHECK(negated("meter/total/active_power"));
  CHECK_FALSE(negated("meter/ct1/active_power"));
}

TEST_CASE("a quantity outside vocabulary and schema is refused and said, the plugin's own is taken") {
  Bench b;
  b.wire.accept();
  b.line("set total aktive_power 1");
  b.line("set total wind_speed 12");
  CHECK(b.got == Lines{"meter/total/wind_speed 12"});
  bool refused = false;
  for (const auto& s : b.said) refused = refused || s.find("meter/total/aktive_power refused") != std::string::npos;
  CHECK(refused);
}
