// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Firmware over the air.
#include <set>
#include <string>

#include "command_rig.hpp"

using namespace mesura::ct6::test;
using mesura::test::contains;

namespace {

using Way = Trouble::Kind;
using Files = std::vector<std::pair<std::string, std::string>>;

/// An app of several folders; one of them holds no file of its own.
Files app(std::string version) {
  return {{"app.mpy", "M\x06 FIRMWARE_VERSION " + version + "\n"},
          {"lib/drivers/chips/atm90e32.mpy", std::string(9000, 'd')},
          {"lib/drivers/lcd.mpy", std::string(300, 'l')},
          {"assets/fonts/small.bin", std::string("\x00\xFF\r\n", 4)},
          {"index.html", "<html></html>"}};
}

PluginOptions firmware(Files files) { return PluginOptions{}.map("firmware", std::move(files)); }

std::string text_at(const Ended& end, std::string_view key) { return *at(Rig::json(end.json), key).as<std::string>(); }

/// The app that runs has lost nothing.
void check_untouched(CommandRig& rig) {
  const auto state = rig.state();
  CHECK(number_at(state, "next_slot") == 1);
  CHECK(*at(state, "firmware").as<std::string>() == "3.1");
  for (const char* file :
       {"/main.py", "/app1/app.mpy", "/app1/lib/web.mpy", "/app1/lib/drivers/lcd.mpy", "/factory.cfg"})
    CHECK(rig.has_file(file));
}

}  // namespace

TEST_CASE("upgrade: sends, verifies, swaps, restarts, and looks what came up") {
  CommandRig rig;
  rig.advance(5s);
  const Ended plan = rig.run("upgrade", firmware(app("3.2")), true);
  CHECK(plan.status == MESURA_REPLY_PLAN);
  const Ended end = rig.run("upgrade", firmware(app("3.2")));
  INFO(end.message);
  REQUIRE(end.status == MESURA_REPLY_DONE);
  CHECK(rig.planned == rig.wrote);
  CHECK(text_at(end, "before") == "3.1");
  CHECK(text_at(end, "after") == "3.2");
  CHECK(text_at(end, "slot_after") == "/app2");
  CHECK(*at(rig.state(), "firmware").as<std::string>() == "3.2");
  CHECK(number_at(rig.state(), "slot") == 2);
  for (const char* file : {"/app2/app.mpy", "/app2/lib/drivers/chips/atm90e32.mpy", "/app2/assets/fonts/small.bin"})
    CHECK(rig.has_file(file));
  CHECK_THAT(rig.progress.front(), contains("/9341 sending /app2/"));
  // And back again, as the other slot is free now.
  const Ended back = rig.run("upgrade", firmware(app("3.1")));
  CHECK(back.status == MESURA_REPLY_DONE);
  CHECK(number_at(rig.state(), "slot") == 1);
}

TEST_CASE("upgrade: a folder that holds the vendor's app folder, with what does not belong there") {
  CommandRig rig;
  const Ended end = rig.run("upgrade", firmware({{"app1/app.mpy", "x"},
                                                 {"app1/version", "3.20\n"},
                                                 {"app1/web.py", "source"},
                                                 {"app1/web.mpy", "bytecode"},
                                                 {"app1/lib/__pycache__/a.pyc", "x"},
                                                 {"app1/.git/config", "x"}}));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(at(Rig::json(end.json), "skipped").dump() == R"(["lib/__pycache__/a.pyc", ".git/config", "web.py"])");
  CHECK(rig.has_file("/app2/web.mpy"));
  CHECK_FALSE(rig.has_file("/app2/web.py"));
}

