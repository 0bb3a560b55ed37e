// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura doctor: what is wrong here, and what to do about it.
#include "doctor/doctor.hpp"

#include "setup.hpp"
#include "verbs.hpp"

#include "config/address.hpp"
#include "config/text.hpp"
#include "doctor/finding.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mesura::app {
namespace {

using doctor::Finding;
using doctor::Findings;
using doctor::Severity;

/// Nothing that a device or a file wrote may reach the terminal as a control sequence.
void append_printable(std::string& out, std::string_view text, std::string_view indent) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      out += fmt::format("\n{}", indent);
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
}

/// As `mesura check` writes its diagnostics; commands stand alone on their lines.
std::string text_of(const Finding& f) {
  constexpr std::string_view kIndent = "            ";
  std::string out;
  append_printable(out, f.where, "");
  out += fmt::format(": {}[{}]: ", to_string(f.severity), f.code);
  append_printable(out, f.message, kIndent);
  out += '\n';
  const auto line = [&](std::string_view label, std::string_view text) {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (text.empty()) return;
    out += fmt::format("  {:<8}  ", label);
    append_printable(out, text, kIndent);
    out += '\n';
  };
  line("expected", f.expected);
  line("got", f.got);
  line("hint", f.remedy);
  for (const auto& command : f.commands) line("do", command);
  return out;
}

void print_text(const Findings& findings, bool all) {
  std::string out;
  for (const auto& f : findings)
    if (f.severity != Severity::good || all) out += text_of(f);
  out += fmt::format("{} errors, {} warnings, {} notes; {} checks found nothing wrong{}\n",
                     count(findings, Severity::error), count(findings, Severity::warning),
                     count(findings, Severity::note), count(findings, Severity::good), all ? "" : " (-v shows them)");
  std::fwrite(out.data(), 1, out.size(), stdout);
}

void print_json(const Findings& findings) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("findings").begin_array();
  for (const auto& f : findings) {
    json.begin_object();
    const auto member = [&json](std::string_view name, std::string_view text) {
      if (!text.empty()) json.key(name).string(text);
    };
    member("severity", to_string(f.severity));
    member("code", f.code);
    member("where", f.where);
    member("message", f.message);
    member("expected", f.expected);
    member("got", f.got);
    member("remedy", f.remedy);
    if (!f.commands.empty()) {
      json.key("commands").begin_array();
      for (const auto& command : f.commands) json.string(command);
      json.end_array();
    }
    json.end_object();
  }
  json.end_array();
  const auto number = [&](std::string_view name, Severity severity) {
    json.key(name).unsigned_integer(count(findings, severity));
  };
  number("errors", Severity::error);
  number("warnings", Severity::warning);
  number("notes", Severity::note);
  number("good", Severity::good);
  json.end_object();
  fmt::print("{}\n", out);
}

/// Devices by name or address. False, with a message: one of them is none.
bool choose(const DoctorOptions& options, const config::Catalog& catalog, const config::Configuration* configuration,
            std::vector<config::DeviceConfig>& devices) {
  for (const auto& name : options.devices) {
    if (config::is_address(name)) {
      auto result = config::from_address(name, catalog);
      print_diagnostics(result.diagnostics);
      if (!result.device) return false;
      devices.push_back(std::move(*result.device));
      continue;
    }
    std::vector<std::string> names;
    if (configuration != nullptr)
      for (const auto& d : configuration->devices) names.push_back(d.name);
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      std::fputs(fmt::format("mesura doctor: error[cli-device]: no device is named '{}'\n  expected  {}\n", name,
                             names.empty() ? "an address such as dsmr_p1+serial:/dev/ttyUSB0, or a configuration "
                                             "without errors that names devices"
                                           : config::joined(names))
                     .c_str(),
                 stderr);
      return false;
    }
    devices.push_back(configuration->devices[static_cast<std::size_t>(at - names.begin())]);
  }
  return true;
}

int examine(const DoctorOptions& options, const plugin::PluginSet& plugins, const config::Catalog& catalog,
            const Loaded* loaded) {
  doctor::Subject subject{plugins, catalog};
  if (loaded != nullptr) {
    subject.configuration = loaded->configuration ? &*loaded->configuration : nullptr;
    subject.state = loaded->state;
    subject.diagnostics = loaded->diagnostics;
  }
  if (!choose(options, catalog, subject.configuration, subject.devices)) return kUsage;
  doctor::Options how;
  how.probe = options.probe;
  how.patience = std::chrono::duration_cast<std::chrono::milliseconds>(options.wait);
  how.listen = options.listen;
  if (options.common.verbose > 1 || !options.common.trace.empty()) how.log = terminal_log(options.common);
  if (options.probe && ::isatty(STDERR_FILENO) != 0) fmt::print(stderr, "opening devices and listening ...\n");
  const auto report = doctor::examine(subject, how);
  if (options.format == Format::json)
    print_json(report.findings);
  else
    print_text(report.findings, options.common.verbose > 0);
  const bool wrong = count(report.findings, Severity::error) + count(report.findings, Severity::warning) > 0;
  std::fflush(stdout);
  if (report.left_behind) ::_exit(wrong ? kFailed : kDone);
  return wrong ? kFailed : kDone;
}

}  // namespace

int doctor(const DoctorOptions& options) {
  // The service does so, too: what is told of descriptors is the hard limit.
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // a server that hangs up is a finding
  if (find_configuration(options.common)) {
    const auto loaded = load_configuration(options.common);
    if (!loaded) return kUsage;
    return examine(options, loaded->plugins, loaded->catalog, &*loaded);
  }
  const auto plugins = load_plugins(options.common, {});
  return examine(options, plugins, make_catalog(plugins), nullptr);
}

}  // namespace mesura::app
