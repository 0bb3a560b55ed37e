// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Calibration: registers are moved until a reading fits, within bounds in which the firmware starts. What was there is
// read first, told in the result, and put back if it comes to nothing. factory.cfg is only written at the end: until
// then a restart brings the old values back, too.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "answer_parser.hpp"
#include "command_list.hpp"
#include "json_text.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

using namespace std::chrono_literals;

constexpr double kLeastGain = 1, kMostGain = 65535;
constexpr double kVoltageError = 0.3, kCurrentError = 0.02;
constexpr double kLeastVolts = 100;  // at a gain of 50000: below, nothing is plugged in
constexpr double kUsualVoltageGain = 50000;
constexpr double kLeastAmperes = 1, kMostAmperes = 65.535;  // the register has 16 bits of mA
constexpr double kLoadIsOff = 2;
constexpr int kMostSteps = 20;
constexpr int kOffsetStep = 1000, kOffsetSteps = 20, kRegisters = 65536;
constexpr std::chrono::nanoseconds kSettle = 600ms;  // three samples of the unit
constexpr std::string_view kInit = "/init_atm90e32_devs";
constexpr std::string_view kFactoryFile = "/factory.cfg";
constexpr std::string_view kNeverCalibrated = "ASY0197";

[[noreturn]] void refuse(std::string message) { throw CommandEnd{MESURA_REPLY_INVALID, std::move(message)}; }

/// What is calibrated by which register.
struct Target {
  std::int64_t port = 0;
  const Setting* setting = nullptr;
  PortNumber quantity = PortNumber::irms;
  std::string_view unit;
  double truth = 0;
  double error = 0;
};

/// Chip CS4 serves the first three ports, CS0 the next, and so on with stacked boards.
std::string voltage_key(std::int64_t port) { return (port - 1) / 3 % 2 == 0 ? "CS4_VOLTAGE_GAIN" : "CS0_VOLTAGE_GAIN"; }

const Setting* setting_of(std::string_view key) { return find_setting(key); }

/// A reading of one port, from /get_stats.
Task<double> read_port(CommandRun& run, std::int64_t port, PortNumber quantity) {
  const Reply reply = co_await run.must_get("/get_stats");
  AnswerParser::Settings settings;
  settings.repair = true;
  AnswerParser parser{settings};
  Answer answer;
  Problems problems;
  const Bytes bytes{reinterpret_cast<const std::uint8_t*>(reply.body.data()), reply.body.size()};
  if (parser.parse(bytes, answer, problems) == Outcome::answer)
    for (std::size_t i = 0; i < answer.port_count; ++i)
      if (answer.ports[i].number == port && answer.ports[i].has(quantity)) {
        const double value = answer.ports[i][quantity];
        co_return value;
      }
  throw CommandEnd{MESURA_REPLY_REFUSED, fmt::format("/get_stats: it has no reading of port {}", port)};
}

Wishes one_wish(const Setting* setting, double value) {
  Wishes wishes;
  wishes.emplace_back(setting, json_number(value));
  return wishes;
}

/// Stores a register's value, looks whether it is there, and makes it act.
Task<void> set_register(CommandRun& run, const Setting* setting, double value) {
  const Wishes wishes = one_wish(setting, value);
  const bool answered = co_await send_settings(run, wishes);
  if (!run.dry_run()) {
    const Configuration now = co_await read_configuration(run);
    if (!not_held(now, wishes).empty())
      throw CommandEnd{answered ? MESURA_REPLY_MISMATCH : MESURA_REPLY_TIMEOUT,
                       fmt::format("{} was set to {}{}, but the unit does not hold it", setting->word,
                                   json_number(value), answered ? "" : " without an answer")};
  }
  co_await run.must_change(std::string{kInit});
}

/// What the unit held before anything was touched.
struct Kept {
  Configuration machine;
  std::optional<Configuration> factory;
  Wishes registers;  ///< the keys of factory.cfg as they were in the machine's configuration
};

Task<Kept> keep(CommandRun& run) {
  Configuration machine = co_await read_configuration(run);
  std::optional<Configuration> factory = co_await read_factory(run);
  Kept kept{std::move(machine), std::move(factory), {}};
  for (const std::string& key : factory_keys(kept.machine.ports())) {
    const StoredValue* const value = kept.machine.find(key);
    const Setting* const setting = setting_of(key);
    if (value != nullptr && setting != nullptr) kept.registers.emplace_back(setting, value->text);
  }
  co_return kept;
}

