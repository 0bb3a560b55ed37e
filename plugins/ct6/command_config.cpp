// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Showing and changing the configuration. A key costs the unit two writes to its flash, so only what differs is sent.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "command_list.hpp"
#include "json_text.hpp"

namespace mesura::ct6 {
namespace {

constexpr std::size_t kKeysAtOnce = 14;  // as many as the vendor's tool sends
constexpr std::string_view kMask = "***";

[[noreturn]] void refuse(std::string message) { throw CommandEnd{MESURA_REPLY_INVALID, std::move(message)}; }

bool is_calibration(const Setting& s) {
  return s.key.ends_with("GAIN") || s.key.ends_with("OFFSET") || s.key == "LINE_FREQ_HZ";
}

/// A wish that the unit's configuration has a place for; checks the value.
std::string wire_for(const Setting& setting, const Configuration& now, std::string_view value) {
  if (!now.has(setting.key)) {
    const bool port = setting.word.starts_with("ct");
    refuse(port ? fmt::format("{}: the unit has the ports 1 to {}", setting.word, now.ports())
                : fmt::format("{}: the unit's firmware does not have it{}", setting.word,
                              setting.key == "PF_WATTS_THRESHOLD" ? "; 2.68 and later do" : ""));
  }
  Checked checked = check_value(setting, value);
  if (!checked.problem.empty()) refuse(fmt::format("{}: {}", setting.word, checked.problem));
  return std::move(checked.wire);
}

const Setting& known_setting(std::string_view word) {
  const Setting* const setting = find_setting(word);
  if (setting == nullptr)
    refuse(fmt::format("'{}' is no setting of a CT6{}; `config` shows all", word, nearest_setting(word)));
  return *setting;
}

/// `settings` of set and apply: what is to be what. What the unit has already is left out.
Wishes wishes_of(const CommandArguments::Entries& entries, const Configuration& now) {
  Wishes wishes;
  for (const auto& [word, value] : entries) {
    const Setting& setting = known_setting(word);
    const StoredValue* const stored = now.find(setting.key);
    // What `config` printed can be given back: what it masked and what never changes stays as it is.
    if (setting.kind == Setting::Kind::secret && value == kMask) continue;
    if (setting.kind == Setting::Kind::fixed) {
      const bool same = stored != nullptr && (stored->text == value || setting.key == "WIFI");
      const bool structured = setting.key == "WIFI" && value.find(kMask) == std::string::npos;
      if (same && !structured) continue;
      refuse(fmt::format("{}: {}", setting.word, setting.reason));
    }
    std::string wire = wire_for(setting, now, value);
    if (std::any_of(wishes.begin(), wishes.end(), [&](const auto& w) { return w.first == &setting; }))
      refuse(fmt::format("{}: it is there twice", setting.word));
    if (stored != nullptr && holds(*stored, setting, wire)) continue;
    if (!setting.reason.empty()) refuse(fmt::format("{}: {}", setting.word, setting.reason));
    wishes.emplace_back(&setting, std::move(wire));
  }
  return wishes;
}

std::string values_of(const Wishes& wishes, const Configuration* now) {
  JsonText out = JsonText::object();
  for (const auto& [setting, wire] : wishes)
    out.raw(setting->word, now != nullptr ? shown(*setting, now->find(setting->key)) : shown_wire(*setting, wire));
  return out.str();
}

/// Before and after of one setting plainly, of several by their words.
std::string changes_of(const Wishes& wishes, const Configuration& before, const Configuration* after, bool single) {
  JsonText out = JsonText::object();
  if (single && wishes.size() == 1) {
    const Setting& s = *wishes[0].first;
    out.text("setting", s.word);
    out.raw("before", shown(s, before.find(s.key)));
    out.raw("after", after != nullptr ? shown(s, after->find(s.key)) : shown_wire(s, wishes[0].second));
    if (s.kind == Setting::Kind::period) out.text("unit", "ms");
    if (s.key == "PF_WATTS_THRESHOLD") out.text("unit", "W");
    if (s.key == "LINE_FREQ_HZ") out.text("unit", "Hz");
    return out.str();
  }
  out.raw("before", values_of(wishes, &before));
  out.raw("after", values_of(wishes, after));
  return out.str();
}

std::string note_of(const Wishes& wishes) {
  for (const auto& wish : wishes)
    if (is_calibration(*wish.first))
      return "calibration acts after `init_chips`; the next boot takes factory.cfg's again unless "
             "`save_factory_config` was done";
  return {};
}

std::string words_of(const Wishes& wishes) {
  std::string out;
  for (const auto& wish : wishes) out += (out.empty() ? "" : ", ") + wish.first->word;
  return out;
}

/// Sends what differs, reads back, compares.
Task<CommandResult> bring_about(CommandRun& run, Configuration before, Wishes wishes, bool single) {
  const Wishes open = not_held(before, wishes);
  if (open.empty()) {
    CommandResult same{MESURA_REPLY_DONE, "already in force", changes_of(wishes, before, &before, single)};
    co_return same;
  }
  const bool answered = co_await send_settings(run, open);
  if (run.dry_run()) {
    CommandResult plan{MESURA_REPLY_PLAN, note_of(open), changes_of(open, before, nullptr, single)};
    co_return plan;
  }
  Reply reply = co_await run.get("/get_config");
  const auto after = reply.ok() ? Configuration::read(reply.body) : std::nullopt;
  if (!after) {
    const CommandEnd end = run.end_of(reply, "/get_config");
    const std::string json = changes_of(open, before, nullptr, single);
    if (!answered)
      throw CommandEnd{end.status == MESURA_REPLY_UNREACHABLE ? end.status : MESURA_REPLY_TIMEOUT,
                       "/set_config: no answer, nor to the look whether it is done: " + end.message};
    CommandResult unread{MESURA_REPLY_UNVERIFIED, "taken, but not read back: " + end.message, json};
    co_return unread;
  }
  const Wishes failed = not_held(*after, open);
  CommandResult result{MESURA_REPLY_DONE, note_of(open), changes_of(open, before, &*after, single)};
  if (!failed.empty()) {
    result.status = MESURA_REPLY_MISMATCH;
    result.message = fmt::format("sent, but the unit does not hold it: {}", words_of(failed));
  } else if (!answered) {
    result.message = "no answer to the change, but the unit holds it";
  }
  co_return result;
}

Task<CommandResult> set_one(CommandRun& run, std::string key, std::string value) {
  Configuration before = co_await read_configuration(run);
  const Setting& setting = known_setting(key);
  Wishes wishes;
  wishes.emplace_back(&setting, wire_for(setting, before, value));
  CommandResult result = co_await bring_about(run, std::move(before), std::move(wishes), true);
  co_return result;
}

std::string integer_text(std::int64_t value) { return fmt::format("{}", value); }

}  // namespace

// ---------------------------------------------------------------- shared

Task<Configuration> read_configuration(CommandRun& run) {
  Reply reply = co_await run.must_get("/get_config");
  auto read = Configuration::read(reply.body);
  if (!read || !read->has("ACTIVE"))
    throw CommandEnd{MESURA_REPLY_REFUSED, "/get_config: expected the unit's configuration, got something else"};
  co_return std::move(*read);
}

std::vector<std::string> set_requests(const Wishes& wishes) {
  std::vector<std::string> requests;
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    if (i % kKeysAtOnce == 0) requests.emplace_back("/set_config?");
    if (i % kKeysAtOnce != 0) requests.back() += ',';
    requests.back() += wishes[i].first->key + '=' + wishes[i].second;
  }
  return requests;
}

