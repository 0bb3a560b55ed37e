// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Commands with arguments that the schema allows and no more sense than that, while the inverter does what it likes:
// nothing is thrown, each command is replied to once, and nothing but what send_for was given changes anything.
#include <random>
#include <set>

#include "command_rig.hpp"

using namespace rig;

namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t n) { return n == 0 ? 0 : engine_() % n; }
  bool once_in(std::size_t n) { return below(n) == 0; }

 private:
  std::mt19937 engine_;
};

std::string any_text(Dice& dice, std::size_t most) {
  static const std::vector<std::string> likely = {
      "now", "full", "54.0", "2024-03-15 12:34:56", "2024-05", "20240501", "QPIGS", "PF", "^SPF", "POP02", "0", "-"};
  if (!dice.once_in(3)) {
    const std::string& s = likely[dice.below(likely.size())];
    return s.substr(0, most);
  }
  std::string s;
  const std::size_t n = 1 + dice.below(most);
  for (std::size_t i = 0; i < n; ++i) s += static_cast<char>(' ' + dice.below(95));
  return s;
}

std::string any_number(Dice& dice, double low, double high, bool whole) {
  if (dice.once_in(6)) return whole ? std::to_string(static_cast<long long>(low)) : std::to_string(low);
  if (dice.once_in(6)) return whole ? std::to_string(static_cast<long long>(high)) : std::to_string(high);
  const double tenths = low * 10 + static_cast<double>(dice.below(static_cast<std::size_t>((high - low) * 10) + 1));
  if (whole) return std::to_string(static_cast<long long>(tenths / 10));
  return std::to_string(dice.once_in(4) ? tenths / 10 + 0.033 : tenths / 10);
}

Words any_words(Dice& dice, const mesura::config::CommandSpec& command) {
  using mesura::config::Type;
  Words words;
  for (const auto& a : command.arguments) {
    if (!a.required && dice.once_in(2)) continue;
    const auto& s = a.schema;
    const double low = s.min.value_or(0), high = s.max.value_or(100);
    switch (s.type) {
      case Type::enumeration: words.emplace_back(a.name, s.values[dice.below(s.values.size())]); break;
      case Type::integer: words.emplace_back(a.name, any_number(dice, low, high, true)); break;
      case Type::number: words.emplace_back(a.name, any_number(dice, low, high, false)); break;
      default: words.emplace_back(a.name, any_text(dice, static_cast<std::size_t>(high))); break;
    }
  }
  return words;
}

void any_fault(Dice& dice, Rig& r) {
  static const std::vector<std::string> kinds = {"drop_reply",    "truncate",      "corrupt",   "wrong_crc", "extra_lf",
                                                 "leading_zeros", "stale_first",   "nak_storm", "slow",      "dash",
                                                 "odd_flags",     "ignore_setter", "busy"};
  r.fault(kinds[dice.below(kinds.size())], static_cast<int>(1 + dice.below(4)));
}

void any_state(Dice& dice, Rig& r) {
  static const Words states = {{"mode", "S"},          {"mode", "auto"},        {"battery_type", "0"},
                               {"battery_type", "2"},  {"battery_type", "9"},   {"switch", "off"},
                               {"switch", "on"},       {"float_voltage", "53"}, {"reply:QPIRI", "1 2 3"},
                               {"reply:QMCHGCR", "x"}, {"reply:QFLAG", "E"},    {"reply:QT", "20990230250000"},
                               {"reply:QBEQI", "1"},   {"reply:PIRI", "0"}};
  const auto& [name, value] = states[dice.below(states.size())];
  r.set(name, value);
}

}  // namespace

TEST_CASE("commands, at random: nothing thrown, one reply each") {
  unsigned seed = 1;
  int replies = 0;
  std::set<std::uint32_t> statuses;
  for (const char* model : {"pi30", "pi30-duo", "pi30-mk", "pi30max", "pi41", "pi30revo", "pi18"}) {
    for (const bool hid : {false, true}) {
      Dice dice(++seed);
      Rig r = Rig::of(model, hid, {{"units", std::to_string(1 + dice.below(3))}});
      r.run(2s, 20ms);
      for (int i = 0; i < 150; ++i) {
        const auto& command = schema().commands[dice.below(schema().commands.size())];
        if (dice.once_in(3)) any_fault(dice, r);
        if (dice.once_in(4)) any_state(dice, r);
        if (dice.once_in(3)) r.on_write = [&] { any_fault(dice, r); };
        const bool dry = dice.once_in(4);
        const Words words = any_words(dice, command);
        INFO(model << " " << command.name << " seed " << seed << " number " << i);
        const std::size_t before = r.replies.size();
        const std::uint64_t id = r.ask(command.name, words, dry);
        if (dice.once_in(20)) {
          r.run(std::chrono::milliseconds(dice.below(300)));
          r.cancel(id);
          r.run(1s, 20ms);
          CHECK(r.replies.size() <= before + 1);
          continue;
        }
        const Reply reply = r.wait(id, 600s);
        r.run(20ms);
        CHECK(r.replies.size() == before + 1);
        CHECK(reply.status <= MESURA_REPLY_UNVERIFIED);
        if (dry) CHECK(r.written(id).empty());
        if (command.danger == mesura::config::Danger::read) CHECK(r.written(id).empty());
        if (reply.status == MESURA_REPLY_INVALID) CHECK(r.written(id).empty());
        if (reply.status == MESURA_REPLY_INVALID) CHECK_FALSE(reply.message.empty());
        statuses.insert(reply.status);
        ++replies;
        if (reply.status == MESURA_REPLY_UNREACHABLE) break;
      }
      CHECK(r.reader().events(Kind::failed).empty());
    }
  }
  CHECK(replies > 1000);
  CHECK(statuses.size() >= 7);
}