std::string factory_json(const Kept& kept) { return kept.factory ? describe_factory(*kept.factory) : "null"; }

/// Puts one register back. What the unit would not start with is not put back.
Task<std::string> put_back(CommandRun& run, const Setting* setting, std::string before) {
  run.hold_on();
  const bool safe = check_value(*setting, before).problem.empty();
  if (!safe) co_return fmt::format("; {} is left, as it could not start with {}", setting->word, before);
  constexpr int kAttempts = 3;
  Wishes wishes;
  wishes.emplace_back(setting, before);
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    bool again = false;
    try {
      co_await send_settings(run, wishes);
      const Configuration now = co_await read_configuration(run);
      again = !not_held(now, wishes).empty();
      if (!again) co_await run.must_change(std::string{kInit});
    } catch (const CommandEnd&) {
      again = true;
    }
    if (!again) co_return fmt::format("; {} is {} again", setting->word, before);
    if (attempt < kAttempts) co_await run.wait(2s);
  }
  co_return fmt::format(
      "; {} could NOT be put back to {}: do so with `restore_calibration`, or restart the unit, which "
      "takes factory.cfg's",
      setting->word, before);
}

std::string outcome_json(const Kept& kept, const Configuration* after, const Target& target, double reading,
                         int steps) {
  JsonText json = JsonText::object();
  json.text("setting", target.setting->word);
  json.raw("before", describe_factory(kept.machine));
  json.raw("after", after != nullptr ? describe_factory(*after) : "null");
  json.raw("factory_before", factory_json(kept));
  json.quantity("reading", reading, target.unit);
  json.number("steps", steps);
  return json.str();
}

/// One sequence of readings and new register values.
struct Search {
  double reading = std::nan("");
  int steps = 0;
};

void tell_step(CommandRun& run, const Target& t, const Search& search, double value, int most) {
  run.progress(static_cast<std::uint64_t>(search.steps), static_cast<std::uint64_t>(most),
               fmt::format("step {}: {} = {}, reads {:.3f} {}", search.steps, t.setting->word, json_number(value),
                           search.reading, t.unit));
}

/// A gain is right when the reading is true twice in a row.
Task<void> find_gain(CommandRun& run, Target t, double gain, Search* search) {
  for (;;) {
    search->reading = co_await read_port(run, t.port, t.quantity);
    tell_step(run, t, *search, gain, kMostSteps);
    if (std::abs(search->reading - t.truth) < t.error) {
      co_await run.wait(kSettle);
      search->reading = co_await read_port(run, t.port, t.quantity);
      if (std::abs(search->reading - t.truth) < t.error) co_return;
    }
    if (search->steps >= kMostSteps)
      throw CommandEnd{MESURA_REPLY_REFUSED,
                       fmt::format("no gain found in {} steps: it still reads {:.3f} {}; is the load steady?",
                                   kMostSteps, search->reading, t.unit)};
    if (!(search->reading > 0))
      throw CommandEnd{MESURA_REPLY_REFUSED, fmt::format("port {} reads {:.3f} {}: nothing to calibrate by", t.port,
                                                         search->reading, t.unit)};
    const double next = std::floor(gain * t.truth / search->reading);
    if (next < kLeastGain || next > kMostGain)
      throw CommandEnd{
          MESURA_REPLY_INVALID,
          fmt::format("it reads {:.3f} {}: to make that {} the gain would have to be {}, but it can be {} to "
                      "{}; is the true value right?",
                      search->reading, t.unit, json_number(t.truth), json_number(next), json_number(kLeastGain),
                      json_number(kMostGain))};
    // Truncation must not keep it where it is.
    gain = next == gain ? std::clamp(gain + (search->reading < t.truth ? 1 : -1), kLeastGain, kMostGain) : next;
    ++search->steps;
    co_await set_register(run, t.setting, gain);
    co_await run.wait(kSettle);
  }
}

/// An offset is right when a port without load reads exactly 0.
Task<void> find_offset(CommandRun& run, Target t, Search* search) {
  int offset = 0;
  for (;;) {
    ++search->steps;
    co_await set_register(run, t.setting, (offset + kRegisters) % kRegisters);
    co_await run.wait(kSettle);
    search->reading = co_await read_port(run, t.port, t.quantity);
    tell_step(run, t, *search, (offset + kRegisters) % kRegisters, kOffsetSteps);
    if (search->reading == 0) co_return;
    if (std::abs(search->reading) >= kLoadIsOff)
      throw CommandEnd{MESURA_REPLY_REFUSED,
                       fmt::format("port {} reads {:.3f} A: switch its load off first", t.port, search->reading)};
    if (search->steps >= kOffsetSteps)
      throw CommandEnd{MESURA_REPLY_REFUSED, fmt::format("no offset found in {} steps: it still reads {:.3f} A",
                                                         kOffsetSteps, search->reading)};
    offset += search->reading < 0 ? kOffsetStep : -kOffsetStep;
  }
}

