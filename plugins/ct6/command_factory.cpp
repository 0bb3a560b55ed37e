// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The calibration that a unit keeps: in its configuration, in its chips, and in factory.cfg, which each start takes.
#include <fmt/format.h>

#include <algorithm>

#include "calibration.hpp"
#include "json_text.hpp"
#include "text_value.hpp"

namespace mesura::ct6 {
namespace {

constexpr std::string_view kFactoryFile = "/factory.cfg";
constexpr std::string_view kNeverCalibrated = "ASY0197";

[[noreturn]] void refuse(std::string message) { throw CommandEnd{MESURA_REPLY_INVALID, std::move(message)}; }

}  // namespace

Task<Kept> keep(CommandRun& run) {
  Configuration machine = co_await read_configuration(run);
  std::optional<Configuration> factory = co_await read_factory(run);
  Kept kept{std::move(machine), std::move(factory), {}};
  for (const std::string& key : factory_keys(kept.machine.ports())) {
    const StoredValue* const value = kept.machine.find(key);
    const Setting* const setting = find_setting(key);
    if (value != nullptr && setting != nullptr) kept.registers.emplace_back(setting, value->text);
  }
  co_return kept;
}

std::string factory_json(const Kept& kept) { return kept.factory ? describe_factory(*kept.factory) : "null"; }

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
  const Reply reply = co_await run.must_change(std::string{kInitRequest});
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
    const Setting& setting = *find_setting(key);
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
  co_await run.must_change(std::string{kInitRequest});
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

}  // namespace mesura::ct6
