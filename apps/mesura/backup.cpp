// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura backup [SINK] FILE: a copy of a SQLite sink's file as it is at one instant, whether a service writes or not.
#include "progress.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "database/sqlite_backup.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

namespace mesura::app {
namespace {

int complain(int code, const std::string& text) {
  std::fputs(("mesura backup: error" + text + "\n").c_str(), stderr);
  return code;
}

std::string names_of(const std::vector<config::SinkConfig>& sinks) {
  std::string out;
  for (const auto& sink : sinks) out += (out.empty() ? "" : ", ") + sink.name;
  return out.empty() ? "none" : out;
}

}  // namespace

int backup(const BackupOptions& options) {
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  print_diagnostics(loaded->diagnostics);
  if (!loaded->configuration) return kUsage;
  std::vector<config::SinkConfig> files;
  for (const auto& sink : loaded->configuration->sinks) {
    if (sink.kind == "sqlite" && (options.sink.empty() || sink.name == options.sink)) files.push_back(sink);
  }
  if (files.size() != 1) {
    return complain(kUsage,
                    options.sink.empty()
                        ? fmt::format("[cli-sink]: {} has {} sqlite sinks\n  expected  the name of one before FILE\n  "
                                      "got       none named; there are: {}",
                                      loaded->file, files.size(), names_of(files))
                        : fmt::format("[cli-sink]: {} has no sqlite sink '{}'\n  expected  one of: {}", loaded->file,
                                      options.sink, names_of(loaded->configuration->sinks)));
  }
  const std::filesystem::path from = files.front().options["path"].text();
  if (!std::filesystem::exists(from)) {
    return complain(kFailed,
                    fmt::format("[bak-none]: {} is not there\n  hint      sink '{}' has not written yet, or a relative "
                                "path is meant from where the service was started",
                                std::filesystem::absolute(from).string(), files.front().name));
  }
  try {
    Progress progress{options.progress, "B"};
    const auto size = database::backup(from, options.file, [&](const database::BackupProgress& p) {
      progress.show(p.checking ? "checking" : "copying", p.done_bytes, p.total_bytes);
    });
    std::fputs(fmt::format("{}: {} bytes, checked\n", options.file, size).c_str(), stdout);
    return kDone;
  } catch (const std::exception& e) {
    return complain(kFailed, fmt::format("[bak-failed]: {}", e.what()));
  }
}

}  // namespace mesura::app