TEST_CASE("upgrade: what is doubtful needs a yes, and nothing is sent before") {
  CommandRig rig;
  const auto refused = [&](PluginOptions arguments, std::string_view why) {
    const Ended end = rig.run("upgrade", arguments);
    INFO(end.message);
    CHECK(end.status == MESURA_REPLY_INVALID);
    CHECK_THAT(end.message, contains(std::string{why}));
    CHECK(rig.wrote.empty());
  };
  refused(firmware({}), "got none");
  refused(firmware({{"app.mpy", "x"}}), "version=3.1");
  refused(firmware({{"app.mpy", "x"}}).text("version", "three"), "such as 3.1");
  refused(firmware(app("3.1")), "same_version=true");
  refused(firmware(app("2.7")), "recalibrate_accepted=true");
  refused(firmware({{"version", "3.2"}, {"app.py", "print()"}}), "mpy-cross");
  refused(firmware({{"version", "3.2"}, {"a b.mpy", "x"}}), "without space");
  refused(firmware({{"version", "3.2"}, {"../x.mpy", "x"}}), "plain path");
  check_untouched(rig);
  CHECK(rig.run("upgrade", firmware(app("3.1")).flag("same_version", true)).status == MESURA_REPLY_DONE);
  const Ended down = rig.run("upgrade", firmware(app("2.70")).flag("recalibrate_accepted", true));
  INFO(down.message);
  CHECK(down.status == MESURA_REPLY_DONE);
  CHECK_THAT(down.message, contains("calibrate every CT port now"));
  const Ended source =
      rig.run("upgrade", firmware({{"version", "2.71"}, {"app.py", "print()"}}).flag("allow_source", true));
  CHECK(source.status == MESURA_REPLY_DONE);
}

TEST_CASE("upgrade: from firmware that does not tell its version by itself") {
  CommandRig rig(PluginOptions{}.text("firmware", "2.5"));
  const Ended end = rig.run("upgrade", firmware(app("2.70")));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(text_at(end, "before") == "2.5");
}