/// The new values into factory.cfg, and a look whether they are there.
Task<void> save_factory(CommandRun& run, const Setting* setting, std::string value) {
  co_await run.must_change("/save_factory_cfg");
  const std::optional<Configuration> saved = co_await read_factory(run);
  Wishes wishes;
  wishes.emplace_back(setting, value);
  if (!saved || !not_held(*saved, wishes).empty())
    throw CommandEnd{MESURA_REPLY_MISMATCH, fmt::format("factory.cfg does not hold {} = {}", setting->word, value)};
}

using Finder = std::function<Task<void>(Search*)>;

/// The whole of a calibration around `find`.
Task<CommandResult> calibrate(CommandRun& run, Kept kept, Target t, Finder find) {
  const StoredValue* const stored = kept.machine.find(t.setting->key);
  const std::string before = stored != nullptr ? stored->text : std::string{};
  Search search;
  std::optional<CommandEnd> failed;
  std::optional<Configuration> after;
  try {
    co_await find(&search);
    after = co_await read_configuration(run);
    const StoredValue* const now = after->find(t.setting->key);
    const bool changed = now == nullptr || now->text != before;
    const bool save = !run.arguments().has("save") || run.arguments().flag("save");
    const std::string value = now != nullptr ? now->text : std::string{};
    if (save && (changed || !kept.factory)) co_await save_factory(run, t.setting, value);
  } catch (const CommandEnd& end) {
    failed = end;
  }
  if (!failed) {
    CommandResult done{MESURA_REPLY_DONE, search.steps == 0 ? "already in force" : "",
                       outcome_json(kept, &*after, t, search.reading, search.steps)};
    co_return done;
  }
  std::string tail;
  // What was refused before the first step has changed nothing.
  if (search.steps > 0) {
    tail = co_await put_back(run, t.setting, before);
    if (failed->status == MESURA_REPLY_INVALID) failed->status = MESURA_REPLY_REFUSED;
  }
  throw CommandEnd{failed->status, failed->message + tail,
                   outcome_json(kept, search.steps > 0 ? nullptr : &kept.machine, t, search.reading, search.steps)};
}

CommandResult plan_result(const Kept& kept, const Target& t, double reading) {
  return {MESURA_REPLY_PLAN, "the first step; those behind it depend on what the unit then reads",
          outcome_json(kept, nullptr, t, reading, 0)};
}

Task<CommandResult> calibrate_gain(CommandRun& run, Kept kept, Target t, double usual) {
  const StoredValue* const stored = kept.machine.find(t.setting->key);
  const bool fit =
      stored != nullptr && stored->is_number && stored->number >= kLeastGain && stored->number <= kMostGain;
  const double start = fit ? std::floor(stored->number) : usual;
  if (run.dry_run()) {
    const double reading = co_await read_port(run, t.port, t.quantity);
    const double next = reading > 0 ? std::floor(start * t.truth / reading) : start;
    if (next >= kLeastGain && next <= kMostGain && std::abs(reading - t.truth) >= t.error)
      co_await set_register(run, t.setting, next);
    co_return plan_result(kept, t, reading);
  }
  if (!fit) co_await set_register(run, t.setting, start);
  CommandResult result = co_await calibrate(
      run, std::move(kept), t, [&run, t, start](Search* search) { return find_gain(run, t, start, search); });
  co_return result;
}

std::int64_t known_port(const Configuration& machine, std::int64_t port) {
  if (port < 1 || port > machine.ports()) refuse(fmt::format("port: expected 1 to {}, got {}", machine.ports(), port));
  return port;
}

}  // namespace

Task<std::optional<Configuration>> read_factory(CommandRun& run) {
  const std::string path{kFactoryFile};
  const Reply reply = co_await run.get("/get_file?file=" + path);
  std::optional<Configuration> factory;
  if (reply.kind == Reply::Kind::error) co_return factory;
  if (!reply.ok()) throw run.end_of(reply, "/get_file");
  if (const auto text = file_in_reply(reply.body, path)) factory = Configuration::read(*text);
  co_return factory;
}