Task<bool> send_settings(CommandRun& run, Wishes wishes) {
  bool answered = true;
  const std::vector<std::string> requests = set_requests(wishes);
  for (const std::string& request : requests) {
    Reply reply = co_await run.change(request);
    if (reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed) {
      answered = false;
    } else if (!reply.ok()) {
      throw run.end_of(reply, request);
    }
  }
  co_return answered;
}

Wishes not_held(const Configuration& now, const Wishes& wishes) {
  Wishes open;
  for (const auto& wish : wishes) {
    const StoredValue* const stored = now.find(wish.first->key);
    if (stored == nullptr || !holds(*stored, *wish.first, wish.second)) open.push_back(wish);
  }
  return open;
}

// ---------------------------------------------------------------- commands

Task<CommandResult> show_config(CommandRun& run) {
  const Configuration now = co_await read_configuration(run);
  CommandResult result{MESURA_REPLY_DONE, {}, describe(now)};
  co_return result;
}

Task<CommandResult> set_settings(CommandRun& run) {
  // What is wrong in any case needs no unit.
  for (const auto& [word, value] : run.arguments().entries("settings")) {
    const Setting& setting = known_setting(word);
    if (setting.kind == Setting::Kind::fixed) refuse(fmt::format("{}: {}", setting.word, setting.reason));
    if (setting.kind == Setting::Kind::secret) refuse(fmt::format("{}: {}", setting.word, setting.reason));
    const Checked checked = check_value(setting, value);
    if (!checked.problem.empty()) refuse(fmt::format("{}: {}", setting.word, checked.problem));
  }
  if (run.arguments().entries("settings").empty()) refuse("settings: expected KEY=VALUE, got nothing");
  CommandResult result = co_await apply_settings(run);
  co_return result;
}

