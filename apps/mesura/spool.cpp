// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura spool: what waits for the sinks on disk. Looking works on the files, whether the service runs or not; changing
// goes through the service while it runs.
#include "printer.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "pipeline/sink_queue.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"
#include "service/control.hpp"
#include "service/state_directory.hpp"
#include "sinks/kinds.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mesura::app {
namespace {

constexpr std::size_t kBatches = 1000;
constexpr auto kPoll = std::chrono::milliseconds{100};

void complain(const std::string& text) { std::fputs(text.c_str(), stderr); }

/// The spools of a state directory, by name of their sink; of all sinks, or of those named. Unknown names are told of.
std::optional<std::vector<std::string>> spools(const std::filesystem::path& state,
                                               const std::vector<std::string>& wanted) {
  std::vector<std::string> names = spool::spool_names(state);
  for (const std::string& name : wanted) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    complain(fmt::format("mesura spool: error[spool-none]: sink '{}' has no spool in {}\n  expected  {}\n", name,
                         (state / "spool").string(),
                         names.empty() ? "none is there" : fmt::to_string(fmt::join(names, ", "))));
    return std::nullopt;
  }
  return wanted.empty() ? names : wanted;
}

/// An object that only looks.
struct Look {
  SeriesTable series;
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
  spool::Spool spool;
  Look(const std::filesystem::path& state, const std::string& sink)
      : spool{spool::spool_path(state, sink), series, runtime::Logger{log, "spool"}, spool::Spool::Mode::reader} {}
};

std::string time_or_dash(std::int64_t ns) { return ns == 0 ? "-" : runtime::format_time(ns); }

void list_spool(const std::string& sink, const spool::Spool& spool, Format format, std::string& out) {
  const spool::Contents c = spool.contents();
  if (format == Format::json) {
    runtime::JsonWriter json{out};
    json.begin_object();
    json.key("sink").string(sink);
    json.key("file").string(spool.path().string());
    json.key("batches").unsigned_integer(c.batches);
    json.key("measurements").unsigned_integer(c.values);
    json.key("bytes").unsigned_integer(c.bytes);
    json.key("oldest");
    if (c.oldest_ns == 0) {
      json.null();
    } else {
      json.string(runtime::format_time(c.oldest_ns));
    }
    json.key("dead_letters").unsigned_integer(c.dead);
    json.end_object();
    out += '\n';
  } else {
    out += fmt::format("{:<16} {:>12} {:>10} {:>12} {:>6}  {}\n", sink, c.values, c.batches, c.bytes, c.dead,
                       time_or_dash(c.oldest_ns));
  }
}

void list_letters(Look& look, Format format, std::string& out) {
  for (std::int64_t after = 0;;) {
    const auto letters = look.spool.dead_letters(after, kBatches);
    if (letters.empty()) break;
    for (const auto& letter : letters) {
      after = letter.id;
      std::string series = "(damaged)";
      std::string value;
      std::int64_t time = 0;
      if (letter.batch && !letter.batch->items.empty()) {
        const Measurement& m = letter.batch->items.front();
        series = look.series.at(m.series).name();
        value = m.type == MESURA_TEXT ? std::string{letter.batch->text(m)} : fmt::format("{}", m.number);
        time = m.time_ns;
      } else if (letter.batch) {
        series = letter.batch->device + "/waveform";
        time = letter.batch->time_ns;
      }
      if (format == Format::json) {
        runtime::JsonWriter json{out};
        json.begin_object();
        json.key("id").integer(letter.id);
        json.key("rejected").string(runtime::format_time(letter.rejected_ns));
        json.key("series").string(series);
        json.key("time").string(runtime::format_time(time));
        json.key("value").string(value);
        json.key("reason").string(letter.reason);
        json.end_object();
        out += '\n';
      } else {
        out += fmt::format("{:>8}  {}  {}  {} = {}\n          {}\n", letter.id, time_or_dash(letter.rejected_ns),
                           time_or_dash(time), series, value, letter.reason);
      }
    }
  }
}

/// The words of a request to the service; nullopt: none runs. Otherwise whether it was granted, with its answer.
std::optional<std::pair<bool, std::string>> ask(const std::string& state, const std::vector<std::string>& words) {
  std::string answer;
  const auto good = service::ask(service::control_socket(state), words, [&](bool, std::string_view text) {
    answer += text;
    return true;
  });
  if (!good) return std::nullopt;
  return std::pair{*good, answer};
}