Task<CommandResult> show_calibration(CommandRun& run) {
  const Kept kept = co_await keep(run);
  JsonText differences = JsonText::array();
  for (const auto& [setting, value] : kept.registers) {
    const StoredValue* const saved = kept.factory ? kept.factory->find(setting->key) : nullptr;
    if (saved != nullptr && !holds(*saved, *setting, value)) differences.item(setting->key);
  }
  CommandResult result{
      MESURA_REPLY_DONE,
      kept.factory ? "" : "the unit has no factory.cfg: it was never calibrated, or its calibration is lost",
      JsonText::object()
          .raw("configuration", describe_factory(kept.machine))
          .raw("factory", factory_json(kept))
          .raw("differences", differences.str())
          .str()};
  co_return result;
}

Task<CommandResult> init_chips(CommandRun& run) {
  const Configuration now = co_await read_configuration(run);
  const Reply reply = co_await run.must_change(std::string{kInit});
  CommandResult result{reply.kind == Reply::Kind::planned ? MESURA_REPLY_PLAN : MESURA_REPLY_DONE,
                       {},
                       JsonText::object().null("before").raw("after", describe_factory(now)).str()};
  co_return result;
}

Task<CommandResult> save_factory_config(CommandRun& run) {
  const Kept kept = co_await keep(run);
  JsonText json = JsonText::object();
  json.raw("before", factory_json(kept));
  // What would keep the unit from starting is not made permanent.
  for (const auto& [setting, value] : kept.registers) {
    const Checked checked = check_value(*setting, value);
    if (!checked.problem.empty() && setting->kind != Setting::Kind::identity)
      refuse(fmt::format("{}: {}: the unit would not start with that", setting->word, checked.problem));
  }
  const Reply reply = co_await run.change("/save_factory_cfg");
  if (reply.kind == Reply::Kind::planned) {
    CommandResult plan{MESURA_REPLY_PLAN, {}, json.raw("after", describe_factory(kept.machine)).str()};
    co_return plan;
  }
  const bool lost = reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed;
  if (!reply.ok() && !lost) throw run.end_of(reply, "/save_factory_cfg");
  std::optional<Configuration> saved;
  bool unread = false;
  try {
    saved = co_await read_factory(run);
  } catch (const CommandEnd&) {
    unread = true;
  }
  if (unread && lost) throw run.end_of(reply, "/save_factory_cfg");
  CommandResult result{MESURA_REPLY_DONE, lost ? "no answer, but it is done" : "",
                       json.raw("after", saved ? describe_factory(*saved) : "null").str()};
  if (unread) {
    result.status = MESURA_REPLY_UNVERIFIED;
    result.message = "taken, but factory.cfg could not be read back";
  } else if (!saved || !not_held(*saved, kept.registers).empty()) {
    if (lost) throw run.end_of(reply, "/save_factory_cfg");
    result.status = MESURA_REPLY_MISMATCH;
    result.message = "the unit said yes, but factory.cfg does not hold the configuration's values";
  }
  co_return result;
}

namespace {

/// The wishes in a calibration file; refuses one that is not whole or not safe.
Wishes wishes_of_file(const CommandArguments& given, const Configuration& machine) {
  const auto file = Configuration::read(given.text("content"));
  if (!file) refuse("content: expected the JSON object of a factory.cfg, got something else");
  Wishes wishes;
  for (const std::string& key : factory_keys(machine.ports())) {
    const Setting& setting = *setting_of(key);
    const StoredValue* const value = file->find(key);
    if (value == nullptr)
      refuse(fmt::format("content: {} is missing; a factory.cfg has all of {}", key,
                         factory_keys(machine.ports()).size()));
    const bool nameless = key == "ASSY" && value->text.starts_with(kNeverCalibrated);
    if (key == "ASSY" && given.has("assy")) {
      const Checked own = check_value(setting, given.text("assy"));
      if (!own.problem.empty()) refuse("assy: " + own.problem);
      wishes.emplace_back(&setting, own.wire);
      continue;
    }
    // A file that was saved before the unit had an identity leaves it the one that it has.
    if (nameless) continue;
    const Checked checked = check_value(setting, value->text);
    if (!checked.problem.empty()) refuse(fmt::format("content: {}: {}", key, checked.problem));
    wishes.emplace_back(&setting, checked.wire);
  }
  for (const auto& [key, value] : file->values()) {
    const auto keys = factory_keys(machine.ports());
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      refuse(fmt::format("content: {} does not belong into a factory.cfg", excerpt(key, 40)));
  }
  return wishes;
}

}  // namespace

