// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands among all else that a session does: detection, polls, a link that closes, being called off; raw commands;
// what one setting needs of another.
#include "command_rig.hpp"
#include "sheet.hpp"

using namespace rig;
using mesura::test::contains;

namespace {

Rig& settled(Rig& r) {
  r.run(6s, 50ms);
  r.requests.clear();
  return r;
}

std::size_t times(const std::vector<std::string>& all, const std::string& start) {
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const std::string& s) { return s.starts_with(start); }));
}

/// The setter's message in this state of the inverter.
Reply told(const Words& state, const std::string& name, const Words& words, const std::string& model = "pi30") {
  Rig r = Rig::of(model);
  for (const auto& [key, value] : state) r.set(key, value);
  settled(r);
  return r.command(name, words);
}

}  // namespace

TEST_CASE("commands: one that comes while the inverter is being recognised waits for that") {
  Rig r = Rig::of("pi30");
  const std::uint64_t id = r.ask("set_float_voltage", {{"voltage", "53"}});
  CHECK(r.replies.empty());
  const Reply reply = r.wait(id);
  CHECK(reply.status == MESURA_REPLY_DONE);
  CHECK(r.requests.front().starts_with("QPI"));
  // Before any poll: the first question behind the detection is the command's.
  const auto first = std::find_if(r.requests.begin(), r.requests.end(), [](auto& q) { return q.starts_with("QALL"); });
  REQUIRE(first != r.requests.end());
  CHECK((first + 1)->starts_with("QPIRI"));
  CHECK((first + 2)->starts_with("PBFT53.0"));
}

TEST_CASE("commands: polls go on around them, and collection sees the new value at once") {
  Rig r = Rig::of("pi30");
  settled(r);
  const std::size_t before = r.reader().events(Kind::measurement).size();
  CHECK(r.command("set_bulk_voltage", {{"voltage", "57.5"}}).status == MESURA_REPLY_DONE);
  const auto all = r.reader().events(Kind::measurement);
  CHECK(std::any_of(all.begin() + static_cast<std::ptrdiff_t>(before), all.end(), [](const PluginEvent& e) {
    return e.channel == "battery" && e.quantity == "bulk_voltage" && e.value == 57.5;
  }));
  r.requests.clear();
  for (int i = 0; i < 12; ++i) {
    CHECK(r.command(i % 2 == 0 ? "mode" : "ratings").status == MESURA_REPLY_DONE);
    r.run(5s, 20ms);
  }
  CHECK(times(r.requests, "QPIGS\xB7") == 12);
  CHECK(r.reader().events(Kind::failed).empty());
  CHECK(r.reader().events(Kind::reopened).empty());
}

TEST_CASE("commands: several at once are done one after another") {
  Rig r = Rig::of("pi30");
  settled(r);
  const std::uint64_t first = r.ask("set_float_voltage", {{"voltage", "53"}});
  const std::uint64_t second = r.ask("set_bulk_voltage", {{"voltage", "55"}});
  const std::uint64_t third = r.ask("mode");
  r.wait(third);
  REQUIRE(r.replies.size() == 3);
  CHECK(r.replies[0].id == first);
  CHECK(r.replies[1].id == second);
  CHECK(r.replies[1].status == MESURA_REPLY_DONE);
}

