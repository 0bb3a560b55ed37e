// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura device NAME COMMAND: asks devices for something, through the running service or directly.
#include "device_arguments.hpp"
#include "device_asking.hpp"
#include "device_output.hpp"
#include "device_runner.hpp"
#include "device_targets.hpp"
#include "past.hpp"
#include "prompt.hpp"
#include "verbs.hpp"

#include "command/audit.hpp"
#include "command/describe.hpp"
#include "config/text.hpp"
#include "runtime/unique_fd.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {

namespace {

std::vector<std::string> command_names(const config::PluginSchema& schema) {
  std::vector<std::string> names;
  for (const auto& command : schema.commands) names.push_back(command.name);
  return names;
}

[[noreturn]] void no_commands(const DeviceTarget& target) {
  throw VerbError{kUsage, fmt::format("cmd-none]: {}: such a device only speaks: there is nothing to command\n  hint   "
                                      "   plugin {} has no commands; `mesura latest` and `mesura probe` show what it "
                                      "measures",
                                      target.name, target.schema->name)};
}

/// The command in each device's own plugin. Throws when one has none.
const config::CommandSpec& command_of(const DeviceTarget& target, const std::string& word) {
  if (target.schema->commands.empty()) no_commands(target);
  if (const auto* found = find_command(*target.schema, word)) return *found;
  const auto names = command_names(*target.schema);
  const auto hint = config::did_you_mean(word, names);
  throw VerbError{
      kUsage, fmt::format("cmd-unknown]: {}: plugin {} has no command {}\n  expected  {}\n  hint      {}", target.name,
                          target.schema->name, config::quote(word), config::joined(names),
                          hint.empty() ? fmt::format("`mesura device {}` explains them", target.name) : hint)};
}

int list(const DeviceTargets& targets, const DeviceArguments& line) {
  Out out;
  for (const auto& target : targets.list) {
    if (target.schema->commands.empty() && targets.list.size() == 1 && line.form != DeviceForm::json)
      no_commands(target);
    if (line.form == DeviceForm::json)
      out.write(commands_json(target));
    else
      out.write((&target == &targets.list.front() ? "" : "\n") + commands_text(target));
  }
  return out.exit_code(kDone);
}

/// The file of --output, made before anything is asked: a result that can't be kept must not be fetched.
class OutputFile {
 public:
  explicit OutputFile(const DeviceArguments& line) {
    if (!line.output) return;
    name_ = *line.output;
    if (name_ == "-") {
      fd_ = runtime::UniqueFd{::dup(STDOUT_FILENO)};
    } else {
      const int existing = line.overwrite ? 0 : O_EXCL;
      fd_ = runtime::UniqueFd{::open(name_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | existing, 0640)};
      made_ = !line.overwrite;
    }
    if (!fd_)
      throw VerbError{errno == EEXIST ? kUsage : kFailed,
                      fmt::format("out-file]: {}: {}\n  expected  a new file in a directory that can be written{}",
                                  name_, std::strerror(errno), errno == EEXIST ? ", or --overwrite" : "")};
  }
  ~OutputFile() {
    if (made_ && !kept_) ::unlink(name_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  explicit operator bool() const { return static_cast<bool>(fd_); }

  void write(std::string_view bytes) {
    // What was there may be longer; a pipe can't be cut.
    if (name_ != "-") (void)!::ftruncate(fd_.get(), 0);
    while (!bytes.empty()) {
      const auto n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw VerbError{kFailed, fmt::format("out-file]: {}: {}", name_, std::strerror(errno))};
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    kept_ = true;
  }

 private:
  std::string name_;
  runtime::UniqueFd fd_;
  bool made_ = false;
  bool kept_ = false;
};

/// What there is of a result as it came.
std::string raw(const command::Result& result) {
  if (!result.bytes.empty() || result.json.empty()) return result.bytes;
  return result.json + "\n";
}

void print_raw(Out& out, const command::Result& result) {
  if (result.status == command::Status::plan) {
    out.write(plan_text(result));
    return;
  }
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  out.write(terminal && !result.bytes.empty() ? command::printable(result.bytes) + "\n" : raw(result));
}

int print(const std::vector<command::Result>& results, const DeviceArguments& line) {
  const auto form = line.form.value_or(results.size() > 1 ? DeviceForm::table : DeviceForm::text);
  Out out;
  if (form == DeviceForm::table) out.write(results_table(results));
  for (const auto& result : results) {
    if (form == DeviceForm::json) {
      std::string text;
      command::append_result(text, result);
      out.write(text + "\n");
      continue;
    }
    if (form == DeviceForm::raw) print_raw(out, result);
    if (form == DeviceForm::text) {
      if (results.size() > 1) out.write(fmt::format("{}{}:\n", &result == &results.front() ? "" : "\n", result.device));
      out.write(result_text(result));
    }
    if (!command::good(result.status) && (form != DeviceForm::table || results.size() == 1))
      std::fputs(error_text(result).c_str(), stderr);
  }
  return out.exit_code(exit_code(results));
}

/// The commands of all devices, with their arguments read once for each plugin.
struct Asked {
  std::vector<DeviceJob> jobs;
  std::deque<config::Value> arguments;
};

Asked read_arguments(const DeviceTargets& targets, const DeviceArguments& line) {
  Asked asked;
  std::map<const config::CommandSpec*, const config::Value*> by_command;
  for (const auto& target : targets.list) {
    const auto& command = command_of(target, line.command);
    auto& arguments = by_command[&command];
    if (arguments == nullptr) {
      asked.arguments.push_back(ask_arguments(command, line.words));
      arguments = &asked.arguments.back();
    }
    asked.jobs.push_back({&target, &command, arguments});
  }
  return asked;
}

void check_usage(const DeviceTargets& targets, const DeviceArguments& line) {
  if (line.output && targets.list.size() > 1)
    throw VerbError{
        kUsage, fmt::format("cli-usage]: --output takes the result of one device, these are {}", targets.list.size())};
  if (line.overwrite && !line.output) throw VerbError{kUsage, "cli-usage]: --overwrite goes with --output FILE"};
  const bool named =
      !std::all_of(targets.list.begin(), targets.list.end(), [](const DeviceTarget& t) { return t.by_address; });
  if (line.allow_raw && named)
    throw VerbError{kUsage,
                    "cli-usage]: --allow-raw is for addresses\n  hint      a configured device needs `control: raw`"};
}

int ask(const DeviceTargets& targets, DeviceArguments line) {
  take_own_options(line, command_of(targets.list.front(), line.command));
  if (line.help) {
    Out out;
    const auto& first = targets.list.front();
    out.write(command_help(first.name, command_of(first, line.command), first.control));
    return out.exit_code(kDone);
  }
  check_usage(targets, line);
  const Asked asked = read_arguments(targets, line);
  OutputFile file{line};
  confirm(targets, asked.jobs, line);

  DeviceRunner::Options options;
  options.dry_run = line.dry_run;
  options.confirmed = true;  // confirm() has seen to it
  options.progress = line.progress;
  options.timeout = line.timeout;
  options.common = &line.common;
  const auto results = DeviceRunner{targets, options}.run(asked.jobs);
  if (file && command::good(results.front().status) && !line.dry_run) {
    file.write(raw(results.front()));
    if (line.form != DeviceForm::json) return kDone;
  }
  return print(results, line);
}

}  // namespace

int device(const DeviceOptions& options) {
  return tell_errors("device", [&] {
    DeviceArguments line = parse_device(options.arguments, options.common);
    if (line.devices.empty()) {
      std::fputs(kDeviceHelp, line.help ? stdout : stderr);
      return line.help ? int{kDone} : int{kUsage};
    }
    const auto targets = find_targets(line);
    if (!targets || targets->list.empty()) return int{kUsage};
    return line.command.empty() ? list(*targets, line) : ask(*targets, std::move(line));
  });
}

}  // namespace mesura::app