/// A sink with its spool, for as long as no service runs.
struct Alone {
  service::StateDirectory lock;
  SeriesTable series;
  std::shared_ptr<runtime::Log> log;
  runtime::SystemClock clock;
  std::unique_ptr<pipeline::SinkQueue> queue;

  Alone(const Common& common, const config::Configuration& configuration, const config::SinkConfig& sink)
      : lock{configuration.state}, log{terminal_log(common)} {
    const runtime::Logger logger{log, "sink." + sink.name};
    pipeline::SinkQueue::Options options;
    options.name = sink.name;
    options.spool = spool::spool_path(configuration.state, sink.name);
    queue = std::make_unique<pipeline::SinkQueue>(
        sinks::find_kind(sink.kind)->make(sink.options, sinks::Context{series, logger, configuration.timezone}),
        std::move(options), series, logger, clock);
  }
};

/// How a sink does: what waits for it, what it has written, and why not more.
struct Standing {
  std::uint64_t spooled = 0;
  bool opening = true;
  std::string error;
};

Standing standing(const pipeline::SinkQueue::Status& s) {
  using State = pipeline::SinkQueue::State;
  return {s.counts.spooled + s.counts.waiting, s.state == State::idle || s.state == State::opening,
          s.state == State::failing ? s.last_error : std::string{}};
}

/// Shows progress until nothing waits or the sink fails. `look` tells the standing.
int watch(const std::string& sink, ProgressStyle style, const std::function<std::optional<Standing>()>& look) {
  Progress progress{style, "measurements"};
  const std::string stage = "writing to " + sink;
  std::uint64_t total = 0;
  for (;;) {
    const auto now = look();
    if (!now) return kFailed;
    total = std::max(total, now->spooled);
    progress.show(stage, total - now->spooled, total);
    if (!now->error.empty()) {
      complain(fmt::format("mesura spool: error[spool-drain]: {} measurements still wait for sink '{}': {}\n",
                           now->spooled, sink, now->error));
      return kFailed;
    }
    if (now->spooled == 0 && !now->opening) break;
    std::this_thread::sleep_for(kPoll);
  }
  std::printf("%s\n", fmt::format("{}: {} measurements written, none wait", sink, total).c_str());
  return kDone;
}

/// "spooled<TAB>state<TAB>error", as the service answers `spool state`.
std::optional<Standing> standing_of_service(const std::string& state, const std::string& sink) {
  const auto answer = ask(state, {"spool", "state", sink});
  if (!answer || !answer->first) {
    complain(answer ? answer->second
                    : "mesura spool: error[ctl-none]: the service has stopped; what waits, waits on\n");
    return std::nullopt;
  }
  const std::string& text = answer->second;
  const auto first = text.find('\t');
  const auto second = text.find('\t', first + 1);
  if (second == std::string::npos) return std::nullopt;
  Standing s;
  s.spooled = std::stoull(text.substr(0, first));
  const std::string word = text.substr(first + 1, second - first - 1);
  s.opening = word == "opening";
  if (word == "failing") s.error = text.substr(second + 1, text.find('\n') - second - 1);
  return s;
}

const config::SinkConfig* find_sink(const Loaded& loaded, const std::string& name) {
  const auto& sinks = loaded.configuration->sinks;
  const auto sink = std::find_if(sinks.begin(), sinks.end(), [&](const auto& s) { return s.name == name; });
  if (sink != sinks.end()) return &*sink;
  complain(
      fmt::format("mesura spool: error[cli-sink]: {} has no sink '{}'\n  hint      `mesura spool export {}` saves "
                  "what waited for it\n",
                  loaded.file, name, name));
  return nullptr;
}

int drain(const SpoolOptions& options, const Loaded& loaded, const std::string& name) {
  // A sink that is in its back-off tries again now; its present failure is not yet an answer.
  if (const auto hurried = ask(loaded.state, {"spool", "hurry", name})) {
    if (!hurried->first) {
      complain(hurried->second);
      return kFailed;
    }
    std::this_thread::sleep_for(10 * kPoll);
    return watch(name, options.progress, [&] { return standing_of_service(loaded.state, name); });
  }
  const auto* sink = find_sink(loaded, name);
  if (sink == nullptr) return kUsage;
  Alone alone{options.common, *loaded.configuration, *sink};
  alone.queue->start();
  const int code = watch(name, options.progress, [&] { return std::optional{standing(alone.queue->status())}; });
  (void)alone.queue->stop(std::chrono::seconds{5});
  if (alone.queue->left_behind()) {
    // Its thread still uses what would be destroyed here.
    std::fflush(nullptr);
    ::_exit(code);
  }
  return code;
}

