// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura audit: what was written to devices.
#include "device_output.hpp"
#include "past.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "command/audit_reader.hpp"
#include "model/text.hpp"
#include "runtime/clock.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace mesura::app {

namespace {

/// No table is longer: who wants more takes it in pieces.
constexpr std::uint64_t kMostLines = 100'000;

std::string what(const command::AuditEntry& entry) {
  if (entry.event == "write") return "sent " + entry.sent;
  std::string text = entry.status;
  if (!entry.before.empty() || !entry.after.empty())
    text +=
        fmt::format(": {} -> {}", entry.before.empty() ? "-" : entry.before, entry.after.empty() ? "-" : entry.after);
  if (!entry.message.empty()) text += ": " + entry.message;
  return text;
}

std::string table(const std::vector<command::AuditEntry>& entries) {
  std::vector<std::vector<std::string>> rows{{"time", "id", "device", "command", "who", "via", "event"}};
  for (const auto& entry : entries) {
    const std::string arguments = entry.arguments == "{}" ? "" : " " + entry.arguments;
    rows.push_back({runtime::format_time(entry.time_ns), entry.id, entry.device, entry.command + arguments,
                    entry.who + (entry.from.empty() ? "" : "@" + entry.from), entry.via, what(entry)});
  }
  for (auto& row : rows)
    for (auto& cell : row) cell = model::printable(cell);
  return aligned(rows);
}

}  // namespace

int audit(const AuditOptions& options) {
  return tell_errors("audit", [&] {
    std::string state = options.state.value_or("");
    model::Zone zone = model::Zone::utc();
    if (!options.state) {
      const auto loaded = load_configuration(options.common);
      if (!loaded) return static_cast<int>(kUsage);
      state = loaded->state;
      if (loaded->configuration) zone = model::Zone::find(loaded->configuration->timezone).value_or(zone);
    }
    command::AuditQuery query;
    query.devices = options.devices;
    query.limit = std::min(options.count, kMostLines);
    const auto now = runtime::SystemClock{}.wall_ns();
    const auto range =
        parse_range(options.from.empty() ? "0" : options.from, options.to.empty() ? "now" : options.to, now, zone);
    if (!options.from.empty()) query.from_ns = range.from_ns;
    if (!options.to.empty()) query.to_ns = range.to_ns;
    const auto file = std::filesystem::path{state} / "audit.jsonl";
    auto page = command::read_audit(file, query);
    if (!page.problem.empty()) throw VerbError{kFailed, "audit-file]: " + page.problem};
    std::reverse(page.entries.begin(), page.entries.end());
    Out out;
    if (options.format == Format::json)
      for (const auto& entry : page.entries) out.write(entry.line + "\n");
    else
      out.write(table(page.entries));
    if (page.broken > 0)
      std::fputs(fmt::format("mesura audit: warning[audit-broken]: {}: {} broken lines were passed over\n  hint      a "
                             "power cut or a full disk leaves such; what was sent before it is in the lines above\n",
                             file.string(), page.broken)
                     .c_str(),
                 stderr);
    return out.exit_code(kDone);
  });
}

}  // namespace mesura::app
