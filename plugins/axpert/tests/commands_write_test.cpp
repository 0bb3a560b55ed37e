// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands that change something, against the virtual inverter: one table, each row through everything that can happen.
#include <set>

#include "command/arguments.hpp"
#include "command_fields.hpp"
#include "commands.hpp"
#include "commands_cases.hpp"

using namespace rig;
using mesura::test::contains;

namespace {

/// Each row with an inverter of its own, ready for it.
template <class F>
void each(F&& f) {
  for (const Change& c : changes()) {
    INFO(c.name << " on " << c.model << ": " << c.wire);
    Rig r = Rig::of(c.model, false, c.options);
    prepare(r, c);
    f(r, c);
    CHECK(r.replies.size() == 1);
  }
}

bool only_asks(const Rig& r) {
  return std::all_of(r.requests.begin(), r.requests.end(), [](const std::string& q) {
    return q.starts_with("Q") || q.starts_with("VERFW") || q.starts_with("^P") || q == "\r";
  });
}

std::string after_of(const Reply& reply) {
  const std::string key = "\"after\":";
  const std::size_t at = reply.json.find(key);
  return at == std::string::npos ? std::string{} : reply.json.substr(at + key.size());
}

}  // namespace

TEST_CASE("commands, write: the bytes of the sheet, taken, read back, told") {
  each([](Rig& r, const Change& c) {
    const std::uint64_t id = r.ask(c.name, c.words);
    const Reply reply = r.wait(id);
    INFO(reply.message << " " << reply.json);
    CHECK(reply.status == (readable(c) ? MESURA_REPLY_DONE : MESURA_REPLY_UNVERIFIED));
    CHECK(r.written(id) == frame(c));
    CHECK_THAT(reply.json, contains("\"before\":"));
    if (readable(c)) CHECK(after_of(reply).starts_with(c.after));
    if (readable(c)) CHECK_THAT(reply.json, !contains("\"before\":null"));
    CHECK(r.reader().events(Kind::failed).empty());
  });
}

TEST_CASE("commands, write: none of the schema is left out, and every argument is known") {
  std::set<std::string> seen, known;
  for (const Change& c : changes()) seen.insert(c.name);
  const auto names = mesura::axpert::argument_names();
  for (const auto& c : schema().commands) {
    if (c.danger != mesura::config::Danger::read && c.name != "raw") known.insert(c.name);
    for (const auto& a : c.arguments) CHECK(std::count(names.begin(), names.end(), a.name) == 1);
    if (c.danger == mesura::config::Danger::write) CHECK(c.spacing == 5s);
    CHECK((c.danger < mesura::config::Danger::dangerous) == c.warning.empty());
  }
  CHECK(seen == known);
}

TEST_CASE("commands, write: examples are good command lines, and what is refused here has passed the core") {
  const auto passes = [](const std::string& name, const std::vector<std::string>& words) {
    const auto read = mesura::command::read_words(spec(name), words);
    for (const auto& d : read.diagnostics.list()) UNSCOPED_INFO(d.message << " " << d.expected << " " << d.got);
    return read.ok();
  };
  for (const auto& c : schema().commands) {
    INFO(c.name << ": " << c.example);
    std::vector<std::string> words;
    for (std::size_t at = 0; at < c.example.size();) {
      const std::size_t end = std::min(c.example.find(' ', at), c.example.size());
      words.push_back(c.example.substr(at, end - at));
      at = end + 1;
    }
    const bool needs = std::any_of(c.arguments.begin(), c.arguments.end(), [](const auto& a) { return a.required; });
    CHECK((!needs || !words.empty()));
    if (!needs || !words.empty()) CHECK(passes(c.name, words));
  }
  for (const Change& c : changes())
    for (const Words* given : {&c.words, &c.bad}) {
      if (given->empty()) continue;
      std::vector<std::string> words;
      for (const auto& [name, value] : *given) words.push_back(name + "=" + value);
      INFO(c.name);
      CHECK(passes(c.name, words));
    }
}

TEST_CASE("commands, write: a dry run hands over the very bytes, and none reaches the inverter") {
  each([](Rig& r, const Change& c) {
    const std::uint64_t dry = r.ask(c.name, c.words, true);
    const Reply plan = r.wait(dry);
    INFO(plan.message << " " << plan.json);
    CHECK(plan.status == MESURA_REPLY_PLAN);
    CHECK(r.written(dry).empty());
    CHECK(only_asks(r));
    CHECK_THAT(plan.json, contains("\"planned\":"));
    const std::uint64_t real = r.ask(c.name, c.words);
    r.wait(real);
    CHECK(r.planned(dry) == r.written(real));
    r.replies.pop_back();
  });
}