TEST_CASE("commands: a link that closes ends all of them") {
  Rig r = Rig::of("pi30");
  settled(r);
  r.fault("slow", 1);
  const std::uint64_t first = r.ask("set_float_voltage", {{"voltage", "53"}});
  const std::uint64_t second = r.ask("mode");
  r.run(10ms);
  r.lose();
  REQUIRE(r.replies.size() == 2);
  CHECK(r.replies[0].id == first);
  CHECK(r.replies[0].status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(r.replies[0].message, contains("nothing was written"));
  CHECK(r.replies[1].id == second);
  CHECK(r.replies[1].status == MESURA_REPLY_UNREACHABLE);
  // And one that comes too late is told so.
  const std::uint64_t late = r.ask("mode");
  REQUIRE(r.replies.size() == 3);
  CHECK(r.replies[2].id == late);
  CHECK(r.replies[2].status == MESURA_REPLY_UNREACHABLE);
}

TEST_CASE("commands: nobody answers in any protocol") {
  Rig r = Rig::of("pi30");
  r.fault("drop_reply", 1000);
  const std::uint64_t id = r.ask("mode");
  const Reply reply = r.wait(id, 600s);
  CHECK(reply.status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(reply.message, contains("no inverter answers"));
}

TEST_CASE("commands: called off before, while and after it is written") {
  for (const bool hid : {false, true}) {
    Rig r = Rig::of("pi30", hid);
    settled(r);
    // While it waits behind another one.
    r.fault("slow", 1);
    const std::uint64_t first = r.ask("ratings");
    const std::uint64_t second = r.ask("set_float_voltage", {{"voltage", "53"}});
    r.cancel(second);
    CHECK(r.wait(first).status == MESURA_REPLY_DONE);
    r.run(1s);
    CHECK(r.written(second).empty());
    // While it asks.
    r.fault("slow", 1);
    const std::uint64_t third = r.ask("set_float_voltage", {{"voltage", "53"}});
    r.run(10ms);
    r.cancel(third);
    r.run(5s, 20ms);
    CHECK(r.written(third).empty());
    // When the first of it has left already: of several reports the rest does not follow.
    std::uint64_t fourth = 0;
    r.on_write = [&] { r.fault("slow", 1); };
    fourth = r.ask("set_float_voltage", {{"voltage", "53"}});
    for (int i = 0; i < 200 && r.written(fourth).empty(); ++i) r.run(5ms);
    CHECK_FALSE(r.written(fourth).empty());
    r.cancel(fourth);
    r.run(10s, 20ms);
    CHECK(r.replies.size() == 4);  // one each, also for those that were called off
    // Collection goes on, and so do commands.
    const Reply reply = r.command("set_bulk_voltage", {{"voltage", "55.5"}});
    CHECK(reply.status == MESURA_REPLY_DONE);
    CHECK(r.reader().events(Kind::failed).empty());
  }
}

TEST_CASE("commands: where the host does not take it, nothing was written") {
  Rig r = Rig::of("pi30");
  settled(r);
  r.link_takes = false;
  const Reply reply = r.command("set_float_voltage", {{"voltage", "53"}});
  CHECK(reply.status == MESURA_REPLY_UNREACHABLE);
  CHECK_THAT(reply.message, contains("nothing was written"));
  CHECK(r.command("set_float_voltage", {{"voltage", "53"}}, true).status == MESURA_REPLY_UNREACHABLE);
  CHECK(r.command("mode").status == MESURA_REPLY_DONE);
}

TEST_CASE("commands: voltages need a battery type that leaves them to the user, output settings need standby") {
  const Reply agm = told({{"battery_type", "0"}}, "set_float_voltage", {{"voltage", "53"}});
  CHECK(agm.status == MESURA_REPLY_INVALID);
  CHECK_THAT(agm.message, contains("set_battery_type user comes first"));
  const Reply flooded = told({{"battery_type", "1"}}, "set_cutoff_voltage", {{"voltage", "43"}});
  CHECK_THAT(flooded.message, contains("flooded"));
  for (const char* name : {"set_output_frequency", "set_output_mode"}) {
    const Words words = name[11] == 'f' ? Words{{"frequency", "60"}} : Words{{"mode", "parallel"}};
    const Reply line = told({}, name, words);
    CHECK(line.status == MESURA_REPLY_INVALID);
    CHECK_THAT(line.message, contains("mode line"));
    CHECK(told({{"mode", "S"}}, name, words).status == MESURA_REPLY_DONE);
    CHECK(told({{"switch", "off"}}, name, words).status == MESURA_REPLY_DONE);
  }
}

TEST_CASE("commands: a battery of another voltage has other limits") {
  const auto cutoff = [](const char* battery, const char* voltage) {
    Rig r = Rig::of("pi30", false, {{"battery_voltage", battery}});
    settled(r);
    return r.command("set_cutoff_voltage", {{"voltage", voltage}}).status;
  };
  CHECK(cutoff("24", "21.5") == MESURA_REPLY_DONE);
  CHECK(cutoff("12", "10.5") == MESURA_REPLY_DONE);
  CHECK(cutoff("24", "42.0") == MESURA_REPLY_INVALID);
  CHECK(cutoff("48", "21.5") == MESURA_REPLY_INVALID);
}

TEST_CASE("commands: a refusal of a question that every inverter answers is doubted") {
  Rig r = Rig::of("pi30");
  settled(r);
  r.fault("nak_storm", 1);
  CHECK(r.command("set_float_voltage", {{"voltage", "53"}}).status == MESURA_REPLY_DONE);
}

TEST_CASE("commands: an ACK that comes when something else is asked already is no answer to that") {
  Rig r = Rig::of("pi30");
  settled(r);
  r.on_write = [&] { r.fault("slow", 1, 3800ms); };
  const Reply reply = r.command("set_float_voltage", {{"voltage", "53"}});
  INFO(reply.message << " " << reply.json);
  CHECK(reply.status == MESURA_REPLY_DONE);
  CHECK_THAT(reply.message, contains("ACK was lost"));
  CHECK(std::count(r.progress.begin(), r.progress.end(), "reading back QPIRI") == 1);
}

TEST_CASE("commands: the words of a dialect are those that its replies are read with") {
  const auto planned = [](const char* priority) {
    PluginOptions o;
    o.text("model", "pi30max").duration("latency", 0s);
    Rig r{std::move(o), false, PluginOptions{}.text("dialect", "lv6548")};
    const std::uint64_t id = r.ask("set_charger_priority", {{"priority", priority}}, true);
    const Reply reply = r.wait(id);
    return reply.status == MESURA_REPLY_PLAN ? r.planned(id) : reply.message;
  };
  CHECK(planned("solar") == sheet::framed("PCP00"));
  CHECK(planned("solar_and_utility") == sheet::framed("PCP01"));
  CHECK(planned("solar_only").starts_with("already in force") == false);
  CHECK_THAT(planned("utility"), contains("solar, solar_and_utility, solar_only"));
}

TEST_CASE("commands: an inverter that refuses its lists decides itself") {
  Rig r = Rig::of("pi30");
  settled(r);
  // Two refusals: of the settings, doubted, and of the list.
  const Reply legal = r.command("set_max_charge_current", {{"current", "50"}});
  CHECK(legal.status == MESURA_REPLY_DONE);
  r.set("reply:QMCHGCR", "");
  r.set("reply:QMCHGCR", "010 050 055");
  const Reply judged = r.command("set_max_charge_current", {{"current", "55"}});
  CHECK(judged.status == MESURA_REPLY_REFUSED);
  CHECK_THAT(judged.message, contains("it should take 10, 50, 55 A"));
}

TEST_CASE("commands: the clock is set to now, in the inverter's zone") {
  PluginOptions o;
  o.text("model", "pi30max").text("profile", "constant:500").duration("latency", 0s).integer("clock_offset", 100);
  Rig r{std::move(o), false, PluginOptions{}.text("zone", "Europe/Brussels")};
  settled(r);
  const std::uint64_t id = r.ask("set_time");
  const Reply reply = r.wait(id);
  INFO(reply.message << " " << reply.json);
  CHECK(reply.status == MESURA_REPLY_DONE);
  CHECK(r.written(id).starts_with("DAT26010101000"));
  CHECK_THAT(reply.json, contains("\"after\":\"2026-01-01 01:00:"));
  r.replies.clear();
  const Reply again = r.command("set_time");
  CHECK_THAT(again.message, contains("already in force"));
}

TEST_CASE("commands, raw: framed, sent once, whatever comes is the answer") {
  Rig r = Rig::of("pi30");
  settled(r);
  const std::uint64_t id = r.ask("raw", {{"command", "PBFT53.0"}});
  const Reply set = r.wait(id);
  CHECK(set.status == MESURA_REPLY_DONE);
  CHECK(set.json == "{\"reply\":\"ACK\"}");
  CHECK(r.written(id) == "PBFT53.0" + sheet::hex("12 4D 0D"));
  const Reply query = r.command("raw", {{"command", "QMOD"}});
  CHECK(query.json == "{\"reply\":\"L\",\"fields\":{\"total/operating_mode\":\"line\"}}");
  CHECK(query.bytes == sheet::reply("(L", "06 07"));
  r.set("reply:QXYZ", "1 2 3");
  CHECK(r.command("raw", {{"command", "QXYZ"}}).json == "{\"reply\":\"1 2 3\"}");
  CHECK(r.command("raw", {{"command", "NOSUCH"}}).status == MESURA_REPLY_REFUSED);
  CHECK(r.command("raw", {{"command", std::string(57, 'A')}}).status == MESURA_REPLY_INVALID);
  const std::uint64_t dry = r.ask("raw", {{"command", "POP02"}}, true);
  CHECK(r.wait(dry).status == MESURA_REPLY_PLAN);
  CHECK(r.planned(dry) == "POP02" + sheet::hex("E2 0B 0D"));
  r.fault("drop_reply");
  const std::uint64_t lost = r.ask("raw", {{"command", "POP01"}});
  CHECK(r.wait(lost).status == MESURA_REPLY_TIMEOUT);
  CHECK(r.written(lost) == sheet::framed("POP01"));
  r.on_write = [&] { r.fault("disconnect"); };
  CHECK(r.command("raw", {{"command", "POP00"}}).status == MESURA_REPLY_UNREACHABLE);
}

TEST_CASE("commands, raw: PI18 and Sorotec in their own frames") {
  Rig r = Rig::of("pi18");
  settled(r);
  const std::uint64_t id = r.ask("raw", {{"command", "^S007POP1"}});
  CHECK(r.wait(id).status == MESURA_REPLY_DONE);
  CHECK(r.written(id) == "^S007POP1" + sheet::hex("0E 10 0D"));
  const std::uint64_t bare = r.ask("raw", {{"command", "POP0"}});
  CHECK(r.wait(bare).status == MESURA_REPLY_DONE);
  CHECK(r.written(bare) == sheet::infini("POP0", 'S'));
  const std::uint64_t query = r.ask("raw", {{"command", "GS"}});
  CHECK_THAT(r.wait(query).json, contains("\"fields\""));
  CHECK(r.written(query) == "^P005GS" + sheet::hex("58 14 0D"));
  Rig revo = Rig::of("pi30revo");
  settled(revo);
  const std::uint64_t all = revo.ask("raw", {{"command", "QALL"}});
  CHECK(revo.wait(all).status == MESURA_REPLY_DONE);
  CHECK(revo.written(all) == sheet::hex("51 41 4C 4C 2B 0D"));
}

TEST_CASE("commands: a file takes none") {
  PluginHarness h(sheet::plugin(), {});
  h.open();
  h.command("mode", {});
  REQUIRE(h.events(Kind::reply).size() == 1);
  CHECK(h.events(Kind::reply)[0].fault_kind == MESURA_REPLY_UNREACHABLE);
}