int requeue(const SpoolOptions& options, const Loaded& loaded, const std::string& name) {
  std::vector<std::string> words{"spool", "requeue", name};
  for (const auto id : options.ids) words.push_back(fmt::to_string(id));
  if (const auto answer = ask(loaded.state, words)) {
    std::fputs(answer->second.c_str(), answer->first ? stdout : stderr);
    return answer->first ? kDone : kFailed;
  }
  const service::StateDirectory lock{loaded.state};
  SeriesTable series;
  spool::Spool spool{spool::spool_path(loaded.state, name), series,
                     runtime::Logger{terminal_log(options.common), "spool"}};
  const std::size_t count = spool.requeue(options.ids, spool.last_id() + 1);
  std::printf("%s\n", fmt::format("{}: {} dead letters wait to be written again", name, count).c_str());
  return kDone;
}

int list(const SpoolOptions& options, const std::string& state, const std::vector<std::string>& names) {
  std::string out;
  if (options.sinks.empty() && options.format != Format::json) {
    out += fmt::format("{:<16} {:>12} {:>10} {:>12} {:>6}  {}\n", "SINK", "MEASUREMENTS", "BATCHES", "BYTES", "DEAD",
                       "OLDEST");
  }
  for (const auto& name : names) {
    Look look{state, name};
    if (options.sinks.empty()) {
      list_spool(name, look.spool, options.format, out);
    } else {
      list_letters(look, options.format, out);
    }
  }
  std::fputs(out.c_str(), stdout);
  return kDone;
}

int check_spools(const SpoolOptions& options, const std::string& state, const std::vector<std::string>& names) {
  int code = kDone;
  for (const auto& name : names) {
    Look look{state, name};
    std::vector<std::string> wrong;
    {
      Progress progress{options.progress, "batches"};
      wrong = look.spool.check(
          [&](std::uint64_t done, std::uint64_t total) { progress.show("reading " + name, done, total); });
    }
    std::printf("%s\n", fmt::format("{}: {}", name,
                                    wrong.empty() ? fmt::format("{} batches, all sound", look.spool.contents().batches)
                                                  : fmt::format("{} things are wrong", wrong.size()))
                            .c_str());
    for (const auto& what : wrong) std::printf("  %s\n", what.c_str());
    if (!wrong.empty()) code = kFailed;
  }
  return code;
}

int export_spool(const SpoolOptions& options, const std::string& state, const std::string& name) {
  Look look{state, name};
  Printer printer{look.series, options.format == Format::csv ? Format::csv : Format::jsonl};
  Progress progress{options.progress, "measurements"};
  const std::uint64_t total = look.spool.contents().values;
  std::uint64_t done = 0;
  if (options.dead) {
    for (std::int64_t after = 0;;) {
      const auto letters = look.spool.dead_letters(after, kBatches);
      if (letters.empty()) return printer.exit_code(kDone);
      for (const auto& letter : letters) {
        after = letter.id;
        if (letter.batch && !printer.print(*letter.batch)) return printer.exit_code(kDone);
      }
    }
  }
  for (std::int64_t after = 0;;) {
    const auto entries = look.spool.read(after, kBatches, 100 * kBatches);
    if (entries.empty()) return printer.exit_code(kDone);
    for (const auto& entry : entries) {
      if (!printer.print(*entry.batch)) return printer.exit_code(kDone);
      done += entry.batch->values();
    }
    after = entries.back().id;
    progress.show("reading " + name, done, total);
  }
}

}  // namespace

int spool(const SpoolOptions& options) {
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  const bool changes = options.what == SpoolOptions::What::drain || options.what == SpoolOptions::What::requeue;
  if (changes && !loaded->configuration) {
    print_diagnostics(loaded->diagnostics);
    return kUsage;
  }
  const auto names = spools(loaded->state, options.sinks);
  if (!names) return kFailed;
  try {
    if (options.what == SpoolOptions::What::ls) return list(options, loaded->state, *names);
    if (options.what == SpoolOptions::What::check) return check_spools(options, loaded->state, *names);
    int code = kDone;
    for (const auto& name : *names) {
      int one = kDone;
      if (options.what == SpoolOptions::What::drain) one = drain(options, *loaded, name);
      if (options.what == SpoolOptions::What::requeue) one = requeue(options, *loaded, name);
      if (options.what == SpoolOptions::What::export_all) one = export_spool(options, loaded->state, name);
      code = std::max(code, one);
    }
    return code;
  } catch (const std::exception& e) {
    complain(fmt::format("mesura spool: error[{}]\n", e.what()));
    return kFailed;
  }
}

}  // namespace mesura::app