TEST_CASE("commands, write: over HID in reports of eight, the plan whole, zeros in a CRC replaced alike") {
  for (const Change& c : changes()) {
    if (c.wire.size() < 6) continue;
    INFO(c.name << " on " << c.model << ": " << c.wire);
    Rig r = Rig::of(c.model, true, c.options);
    prepare(r, c);
    const std::uint64_t dry = r.ask(c.name, c.words, true);
    r.wait(dry);
    const std::uint64_t real = r.ask(c.name, c.words);
    const Reply reply = r.wait(real);
    CHECK(reply.status == (readable(c) ? MESURA_REPLY_DONE : MESURA_REPLY_UNVERIFIED));
    CHECK(r.planned(dry) == r.written(real));
    for (const std::string& report : r.reports) CHECK(report.size() <= 8);
    if (c.crc != "15 00") CHECK(r.written(real) == frame(c));
    if (c.crc == "15 00") CHECK(r.written(real) == c.wire + sheet::hex("15 01") + "\r");
  }
}

TEST_CASE("commands, write: what this inverter does not allow is not sent, and what it allows is said") {
  for (const Change& c : changes()) {
    INFO(c.name << " on " << c.model << ": " << c.wire);
    const bool other = c.bad.empty();
    Change bad = c;
    if (other) bad.options.clear(), bad.before.clear();
    Rig r = Rig::of(other ? "pi30revo" : c.model, false, bad.options);
    prepare(r, bad);
    const std::uint64_t id = r.ask(c.name, other ? c.words : c.bad);
    const Reply reply = r.wait(id);
    INFO(reply.message);
    CHECK(reply.status == MESURA_REPLY_INVALID);
    CHECK_THAT(reply.message, contains(other ? "pi30revo" : c.bad_says));
    CHECK(r.written(id).empty());
    CHECK(only_asks(r));
    r.wait(r.ask(c.name, other ? c.words : c.bad, true));
    CHECK(r.planned(id + 1).empty());
  }
}

TEST_CASE("commands, write: a refusal is told with what should be taken") {
  each([](Rig& r, const Change& c) {
    r.on_write = [&] { r.fault("nak_storm"); };
    const std::uint64_t id = r.ask(c.name, c.words);
    const Reply reply = r.wait(id);
    INFO(reply.message);
    CHECK(reply.status == MESURA_REPLY_REFUSED);
    CHECK(r.written(id) == frame(c));
    CHECK_THAT(reply.message, contains(c.wire));
    if (!c.bad.empty() && !c.words.empty()) CHECK_THAT(reply.message, contains("should take"));
  });
}

TEST_CASE("commands, write: a lost reply is asked for again where that does no harm") {
  each([](Rig& r, const Change& c) {
    r.on_write = [&] { r.fault("drop_reply"); };
    const std::uint64_t id = r.ask(c.name, c.words);
    const Reply reply = r.wait(id);
    INFO(reply.message << " " << reply.json);
    const std::string once = r.written(id);
    if (c.once) {
      CHECK(once == frame(c));
      CHECK(reply.status == (readable(c) ? MESURA_REPLY_DONE : MESURA_REPLY_TIMEOUT));
      CHECK_THAT(reply.message, contains(readable(c) ? "ACK was lost" : "may have taken effect"));
    } else {
      CHECK(once.size() > c.wire.size() * 2);
      CHECK(reply.status == (readable(c) ? MESURA_REPLY_DONE : MESURA_REPLY_UNVERIFIED));
    }
  });
}

TEST_CASE("commands, write: if every ACK is lost, reading back tells") {
  each([](Rig& r, const Change& c) {
    r.on_write = [&] { r.fault("drop_reply", c.once ? 1 : 3); };
    const Reply reply = r.command(c.name, c.words);
    INFO(reply.message << " " << reply.json);
    CHECK(reply.status == (readable(c) ? MESURA_REPLY_DONE : MESURA_REPLY_TIMEOUT));
    CHECK_THAT(reply.message, contains(readable(c) ? "ACK was lost" : "may have taken effect"));
    if (readable(c)) CHECK(after_of(reply).starts_with(c.after));
  });
}