TEST_CASE("upgrade: an app that does not fit is refused after the erase, with the running one untouched") {
  CommandRig rig;
  Files big = app("3.2");
  big.emplace_back("big.bin", std::string(820'000, 'x'));
  const Ended end = rig.run("upgrade", firmware(big));
  CHECK(end.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(end.message, contains("KiB free"));
  check_untouched(rig);
}

TEST_CASE("upgrade: damaged files are sent again, each up to three times") {
  CommandRig rig;
  rig.fault("hash_mismatch", 2);
  CHECK(rig.run("upgrade", firmware(app("3.2"))).status == MESURA_REPLY_DONE);
  CommandRig bad;
  bad.set("hash_mismatch", "1");
  const Ended end = bad.run("upgrade", firmware(app("3.2")));
  CHECK(end.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(end.message, contains("arrived damaged three times"));
  CHECK_THAT(end.message, contains("untouched"));
  check_untouched(bad);
  bad.set("hash_mismatch", "0");
  CHECK(bad.run("upgrade", firmware(app("3.2"))).status == MESURA_REPLY_DONE);
}

TEST_CASE("upgrade: cut at any request before the swap, the running app is untouched and a second run succeeds") {
  CommandRig whole;
  REQUIRE(whole.run("upgrade", firmware(app("3.2"))).status == MESURA_REPLY_DONE);
  std::size_t stages = 0;
  while (path_of(whole.asked[stages]) != "/swap_active_app") ++stages;
  REQUIRE(stages > 10);
  for (const Way kind : {Way::silent, Way::off, Way::closed, Way::says}) {
    for (std::size_t stage = 0; stage < stages; ++stage) {
      INFO("cut at " << whole.asked[stage] << ", in the way " << static_cast<int>(kind));
      CommandRig rig;
      const std::string error = R"({"ERROR": "broken"})";
      rig.trouble({kind, "", static_cast<int>(stage), kind == Way::off ? 1 : 8, error});
      const Ended end = rig.run("upgrade", firmware(app("3.2")));
      INFO(end.message);
      rig.calm();
      const bool version = path_of(whole.asked[stage]) == "/fw_version" && kind == Way::says;
      if (!version) CHECK(end.status != MESURA_REPLY_DONE);
      if (kind == Way::off) {
        rig.set("power", "on");
        rig.advance(10s);
      }
      if (end.status != MESURA_REPLY_DONE) check_untouched(rig);
      rig.advance(1min);
      const Ended second = rig.run("upgrade", firmware(app(version ? "3.3" : "3.2")));
      INFO(second.message);
      CHECK(second.status == MESURA_REPLY_DONE);
    }
  }
}

TEST_CASE(
    "upgrade: a unit that restarts while files are sent keeps what it has, and the command goes on or can be "
    "repeated") {
  CommandRig rig;
  const auto id = rig.begin("upgrade", firmware(app("3.2")));
  REQUIRE(rig.until_asked("lcd.mpy"));
  rig.fault("power_cycle");
  rig.advance(3min);
  const Ended end = rig.ended(id);
  INFO(end.message);
  REQUIRE(end.status != -1);
  if (end.status != MESURA_REPLY_DONE) {
    check_untouched(rig);
    CHECK(rig.run("upgrade", firmware(app("3.2"))).status == MESURA_REPLY_DONE);
  }
  CHECK(*at(rig.state(), "firmware").as<std::string>() == "3.2");
}

TEST_CASE("upgrade: called off before the swap, the running app is untouched, and behind it, it goes to its end") {
  for (const char* where : {"/erase_offline_app", "app.mpy", "atm90e32.mpy", "/get_file_list"}) {
    INFO(where);
    CommandRig rig;
    const auto id = rig.begin("upgrade", firmware(app("3.2")));
    REQUIRE(rig.until_asked(where));
    rig.cancel(id);
    rig.advance(30s);
    check_untouched(rig);
    CHECK(number_at(rig.state(), "counters.restarts") == 0);
    CHECK(rig.run("upgrade", firmware(app("3.2"))).status == MESURA_REPLY_DONE);
  }
  for (const char* where : {"/swap_active_app", "/power_cycle"}) {
    INFO(where);
    CommandRig rig;
    const auto id = rig.begin("upgrade", firmware(app("3.2")));
    REQUIRE(rig.until_asked(where));
    rig.cancel(id);
    rig.advance(1min);
    // Half-way it would start the new app at some later moment, with nobody looking.
    CHECK(*at(rig.state(), "firmware").as<std::string>() == "3.2");
    CHECK(number_at(rig.state(), "counters.restarts") == 1);
  }
}

TEST_CASE("upgrade: a lost reply to the swap does not swap twice") {
  CommandRig rig;
  rig.trouble({Way::lost, "/swap_active_app"});
  const Ended end = rig.run("upgrade", firmware(app("3.2")));
  CHECK(end.status == MESURA_REPLY_DONE);
  CHECK(number_at(rig.state(), "slot") == 2);
  CommandRig not_done;
  not_done.trouble({Way::says, "/swap_active_app", 0, 9, R"({"ACTIVE_APP_FOLDER": 2})"});
  const Ended no = not_done.run("upgrade", firmware(app("3.2")));
  CHECK(no.status == MESURA_REPLY_MISMATCH);
  CHECK(*at(not_done.state(), "firmware").as<std::string>() == "3.1");
}

TEST_CASE("upgrade: way back when it comes up as something else") {
  CommandRig rig;
  // The files say 3.2, but the unit would say 3.3.
  Files wrong = app("3.2");
  wrong.emplace_back("version", "3.3");
  const Ended end = rig.run("upgrade", firmware(wrong).text("version", "3.2"));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(end.message, contains("firmware 3.3, not 3.2"));
  CHECK_THAT(end.message, contains("went back: /app1 with firmware 3.1 runs again"));
  check_untouched(rig);
  CHECK(number_at(rig.state(), "slot") == 1);
  CHECK(number_at(rig.state(), "counters.restarts") == 2);
}

TEST_CASE("upgrade: way back when it comes up in the old slot") {
  CommandRig rig;
  rig.begin("upgrade", firmware(app("3.2")));
  REQUIRE(rig.until_asked("/power_cycle"));
  rig.set("APP", "1");
  rig.advance(3min);
  const Ended end = rig.ended(1);
  CHECK(end.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(end.message, contains("came back with /app1, not /app2"));
  CHECK_THAT(end.message, contains("went back"));
  check_untouched(rig);
}

TEST_CASE("upgrade: way back when it does not restart") {
  CommandRig rig;
  rig.advance(10s);
  rig.trouble({Way::says, "/power_cycle", 0, 1, R"({"OK": "POWER CYCLE IN PROGRESS"})"});
  const Ended end = rig.run("upgrade", firmware(app("3.2")));
  INFO(end.message);
  CHECK(end.status == MESURA_REPLY_MISMATCH);
  CHECK_THAT(end.message, contains("did not restart"));
  check_untouched(rig);
}

TEST_CASE("upgrade: a unit that does not come back is told with what to do") {
  CommandRig rig;
  rig.trouble({Way::silent, "/get_uptime", 1, 1000});
  const Ended end = rig.run("upgrade", firmware(app("3.2")));
  CHECK(end.status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(end.message, contains("over USB"));
  CHECK_THAT(end.message, contains("supply"));
}