Task<CommandResult> apply_settings(CommandRun& run) {
  Configuration before = co_await read_configuration(run);
  Wishes wishes = wishes_of(run.arguments().entries("settings"), before);
  CommandResult result = co_await bring_about(run, std::move(before), std::move(wishes), false);
  co_return result;
}

Task<CommandResult> set_unit_name(CommandRun& run) {
  return set_one(run, "YDEV_UNIT_NAME", run.arguments().text("name"));
}

Task<CommandResult> set_group_name(CommandRun& run) {
  return set_one(run, "YDEV_GROUP_NAME", run.arguments().text("name"));
}

Task<CommandResult> set_port_name(CommandRun& run) {
  return set_one(run, port_setting(run.arguments().integer("port"), "NAME"), run.arguments().text("name"));
}

Task<CommandResult> activate(CommandRun& run) { return set_one(run, "ACTIVE", "1"); }
Task<CommandResult> deactivate(CommandRun& run) { return set_one(run, "ACTIVE", "0"); }

Task<CommandResult> set_power_factor_threshold(CommandRun& run) {
  return set_one(run, "PF_WATTS_THRESHOLD", json_number(run.arguments().number("watts")));
}

Task<CommandResult> set_line_frequency(CommandRun& run) {
  return set_one(run, "LINE_FREQ_HZ", run.arguments().text("hertz"));
}

Task<CommandResult> set_mqtt(CommandRun& run) {
  const CommandArguments& given = run.arguments();
  if (given.text("host").empty())
    refuse("host: expected the broker's name or address, got nothing; `clear_mqtt` ends it");
  if (given.text("topic").empty()) refuse("topic: expected a topic, got nothing");
  Configuration before = co_await read_configuration(run);
  Wishes wishes;
  const auto wish = [&](std::string_view key, const std::string& value) {
    const Setting& setting = known_setting(key);
    wishes.emplace_back(&setting, wire_for(setting, before, value));
  };
  wish("MQTT_SERVER_ADDRESS", given.text("host"));
  wish("MQTT_TOPIC", given.text("topic"));
  wish("MQTT_SERVER_PORT", integer_text(given.integer("port", 1883)));
  if (given.has("username")) wish("MQTT_USERNAME", given.text("username"));
  if (given.has("password")) wish("MQTT_PASSWORD", given.text("password"));
  if (given.has("period")) wish("MQTT_TX_PERIOD_MS", integer_text(given.integer("period") / 1'000'000));
  const auto held = [&](std::string_view key) {
    for (const auto& [setting, wire] : wishes)
      if (setting->key == key) return !wire.empty();
    const StoredValue* const stored = before.find(key);
    return stored != nullptr && !stored->text.empty();
  };
  const bool half = held("MQTT_USERNAME") != held("MQTT_PASSWORD");
  CommandResult result = co_await bring_about(run, std::move(before), std::move(wishes), false);
  const bool good = result.status == MESURA_REPLY_DONE || result.status == MESURA_REPLY_PLAN;
  if (half && good && result.message.empty())
    result.message = "the unit sends user name and password only if it has both";
  co_return result;
}

Task<CommandResult> clear_mqtt(CommandRun& run) {
  Configuration before = co_await read_configuration(run);
  Wishes wishes;
  for (const char* key : {"MQTT_SERVER_ADDRESS", "MQTT_TOPIC", "MQTT_USERNAME", "MQTT_PASSWORD"})
    wishes.emplace_back(&known_setting(key), std::string{});
  CommandResult result = co_await bring_about(run, std::move(before), std::move(wishes), false);
  co_return result;
}

}  // namespace mesura::ct6