TEST_CASE("commands, write: no ACK, nor can it be read back") {
  each([](Rig& r, const Change& c) {
    r.on_write = [&] { r.fault("drop_reply", 6); };
    const Reply reply = r.command(c.name, c.words);
    INFO(reply.message << " " << reply.json);
    CHECK(reply.status == MESURA_REPLY_TIMEOUT);
    CHECK_THAT(reply.message, contains("may have taken effect"));
  });
}

TEST_CASE("commands, write: a lost request changes nothing, and that is told") {
  each([](Rig& r, const Change& c) {
    if (!readable(c)) return static_cast<void>(r.command(c.name, c.words));
    r.on_write = [&] {
      r.fault("ignore_setter", 3);
      r.fault("drop_reply", c.once ? 1 : 3);
    };
    const Reply reply = r.command(c.name, c.words);
    INFO(reply.message << " " << reply.json);
    // A clock has run on, and an hour's energy may look like another's: these differ in other ways.
    CHECK((reply.status == MESURA_REPLY_TIMEOUT ||
           (reply.status == MESURA_REPLY_MISMATCH && (c.name == "set_time" || c.name == "erase_energy"))));
  });
}

TEST_CASE("commands, write: the inverter goes away half-way") {
  each([](Rig& r, const Change& c) {
    r.on_write = [&] { r.fault("disconnect"); };
    const Reply reply = r.command(c.name, c.words);
    CHECK(reply.status == MESURA_REPLY_UNREACHABLE);
    CHECK_THAT(reply.message, contains("may have taken effect"));
  });
  each([](Rig& r, const Change& c) {
    r.fault("disconnect");
    const Reply reply = r.command(c.name, c.words);
    CHECK(reply.status == MESURA_REPLY_UNREACHABLE);
    if (c.name != "raw" && r.written(1).empty()) CHECK_THAT(reply.message, contains("nothing was written"));
  });
}

TEST_CASE("commands, write: what was taken but reads back differently is a mismatch") {
  each([](Rig& r, const Change& c) {
    r.on_write = [&] { r.fault("ignore_setter"); };
    const Reply reply = r.command(c.name, c.words);
    INFO(reply.message << " " << reply.json);
    CHECK(reply.status == (readable(c) ? MESURA_REPLY_MISMATCH : MESURA_REPLY_UNVERIFIED));
    if (readable(c)) CHECK_THAT(reply.message, contains("read back"));
  });
}

TEST_CASE("commands, write: taken, but reading back fails") {
  each([](Rig& r, const Change& c) {
    r.on_read_back = [&] { r.fault("drop_reply", 3); };
    const Reply reply = r.command(c.name, c.words);
    CHECK(reply.status == MESURA_REPLY_UNVERIFIED);
  });
  each([](Rig& r, const Change& c) {
    r.on_read_back = [&] { r.fault("disconnect"); };
    const Reply reply = r.command(c.name, c.words);
    INFO(reply.message);
    CHECK(reply.status == (r.on_read_back ? MESURA_REPLY_UNVERIFIED : MESURA_REPLY_UNREACHABLE));
    CHECK((readable(c) || c.name == "calibrate_battery_voltage") == (reply.status == MESURA_REPLY_UNREACHABLE));
  });
  const Change c{"set_float_voltage", "pi30", {{"voltage", "53"}}, "PBFT53.0"};
  Rig r = Rig::of(c.model);
  prepare(r, c);
  r.on_write = [&] { r.set("reply:QPIRI", "1 2 3"); };
  const Reply reply = r.command(c.name, c.words);
  CHECK(reply.status == MESURA_REPLY_UNVERIFIED);
  CHECK_THAT(reply.json, contains("\"before\":54,\"after\":null"));
}

TEST_CASE("commands, write: what is in force already is not written again") {
  each([](Rig& r, const Change& c) {
    static_cast<void>(r.command(c.name, c.words));
    if (!readable(c) || c.name == "erase_energy" || c.name == "factory_defaults" || c.name == "set_time") return;
    r.replies.clear();
    const std::uint64_t id = r.ask(c.name, c.words);
    const Reply reply = r.wait(id);
    INFO(reply.message << " " << reply.json);
    CHECK(reply.status == MESURA_REPLY_DONE);
    CHECK_THAT(reply.message, contains("already in force"));
    CHECK(r.written(id).empty());
  });
}
