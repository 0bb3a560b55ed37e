// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The verbs that talk to a running service: status, reload, latest, log. The service renders its answers.
#include "past.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "service/control.hpp"
#include "service/state_directory.hpp"
#include "store/render.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::app {

namespace {

/// Asks the service of a state directory and prints its answer. The exit code; nullopt: none runs.
std::optional<int> ask_service(const Loaded& loaded, const std::vector<std::string>& words) {
  const auto good = service::ask(service::control_socket(loaded.state), words, [](bool is_good, std::string_view text) {
    std::FILE* out = is_good ? stdout : stderr;
    return std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
  });
  if (!good) return std::nullopt;
  return *good ? kDone : kFailed;
}

/// Asks the service of the configuration's state directory and prints its answer. The exit code.
int ask_service(const Common& common, const std::vector<std::string>& words) {
  const auto loaded = load_configuration(common);
  if (!loaded) return kUsage;
  if (const auto code = ask_service(*loaded, words)) return *code;
  const auto socket = service::control_socket(loaded->state);
  std::fputs(fmt::format(
                 "mesura: error[ctl-none]: no service answers at {}\n  expected  a running `mesura run {}`\n"
                 "  hint      start it, or name its configuration with --config; a relative `state` is looked for from "
                 "where the service was started\n",
                 std::filesystem::absolute(socket).string(), loaded->file)
                 .c_str(),
             stderr);
  return kFailed;
}

std::string word(Format format) {
  switch (format) {
    case Format::json: return "json";
    case Format::jsonl: return "jsonl";
    case Format::csv: return "csv";
    case Format::text:
    case Format::table: break;
  }
  return "table";
}

/// The same from a sink's database.
int latest_stored(const LatestOptions& options) {
  return tell_errors("latest", [&] {
    Past past = Past::open(options.common, options.sink);
    past.check_series(options.series);
    const auto series = past.store->series(options.series);
    const auto values = past.store->latest(options.series);
    if (options.sink.empty())
      std::fputs(
          fmt::format("mesura latest: no service runs; these are the newest values of sink '{}'\n", past.sink).c_str(),
          stderr);
    store::RenderOptions form;
    form.form = *store::answer_form_from(word(options.format));
    std::string text;
    store::render_latest(text, series, values, form);
    Out out;
    (void)out.write(text);
    return out.exit_code(kDone);
  });
}

}  // namespace

int status(const StatusOptions& options) { return ask_service(options.common, {"status", word(options.format)}); }

int reload(const ReloadOptions& options) { return ask_service(options.common, {"reload"}); }

int latest(const LatestOptions& options) {
  std::vector<std::string> words{options.watch ? "watch" : "latest", word(options.format)};
  words.insert(words.end(), options.series.begin(), options.series.end());
  if (options.watch) return ask_service(options.common, words);
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  if (options.sink.empty())
    if (const auto code = ask_service(*loaded, words)) return *code;
  return latest_stored(options);
}

int log(const LogOptions& options) { return ask_service(options.common, {"log", options.level, options.component}); }

}  // namespace mesura::app
