// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What can be asked of a device, as its plugin's schema has it.
#include "device_output.hpp"

#include "command/arguments.hpp"
#include "command/describe.hpp"
#include "config/text.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::app {

namespace {

/// Of the list's first column, at most.
constexpr std::size_t kUsageWidth = 44;

std::string_view control_word(command::Control control) {
  switch (control) {
    case command::Control::off: return "false";
    case command::Control::on: return "true";
    case command::Control::raw: return "raw";
  }
  return "false";
}

std::string danger_text(config::Danger danger) {
  switch (danger) {
    case config::Danger::read: return "read: changes nothing";
    case config::Danger::write: return "write: needs `control: true`";
    case config::Danger::dangerous: return "dangerous: needs `control: true`, and to be confirmed";
    case config::Danger::raw: return "raw: needs `control: raw`, and to be confirmed";
  }
  return {};
}

std::string argument_text(const config::Field& field) {
  std::string text = field.schema.help;
  if (const auto what = config::expectation(field.schema); !what.empty()) text += (text.empty() ? "" : "; ") + what;
  if (!field.schema.unit.empty() && field.schema.unit != "1") text += fmt::format(" [{}]", field.schema.unit);
  if (field.fallback)
    text += fmt::format("; default {}", *field.fallback);
  else if (field.required)
    text += "; required";
  return text;
}

void section(std::string& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out += fmt::format("{:<10}{}\n", name, text);
}

}  // namespace

std::string commands_text(const DeviceTarget& target) {
  std::string out =
      fmt::format("{}: {}, control: {}\n\n", target.name, target.schema->name, control_word(target.control));
  std::size_t widest = 0;
  for (const auto& command : target.schema->commands)
    if (const auto width = command::usage(command).size(); width <= kUsageWidth) widest = std::max(widest, width);
  for (const auto& command : target.schema->commands) {
    std::string usage = command::usage(command);
    // Those with many arguments have a line of their own.
    if (usage.size() > widest) out += fmt::format("  {}\n", std::exchange(usage, {}));
    out += fmt::format("  {:<{}}  {:<9}  {}\n", usage, widest, to_string(command.danger), command.help);
  }
  out += fmt::format("\n`mesura device {} COMMAND --help` explains one.", target.name);
  if (target.control == command::Control::off)
    out += fmt::format(" Only those that read are allowed: `control: true` at device '{}' allows the others.",
                       target.name);
  return out + "\n";
}

std::string commands_json(const DeviceTarget& target) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("device").string(target.name).key("plugin").string(target.schema->name);
  json.key("control").string(control_word(target.control)).key("commands").begin_array();
  for (const auto& command : target.schema->commands) {
    std::string described;
    command::append_command(described, command, target.control);
    json.raw(described);
  }
  json.end_array().end_object();
  return out + "\n";
}

std::string command_help(const std::string& device, const config::CommandSpec& command, command::Control control) {
  std::string out = command.help + "\n\n";
  out += fmt::format("Usage: mesura device {} {}\n\n", device, command::usage(command));
  std::vector<std::vector<std::string>> rows;
  for (const auto& field : command.arguments) rows.push_back({"  " + field.name, argument_text(field)});
  if (!rows.empty()) out += aligned(rows) + "\n";
  section(out, "danger", danger_text(command.danger));
  section(out, "warning", command.warning);
  section(out, "changes", command.changes);
  section(out, "checked", command.read_back);
  section(out, "takes", fmt::format("at most {:g} s", static_cast<double>(command.timeout.count()) / 1e9));
  if (command.spacing.count() > 0)
    section(
        out, "spacing",
        fmt::format("at least {:g} s from one write to the next", static_cast<double>(command.spacing.count()) / 1e9));
  if (!command.example.empty() || command.arguments.empty())
    section(out, "example",
            fmt::format("mesura device {} {}{}{}", device, command.name, command.example.empty() ? "" : " ",
                        command.example));
  if (control == command::Control::off && command.danger != config::Danger::read)
    out += fmt::format("\nNot allowed now: set `control: true` at device '{}' first.\n", device);
  return out;
}

}  // namespace mesura::app
