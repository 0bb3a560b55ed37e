// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How the unit is, and its life: restarts, resets, lights.
#include <fmt/format.h>
#include <simdjson.h>

#include "answer_parser.hpp"
#include "command_list.hpp"
#include "json_text.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

using namespace std::chrono_literals;

constexpr double kSecond = 1e9;
constexpr std::chrono::nanoseconds kBetweenLooks = 1s;
constexpr double kLimit_s = 60;   // to go, and again to come back
constexpr int kSteady = 3;        // answers in a row
constexpr double kNoSign_s = 20;  // a unit that has not restarted by then does not
constexpr double kClockSlack_s = 3;

std::optional<simdjson::dom::element> element_of(simdjson::dom::parser& parser, std::string_view json,
                                                 std::string_view key) {
  simdjson::dom::element root, value;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS || !root.is_object()) return std::nullopt;
  if (root[key].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

void add_number(JsonText& out, std::string_view name, const Reply& reply, std::string_view key, std::string_view unit) {
  const auto value = reply.ok() ? number_member(reply.body, key) : std::nullopt;
  if (value) {
    out.quantity(name, *value, unit);
  } else {
    out.null(name);
  }
}

void add_text(JsonText& out, std::string_view name, const Reply& reply, std::string_view key) {
  const std::string value = reply.ok() ? member(reply.body, key) : std::string{};
  if (value.empty()) {
    out.null(name);
  } else {
    out.text(name, value);
  }
}

/// What the stats say of the unit itself.
void add_stats(JsonText& out, const Reply& reply) {
  AnswerParser::Settings settings;
  settings.repair = true;
  AnswerParser parser{settings};
  Answer answer;
  Problems problems;
  const Bytes bytes{reinterpret_cast<const std::uint8_t*>(reply.body.data()), reply.body.size()};
  const bool read = reply.ok() && parser.parse(bytes, answer, problems) == Outcome::answer;
  if (read && answer.has(UnitNumber::rssi)) {
    out.quantity("signal_strength", answer[UnitNumber::rssi], "dBm");
  } else {
    out.null("signal_strength");
  }
  const auto text = [&](std::string_view name, UnitText which) {
    const auto value = read ? text_of_token(answer[which]) : std::nullopt;
    if (value) {
      out.text(name, decode_percent(*value));
    } else {
      out.null(name);
    }
  };
  text("unit_name", UnitText::ydev_unit_name);
  text("serial", UnitText::assy);
  if (read && answer.has(UnitNumber::active)) {
    out.flag("active", answer[UnitNumber::active] != 0);
  } else {
    out.null("active");
  }
}

bool is_dead(const Reply& reply) { return reply.kind != Reply::Kind::ok && reply.kind != Reply::Kind::error; }

std::string_view security_name(double code) {
  constexpr std::string_view kNames[] = {"open", "WEP", "WPA", "WPA2", "WPA/WPA2"};
  const auto i = static_cast<std::size_t>(code);
  return code >= 0 && i < std::size(kNames) ? kNames[i] : "other";
}

Task<CommandResult> restart(CommandRun& run, std::string path, std::string hint) {
  const Uptime before = co_await read_uptime(run);
  const Reply reply = co_await run.change(path);
  const std::string before_json = before.seconds >= 0 ? json_number(before.seconds) : "null";
  if (reply.kind == Reply::Kind::planned) {
    CommandResult plan{
        MESURA_REPLY_PLAN, {}, JsonText::object().raw("before", before_json).null("after").text("unit", "s").str()};
    co_return plan;
  }
  // The unit may be gone before its reply is through.
  const bool lost = reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed;
  if (!reply.ok() && !lost) throw run.end_of(reply, path);
  const Restart end = co_await wait_for_restart(run, before, "restarting");
  if (end == Restart::gone)
    throw CommandEnd{
        MESURA_REPLY_UNREACHABLE,
        "the unit did not come back within 60 s; if it stays away, take its supply away for a few seconds"};
  if (end == Restart::not_restarted) {
    if (lost) throw run.end_of(reply, path);
    throw CommandEnd{MESURA_REPLY_MISMATCH, "the unit said yes, but it did not restart" + hint};
  }
  const Uptime after = co_await read_uptime(run);
  const std::string after_json = after.seconds >= 0 ? json_number(after.seconds) : "null";
  CommandResult done{MESURA_REPLY_DONE, "it answers again",
                     JsonText::object()
                         .text("setting", "uptime")
                         .raw("before", before_json)
                         .raw("after", after_json)
                         .text("unit", "s")
                         .str()};
  co_return done;
}

/// A light, or something else that the unit can't be asked about.
Task<CommandResult> tell(CommandRun& run, std::string path, std::string value) {
  const Reply reply = co_await run.must_change(path);
  CommandResult result{reply.kind == Reply::Kind::planned ? MESURA_REPLY_PLAN : MESURA_REPLY_DONE,
                       {},
                       JsonText::object().null("before").null("after").text("set", value).str()};
  co_return result;
}

}  // namespace

