// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "device_asking.hpp"

#include "device_output.hpp"
#include "past.hpp"
#include "prompt.hpp"

#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

namespace mesura::app {

namespace {

void print(const config::Diagnostics& diagnostics, const config::CommandSpec& command) {
  for (auto d : diagnostics.list()) {
    d.file = "mesura device " + command.name;
    std::fputs(config::render_text(d).c_str(), stderr);
  }
}

bool only_missing(const config::Diagnostics& diagnostics) {
  const auto& list = diagnostics.list();
  return std::all_of(list.begin(), list.end(), [](const auto& d) { return d.code == "cmd-missing"; });
}

/// Asks until it is right. nullopt: the person gave up.
std::optional<config::Value> ask_one(const config::CommandSpec& command, const config::Field& field) {
  config::CommandSpec alone = command;
  alone.arguments = {field};
  alone.arguments.front().schema.may_be_empty = field.schema.may_be_empty;
  const bool secret = field.schema.type == config::Type::secret;
  const auto question = fmt::format("{}: {} ({}){}: ", field.name, field.schema.help, config::expectation(field.schema),
                                    field.schema.unit.empty() ? "" : " [" + field.schema.unit + "]");
  for (;;) {
    const auto answer = secret ? Prompt::ask_secret(question) : Prompt::ask(question);
    if (!answer) return std::nullopt;
    auto read = command::read_words(alone, {fmt::format("--{}={}", field.name, *answer)});
    if (read.ok()) return read.values[field.name];
    print(read.diagnostics, command);
  }
}

bool allowed(const DeviceJob& job) {
  return job.command->danger == config::Danger::raw ? job.target->control == command::Control::raw
                                                    : job.target->control != command::Control::off;
}

}  // namespace

config::Value ask_arguments(const config::CommandSpec& command, const std::vector<std::string>& words) {
  auto read = command::read_words(command, words);
  if (read.ok()) return std::move(read.values);
  if (!Prompt::possible() || !only_missing(read.diagnostics)) {
    print(read.diagnostics, command);
    throw VerbError{kUsage, {}};
  }
  config::Value::Map values = read.values.map();
  for (const auto& field : command.arguments) {
    if (!field.required || read.values[field.name].present()) continue;
    auto value = ask_one(command, field);
    if (!value) throw VerbError{kUsage, "cli-called-off]: nothing was sent"};
    values.emplace_back(field.name, std::move(*value));
  }
  return config::Value{std::move(values)};
}

void confirm(const DeviceTargets& targets, const std::vector<DeviceJob>& jobs, const DeviceArguments& line) {
  std::vector<DeviceJob> dangerous;
  for (const auto& job : jobs)
    if (job.command->danger >= config::Danger::dangerous && allowed(job)) dangerous.push_back(job);
  if (dangerous.empty() || line.dry_run || line.yes) return;
  const auto& command = *dangerous.front().command;
  const std::string warning = !command.warning.empty()                ? command.warning
                              : command.danger == config::Danger::raw ? "the bytes go to the device as they are"
                                                                      : "the command is dangerous";
  if (!Prompt::possible())
    throw VerbError{kUsage, fmt::format("cmd-unconfirmed]: {}: {}\n  expected  --yes, or a terminal to ask at\n  hint "
                                        "     --dry-run shows what would be sent",
                                        command.name, warning)};
  std::string wanted = dangerous.front().target->name;
  std::string question;
  if (dangerous.size() == 1) {
    DeviceRunner::Options options;
    options.dry_run = true;
    options.common = &line.common;
    options.timeout = line.timeout;
    const auto plan = DeviceRunner{targets, options}.run(dangerous).front();
    if (plan.status != command::Status::plan) {
      std::fputs(error_text(plan).c_str(), stderr);
      throw VerbError{exit_code({plan}) == kDone ? kFailed : exit_code({plan}), {}};
    }
    question = "Would be sent:\n" + plan_text(plan) + "\n";
    question += fmt::format("{}: {}\nType the device's name, {}, to go on: ", command.name, warning, wanted);
  } else {
    std::vector<std::string> names;
    for (const auto& job : dangerous) names.push_back(job.target->name);
    wanted = std::to_string(dangerous.size());
    question = fmt::format("{} for {} devices: {}\n{}\nType their number, {}, to go on: ", command.name, wanted,
                           config::joined(names), warning, wanted);
  }
  const auto answer = Prompt::ask(question);
  if (!answer || *answer != wanted) throw VerbError{kUsage, "cmd-unconfirmed]: not confirmed; nothing was sent"};
}

}  // namespace mesura::app
