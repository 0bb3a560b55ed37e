// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "device_arguments.hpp"

#include "past.hpp"

#include "config/text.hpp"
#include "config/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

namespace mesura::app {

const char* const kDeviceHelp =
    "Shows what can be asked of devices, and asks it: through the running service, else directly.\n"
    "\n"
    "Usage: mesura device [OPTIONS] NAME                         lists its commands\n"
    "       mesura device [OPTIONS] NAME COMMAND [ARGUMENTS]     asks\n"
    "       mesura device NAME COMMAND --help                    explains one\n"
    "\n"
    "NAME  a device of the configuration, a unit of a fleet, a glob ('ct6_*'), several with commas, or an address "
    "that\n"
    "      needs no configuration: ct6://192.168.0.34, axpert+serial:/dev/ttyUSB0\n"
    "\n"
    "ARGUMENTS stand in their order or by name: 53.0, voltage=53.0, --voltage 53.0; @FILE reads YAML into a list or "
    "map,\n"
    "      and a secret from a file; a missing one is asked for on a terminal\n"
    "\n"
    "OPTIONS, before NAME or anywhere behind it where no argument has their name\n"
    "  --dry-run               send nothing that changes the device; print the very bytes\n"
    "  --yes                   confirm what is dangerous\n"
    "  --format FORM           text, table (default for several devices), json, raw (the bytes that it answered)\n"
    "  --output FILE           write the result's bytes to a new file; --overwrite also to one that is there\n"
    "  --timeout DURATION      wait no longer, e.g. 10s (default: as long as the command takes)\n"
    "  --progress STYLE        auto (a bar on a terminal), bar, json, none\n"
    "  --option KEY=VALUE      option of the plugin, for addresses (repeatable)\n"
    "  --allow-raw             let bytes as typed go to an address; a configured device needs `control: raw`\n"
    "  -c, --config FILE       configuration\n"
    "  -v, --verbose, --trace DEVICE, --plugin-path DIR    as for every verb\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage, forbidden or not confirmed, 3 some of several failed.\n";

namespace {

[[noreturn]] void usage(const std::string& text) {
  throw VerbError{kUsage, fmt::format("cli-usage]: {}\n  hint      `mesura device --help`", text)};
}

template <typename T, std::size_t N>
T one_of(const std::string& name, const std::string& word, const std::array<std::pair<std::string_view, T>, N>& words) {
  std::vector<std::string> known;
  for (const auto& [text, value] : words) {
    if (text == word) return value;
    known.emplace_back(text);
  }
  usage(fmt::format("{}: expected {}, got {}", name, config::joined(known), config::quote(word)));
}

constexpr std::array<std::pair<std::string_view, DeviceForm>, 4> kForms{
    {{"text", DeviceForm::text}, {"table", DeviceForm::table}, {"json", DeviceForm::json}, {"raw", DeviceForm::raw}}};
constexpr std::array<std::pair<std::string_view, ProgressStyle>, 4> kStyles{{{"auto", ProgressStyle::automatic},
                                                                             {"bar", ProgressStyle::bar},
                                                                             {"json", ProgressStyle::json},
                                                                             {"none", ProgressStyle::none}}};

/// Sets what one of our options says; `value` gives its word, or throws.
using Setter = void (*)(DeviceArguments& line, const std::string& name, const std::string& value);

struct Own {
  std::string_view name;
  std::string_view letter;
  bool valued;
  Setter set;
  bool early = false;  ///< it decides which devices there are, and what their commands' arguments are called
};

constexpr std::array<Own, 14> kOwn{{
    {"--help", "-h", false, [](DeviceArguments& l, const std::string&, const std::string&) { l.help = true; }},
    {"--verbose", "-v", false, [](DeviceArguments& l, const std::string&, const std::string&) { ++l.common.verbose; }},
    {"--dry-run", "", false, [](DeviceArguments& l, const std::string&, const std::string&) { l.dry_run = true; }},
    {"--yes", "-y", false, [](DeviceArguments& l, const std::string&, const std::string&) { l.yes = true; }},
    {"--allow-raw", "", false, [](DeviceArguments& l, const std::string&, const std::string&) { l.allow_raw = true; },
     true},
    {"--overwrite", "", false, [](DeviceArguments& l, const std::string&, const std::string&) { l.overwrite = true; }},
    {"--format", "", true,
     [](DeviceArguments& l, const std::string& n, const std::string& v) { l.form = one_of(n, v, kForms); }},
    {"--output", "-o", true, [](DeviceArguments& l, const std::string&, const std::string& v) { l.output = v; }},
    {"--timeout", "", true,
     [](DeviceArguments& l, const std::string& n, const std::string& v) {
       const auto parsed = config::parse_duration(v);
       if (parsed) l.timeout = *parsed;
       if (!parsed || l.timeout->count() <= 0)
         usage(fmt::format("{}: expected a duration with a unit such as 10s, got {}", n, config::quote(v)));
     }},
    {"--progress", "", true,
     [](DeviceArguments& l, const std::string& n, const std::string& v) { l.progress = one_of(n, v, kStyles); }},
    {"--option", "", true,
     [](DeviceArguments& l, const std::string& n, const std::string& v) {
       const auto equals = v.find('=');
       if (equals == std::string::npos || equals == 0)
         usage(fmt::format("{}: expected key=value, got {}", n, config::quote(v)));
       l.options.emplace_back(v.substr(0, equals), v.substr(equals + 1));
     },
     true},
    {"--config", "-c", true, [](DeviceArguments& l, const std::string&, const std::string& v) { l.common.config = v; },
     true},
    {"--trace", "", true,
     [](DeviceArguments& l, const std::string&, const std::string& v) { l.common.trace.push_back(v); }},
    {"--plugin-path", "", true,
     [](DeviceArguments& l, const std::string&, const std::string& v) { l.common.plugin_path.push_back(v); }, true},
}};

/// The option that this word names, or null.
const Own* own(std::string_view word) {
  const auto name = word.substr(0, word.find('='));
  const auto found = std::find_if(kOwn.begin(), kOwn.end(), [&](const Own& o) {
    return o.name == name || (!o.letter.empty() && o.letter == word);
  });
  return found == kOwn.end() ? nullptr : found;
}

/// Takes the option at words[at], and its value; `at` is then behind it.
void take(DeviceArguments& line, const Own& option, const std::vector<std::string>& words, std::size_t& at) {
  const std::string& word = words[at++];
  const std::string name{option.name};
  const auto equals = word.find('=');
  if (!option.valued) {
    if (equals != std::string::npos) usage(fmt::format("{} takes no value", name));
    return option.set(line, name, {});
  }
  if (equals != std::string::npos) return option.set(line, name, word.substr(equals + 1));
  if (at == words.size()) usage(fmt::format("{}: expected a value", name));
  option.set(line, name, words[at++]);
}

/// "--set-point=5" -> "set_point"; empty: no option.
std::string argument_name(std::string_view word) {
  if (!word.starts_with("--") || word.size() == 2) return {};
  std::string name{word.substr(2, word.find('=') - 2)};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

DeviceArguments parse_device(const std::vector<std::string>& words, const Common& common) {
  DeviceArguments line;
  line.common = common;
  for (std::size_t at = 0; at < words.size();) {
    const std::string& word = words[at];
    if (const Own* option = own(word)) {
      take(line, *option, words, at);
    } else if (word.size() > 1 && word.front() == '-') {
      std::vector<std::string> names;
      for (const auto& o : kOwn) names.emplace_back(o.name);
      const auto hint = config::did_you_mean(word.substr(0, word.find('=')), names);
      usage(fmt::format("there is no option {}{}", config::quote(word), hint.empty() ? "" : "; " + hint));
    } else if (line.devices.empty()) {
      line.devices = word;
      ++at;
    } else {
      line.command = word;
      line.words.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
      break;
    }
  }
  // Which arguments the command has is not known yet: these win over an argument of their name.
  for (std::size_t at = 0; at < line.words.size() && line.words[at] != "--";) {
    if (const Own* option = own(line.words[at]); option != nullptr && option->early)
      take(line, *option, line.words, at);
    else
      ++at;
  }
  return line;
}

void take_own_options(DeviceArguments& line, const config::CommandSpec& command) {
  const std::vector<std::string> words = std::move(line.words);
  line.words.clear();
  for (std::size_t at = 0; at < words.size();) {
    const std::string& word = words[at];
    if (word == "--") {
      line.words.insert(line.words.end(), words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
      return;
    }
    const auto* argument = config::find_field(command.arguments, argument_name(word));
    if (argument == nullptr) {
      if (const Own* option = own(word)) {
        take(line, *option, words, at);
        continue;
      }
    }
    line.words.push_back(word);
    ++at;
    // Its value is not ours, whatever it looks like.
    const bool valued =
        argument != nullptr && argument->schema.type != config::Type::boolean && word.find('=') == std::string::npos;
    if (valued && at < words.size()) line.words.push_back(words[at++]);
  }
}

}  // namespace mesura::app