Task<CommandResult> restore_calibration(CommandRun& run) {
  const Kept kept = co_await keep(run);
  const Wishes wishes = wishes_of_file(run.arguments(), kept.machine);
  const Wishes open = not_held(kept.machine, wishes);
  const bool saved_already = kept.factory && not_held(*kept.factory, wishes).empty();
  const auto json = [&](const Configuration* after) {
    return JsonText::object()
        .raw("before", describe_factory(kept.machine))
        .raw("after", after != nullptr ? describe_factory(*after) : "null")
        .raw("factory_before", factory_json(kept))
        .str();
  };
  if (open.empty() && saved_already) {
    CommandResult same{MESURA_REPLY_DONE, "already in force", json(&kept.machine)};
    co_return same;
  }
  if (!open.empty()) co_await send_settings(run, open);
  if (!run.dry_run()) {
    const Configuration now = co_await read_configuration(run);
    if (!not_held(now, wishes).empty())
      throw CommandEnd{MESURA_REPLY_MISMATCH, "sent, but the unit does not hold it; factory.cfg is what it was",
                       json(&now)};
  }
  co_await run.must_change(std::string{kInit});
  co_await run.must_change("/save_factory_cfg");
  if (run.dry_run()) {
    CommandResult plan{MESURA_REPLY_PLAN, {}, json(nullptr)};
    co_return plan;
  }
  const Configuration after = co_await read_configuration(run);
  const std::optional<Configuration> saved = co_await read_factory(run);
  CommandResult result{MESURA_REPLY_DONE, {}, json(&after)};
  if (!saved || !not_held(*saved, wishes).empty()) {
    result.status = MESURA_REPLY_MISMATCH;
    result.message = "factory.cfg does not hold what was restored";
  }
  co_return result;
}

Task<CommandResult> calibrate_voltage(CommandRun& run) {
  Kept kept = co_await keep(run);
  Target t;
  t.port = known_port(kept.machine, run.arguments().integer("port"));
  t.setting = setting_of(voltage_key(t.port));
  t.quantity = PortNumber::vrms;
  t.unit = "V";
  t.truth = run.arguments().number("volts");
  t.error = kVoltageError;
  const double reading = co_await read_port(run, t.port, t.quantity);
  const StoredValue* const stored = kept.machine.find(t.setting->key);
  const double gain = stored != nullptr && stored->number >= kLeastGain ? stored->number : kUsualVoltageGain;
  if (reading * kUsualVoltageGain / gain < kLeastVolts)
    refuse(fmt::format("port {} reads {:.2f} V: is the unit supplied by its AC adapter?", t.port, reading));
  CommandResult result = co_await calibrate_gain(run, std::move(kept), t, kUsualVoltageGain);
  co_return result;
}

Task<CommandResult> calibrate_current(CommandRun& run) {
  constexpr double kUsualCurrentGain = 8000;
  Kept kept = co_await keep(run);
  Target t;
  t.port = known_port(kept.machine, run.arguments().integer("port"));
  t.setting = setting_of(port_setting(t.port, "IGAIN"));
  t.unit = "A";
  t.truth = run.arguments().number("amperes");
  t.error = kCurrentError;
  if (t.truth < kLeastAmperes || t.truth > kMostAmperes)
    refuse(fmt::format("amperes: expected {} to {}, as the unit reads no more, got {}", kLeastAmperes, kMostAmperes,
                       t.truth));
  CommandResult result = co_await calibrate_gain(run, std::move(kept), t, kUsualCurrentGain);
  co_return result;
}

Task<CommandResult> calibrate_offset(CommandRun& run) {
  Kept kept = co_await keep(run);
  Target t;
  t.port = known_port(kept.machine, run.arguments().integer("port"));
  t.setting = setting_of(port_setting(t.port, "IOFFSET"));
  t.unit = "A";
  const double reading = co_await read_port(run, t.port, t.quantity);
  if (std::abs(reading) >= kLoadIsOff)
    refuse(fmt::format("port {} reads {:.3f} A: switch its load off first", t.port, reading));
  if (run.dry_run()) {
    co_await set_register(run, t.setting, 0);
    co_return plan_result(kept, t, reading);
  }
  CommandResult result =
      co_await calibrate(run, std::move(kept), t, [&run, t](Search* search) { return find_offset(run, t, search); });
  co_return result;
}

}  // namespace mesura::ct6