std::string member(std::string_view json, std::string_view key) {
  simdjson::dom::parser parser;
  const auto value = element_of(parser, json, key);
  if (!value) return {};
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) return std::string{text};
  double number = 0;
  return value->get(number) == simdjson::SUCCESS ? json_number(number) : std::string{};
}

std::optional<double> number_member(std::string_view json, std::string_view key) {
  simdjson::dom::parser parser;
  const auto value = element_of(parser, json, key);
  double number = 0;
  if (!value || value->get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

// ---------------------------------------------------------------- restarts

Task<Uptime> read_uptime(CommandRun& run) {
  const Reply reply = co_await run.get("/get_uptime");
  Uptime uptime;
  if (is_dead(reply)) throw run.end_of(reply, "/get_uptime");
  uptime.at_ns = run.now_ns();
  if (reply.ok()) uptime.seconds = number_member(reply.body, "UPTIME_SECONDS").value_or(-1);
  co_return uptime;
}

Task<Restart> wait_for_restart(CommandRun& run, Uptime before, std::string text) {
  const std::int64_t began_ns = run.now_ns();
  const auto since = [&](std::int64_t from_ns) { return static_cast<double>(run.now_ns() - from_ns) / kSecond; };
  bool restarted = false;
  std::int64_t away_ns = 0;
  int steady = 0;
  for (;;) {
    co_await run.wait(kBetweenLooks);
    run.progress(static_cast<std::uint64_t>(since(began_ns)), static_cast<std::uint64_t>(2 * kLimit_s), text);
    const Reply reply = co_await run.get("/get_uptime");
    if (is_dead(reply)) {
      steady = 0;
      if (!std::exchange(restarted, true)) away_ns = run.now_ns();
      if (since(away_ns) > kLimit_s) co_return Restart::gone;
      continue;
    }
    const double now = reply.ok() ? number_member(reply.body, "UPTIME_SECONDS").value_or(-1) : -1;
    if (!restarted && now >= 0 && before.seconds >= 0 && now + kClockSlack_s < before.seconds + since(before.at_ns)) {
      restarted = true;
      away_ns = run.now_ns();
    }
    if (restarted && ++steady >= kSteady) co_return Restart::done;
    if (!restarted && since(began_ns) > kNoSign_s) co_return Restart::not_restarted;
  }
}

Task<CommandResult> reboot(CommandRun& run) { return restart(run, "/reboot", "; use `power_cycle`"); }
Task<CommandResult> power_cycle(CommandRun& run) { return restart(run, "/power_cycle", ""); }

// ---------------------------------------------------------------- state

Task<CommandResult> show_status(CommandRun& run) {
  const Reply memory = co_await run.must_get("/get_sys_stats");
  const Reply version = co_await run.get("/fw_version");
  const Reply uptime = co_await run.get("/get_uptime");
  const Reply active = co_await run.get("/get_active_app_folder");
  const Reply inactive = co_await run.get("/get_inactive_app_folder");
  const Reply temperature = co_await run.get("/get_temperature");
  const Reply stats = co_await run.get("/get_stats");
  JsonText out = JsonText::object();
  if (version.ok()) {
    add_text(out, "firmware_version", version, "FIRMWARE_VERSION");
  } else {
    add_text(out, "firmware_version", stats, "FIRMWARE_VERSION");
  }
  add_number(out, "uptime", uptime, "UPTIME_SECONDS", "s");
  add_number(out, "ram_used", memory, "RAM_USED_BYTES", "B");
  add_number(out, "ram_free", memory, "RAM_FREE_BYTES", "B");
  add_number(out, "ram_total", memory, "RAM_TOTAL_BYTES", "B");
  add_number(out, "disk_used", memory, "DISK_USED_BYTES", "B");
  add_number(out, "disk_used_share", memory, "DISK_PERCENTAGE_USED", "%");
  add_text(out, "active_slot", active, "ACTIVE_APP_FOLDER");
  add_text(out, "inactive_slot", inactive, "INACTIVE_APP_FOLDER");
  add_number(out, "board_temperature", temperature, "CT6_BOARD_TEMPERATURE", "Cel");
  add_stats(out, stats);
  CommandResult result{MESURA_REPLY_DONE, {}, out.str()};
  co_return result;
}

Task<CommandResult> wifi_scan(CommandRun& run) {
  const Reply reply = co_await run.must_get("/wifi_scan");
  simdjson::dom::parser parser;
  const auto list = element_of(parser, reply.body, "WIFI_SCAN_RESULTS");
  simdjson::dom::array networks;
  if (!list || list->get(networks) != simdjson::SUCCESS)
    throw CommandEnd{MESURA_REPLY_REFUSED, "/wifi_scan: expected WIFI_SCAN_RESULTS, got something else"};
  JsonText out = JsonText::array();
  for (const simdjson::dom::element network : networks) {
    const std::string json = simdjson::minify(network);
    JsonText one = JsonText::object();
    one.text("ssid", member(json, "SSID")).text("bssid", member(json, "BSSID"));
    one.number("channel", number_member(json, "CHANNEL").value_or(0));
    one.quantity("signal_strength", number_member(json, "RSSI").value_or(0), "dBm");
    one.text("security", security_name(number_member(json, "SECURITY").value_or(-1)));
    one.flag("hidden", number_member(json, "HIDDEN").value_or(0) != 0);
    out.raw_item(one.str());
  }
  CommandResult result{MESURA_REPLY_DONE, {}, JsonText::object().raw("networks", out.str()).str()};
  co_return result;
}

// ---------------------------------------------------------------- resets

namespace {

/// A reset and a look whether the configuration shows it.
Task<CommandResult> reset(CommandRun& run, std::string path, bool (*is_reset)(const Configuration&),
                          std::string message) {
  const Configuration before = co_await read_configuration(run);
  const Reply reply = co_await run.change(path);
  const std::string before_json = describe(before);
  if (reply.kind == Reply::Kind::planned) {
    CommandResult plan{MESURA_REPLY_PLAN, message, JsonText::object().raw("before", before_json).null("after").str()};
    co_return plan;
  }
  const bool lost = reply.kind == Reply::Kind::none || reply.kind == Reply::Kind::closed;
  if (!reply.ok() && !lost) throw run.end_of(reply, path);
  const Reply look = co_await run.get("/get_config");
  const auto after = look.ok() ? Configuration::read(look.body) : std::nullopt;
  JsonText json = JsonText::object();
  json.raw("before", before_json);
  if (after) {
    json.raw("after", describe(*after));
  } else {
    json.null("after");
  }
  CommandResult result{MESURA_REPLY_DONE, message, json.str()};
  if (!after) {
    if (lost) throw run.end_of(reply, path);
    result.status = MESURA_REPLY_UNVERIFIED;
    result.message = "taken, but not read back; " + message;
  } else if (!is_reset(*after)) {
    if (lost) throw run.end_of(reply, path);
    result.status = MESURA_REPLY_MISMATCH;
    result.message = "the unit said yes, but its configuration is what it was";
  }
  co_return result;
}

bool wifi_is_reset(const Configuration& now) {
  const StoredValue* const wifi = now.find("WIFI");
  return wifi != nullptr && number_member(wifi->text, "WIFI_CFG").value_or(1) == 0;
}

bool all_is_reset(const Configuration& now) {
  const StoredValue* const active = now.find("ACTIVE");
  const StoredValue* const name = now.find("YDEV_UNIT_NAME");
  return wifi_is_reset(now) && active != nullptr && active->number == 0 && name != nullptr && name->text.empty();
}

}  // namespace

Task<CommandResult> reset_to_defaults(CommandRun& run) {
  return reset(run, "/reset_to_default_config", all_is_reset,
               "at its next start the unit is off the network, until it is set up over Bluetooth or USB; "
               "its calibration stays in factory.cfg");
}

Task<CommandResult> reset_wifi(CommandRun& run) {
  return reset(run, "/reset_wifi_config", wifi_is_reset,
               "at its next start the unit is off the network, until it is set up over Bluetooth or USB");
}

// ---------------------------------------------------------------- lights

Task<CommandResult> wifi_led(CommandRun& run) {
  const std::string mode = run.arguments().text("mode");
  const std::string_view word = mode == "on" ? "force_on" : mode == "off" ? "force_off" : "release";
  return tell(run, fmt::format("/set_wifi_led?on={}", word), mode);
}

Task<CommandResult> bluetooth_led(CommandRun& run) {
  const std::string state = run.arguments().text("state");
  return tell(run, fmt::format("/set_bluetooth_led?on={}", state == "on" ? 1 : 0), state);
}

}  // namespace mesura::ct6
