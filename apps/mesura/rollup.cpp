// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura rollup rebuild [SINK]: makes rollups again from raw rows, with a service running or without.
#include "progress.hpp"
#include "setup.hpp"
#include "verbs.hpp"

#include "runtime/clock.hpp"
#include "service/control.hpp"
#include "service/state_directory.hpp"
#include "sinks/kinds.hpp"
#include "store/rebuild.hpp"
#include "store/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

namespace mesura::app {
namespace {

int complain(int code, const std::string& text) {
  std::fputs(fmt::format("mesura rollup rebuild: error{}\n", text).c_str(), stderr);
  return code;
}

/// SIGINT or SIGTERM waits; block_signals() has been called.
bool interrupted() {
  sigset_t waiting;
  sigemptyset(&waiting);
  return sigpending(&waiting) == 0 && (sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1);
}

std::string names_of(const std::vector<config::SinkConfig>& sinks) {
  std::string out;
  for (const auto& sink : sinks)
    if (sink.kind == "sqlite" || sink.kind == "mysql") out.append(out.empty() ? "" : ", ").append(sink.name);
  return out.empty() ? "none" : out;
}

std::uint64_t minutes(std::int64_t us) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, us) / 60'000'000);
}

class Work {
 public:
  Work(store::Rebuild& rebuild, ProgressStyle style) : rebuild_(rebuild), progress_(style, "min") {}

  /// Waits for the service, which does it in its upkeep.
  int by_service() {
    while (show()) {
      if (interrupted()) {
        std::fputs("mesura rollup rebuild: the service goes on with it\n", stderr);
        return kPartial;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds{200});
    }
    return kDone;
  }

  /// Does it with a sink of our own.
  int alone(Sink& sink) {
    sink.open();
    int stuck = 0;
    while (show()) {
      if (interrupted()) {
        sink.close();
        std::fputs("mesura rollup rebuild: stopped; the rest is done by the next service, or by this command\n",
                   stderr);
        return kPartial;
      }
      const std::int64_t before = left_;
      sink.maintain(runtime::SystemClock{}.wall_ns());
      stuck = rebuild_.left_us() < before ? 0 : stuck + 1;
      if (stuck == kPatience) {
        sink.close();
        return complain(kFailed,
                        "[rol-stuck]: nothing gets less\n  hint      is another program writing to the "
                        "database? the sink's log says more with -v");
      }
    }
    // A last quarter hour looks like one that is being written.
    sink.maintain(runtime::SystemClock{}.wall_ns());
    sink.close();
    return kDone;
  }

 private:
  static constexpr int kPatience = 20;

  bool show() {
    left_ = rebuild_.left_us();
    total_ = std::max(total_, left_);
    progress_.show("rollups", minutes(total_ - left_), minutes(total_));
    return left_ > 0;
  }

  store::Rebuild& rebuild_;
  Progress progress_;
  std::int64_t left_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace

int rollup_rebuild(const RollupOptions& options) {
  const auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  print_diagnostics(loaded->diagnostics);
  if (!loaded->configuration) return kUsage;
  const auto& sinks = loaded->configuration->sinks;
  const auto found = std::find_if(sinks.begin(), sinks.end(), [&](const config::SinkConfig& s) {
    return (s.kind == "sqlite" || s.kind == "mysql") && (options.sink.empty() || s.name == options.sink);
  });
  if (found == sinks.end()) {
    return complain(kUsage,
                    fmt::format("[cli-sink]: {} has no sqlite or mysql sink{}\n  expected  one of: {}", loaded->file,
                                options.sink.empty() ? "" : fmt::format(" '{}'", options.sink), names_of(sinks)));
  }
  const auto zone = model::Zone::find(loaded->configuration->timezone).value_or(model::Zone::utc());
  store::TimeRange range{INT64_MIN / 2, INT64_MAX / 2};
  const std::int64_t now = runtime::SystemClock{}.wall_ns();
  for (const auto& [name, text, bound, into] : {std::tuple{"--from", &options.from, store::Bound::from, &range.from_ns},
                                                std::tuple{"--to", &options.to, store::Bound::to, &range.to_ns}}) {
    if (text->empty()) continue;
    model::Problem problem;
    const auto time = store::parse_instant(*text, bound, now, zone, &problem);
    if (!time) {
      return complain(kUsage,
                      fmt::format("[qry-time]: {}: {}\n  expected  {}", name, problem.message, problem.expected));
    }
    *into = *time;
  }
  if (range.to_ns <= range.from_ns)
    return complain(kUsage, "[qry-range]: --to is not after --from\n  hint      exchange them");
  const auto rebuild = store::open_rebuild(found->kind, found->options);
  if (!rebuild) {
    return complain(kUsage, fmt::format("[rol-layout]: sink '{}' writes a vendor's tables, which have no rollups of "
                                        "ours",
                                        found->name));
  }
  block_signals();
  try {
    const auto noted = rebuild->note(options.device, range);
    if (noted.tables == 0) {
      std::fputs("nothing to do: there are no rows in this range\n", stdout);
      return kDone;
    }
    const auto socket = service::control_socket(loaded->state);
    const bool running =
        service::ask(socket, {"status", "json"}, [](bool, std::string_view) { return true; }).has_value();
    Work work{*rebuild, options.progress};
    int code = kDone;
    if (running) {
      std::fputs("the running service does it, a second or so each minute beside live data\n", stderr);
      code = work.by_service();
    } else {
      const SeriesTable series;
      const auto sink =
          sinks::find_kind(found->kind)
              ->make(found->options,
                     {series, runtime::Logger{terminal_log(options.common), fmt::format("sink.{}", found->name)},
                      loaded->configuration->timezone});
      code = work.alone(*sink);
    }
    if (code == kDone) {
      std::fputs(fmt::format("{}: rollups of {} table{} made again, {} hours\n", found->name, noted.tables,
                             noted.tables == 1 ? "" : "s", noted.us / 3'600'000'000)
                     .c_str(),
                 stdout);
    }
    return code;
  } catch (const store::StoreError& e) {
    // "store-io: ...": the code stands in brackets here.
    const std::string_view text = e.what();
    const auto colon = std::min(text.find(": "), text.size());
    return complain(e.cause() == store::StoreError::Cause::question ? kUsage : kFailed,
                    fmt::format("[{}]{}", text.substr(0, colon), text.substr(colon)));
  } catch (const std::exception& e) {
    return complain(kFailed, fmt::format("[rol-failed]: {}", e.what()));
  }
}

}  // namespace mesura::app
