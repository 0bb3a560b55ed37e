// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "past.hpp"

#include "config/text.hpp"
#include "model/glob.hpp"
#include "runtime/clock.hpp"
#include "store/archive.hpp"
#include "store/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

namespace mesura::app {

Past Past::open(const Common& common, const std::string& sink) {
  auto loaded = load_configuration(common);
  if (!loaded) throw VerbError{kUsage, {}};
  if (!loaded->configuration) {
    print_diagnostics(loaded->diagnostics);
    throw VerbError{kUsage, {}};
  }
  const auto& sinks = loaded->configuration->sinks;
  std::vector<std::string> readable;
  for (const auto& s : sinks)
    if (store::can_read(s.kind)) readable.push_back(s.name);
  const auto found = std::find_if(sinks.begin(), sinks.end(), [&](const config::SinkConfig& s) {
    return sink.empty() ? store::can_read(s.kind) : s.name == sink;
  });
  if (found == sinks.end()) {
    if (sink.empty())
      throw VerbError{kUsage, fmt::format("cli-sink]: {} has no sink that can be read back\n  expected  one of kind "
                                          "sqlite or mysql\n  got       {}",
                                          loaded->file, sinks.empty() ? "no sinks" : "none of them")};
    const auto hint = config::did_you_mean(sink, readable);
    throw VerbError{kUsage,
                    fmt::format("cli-sink]: {} has no sink {}\n  expected  {}{}{}", loaded->file, config::quote(sink),
                                readable.empty() ? "one that can be read back" : config::joined(readable),
                                hint.empty() ? "" : "\n  hint      ", hint)};
  }
  if (!store::can_read(found->kind))
    throw VerbError{kUsage,
                    fmt::format("cli-sink]: sink '{}' can't be read back\n  expected  one of kind sqlite or mysql{}{}\n"
                                "  got       {}",
                                found->name, readable.empty() ? "" : ": ", config::joined(readable), found->kind)};
  auto zone = model::Zone::find(loaded->configuration->timezone);
  Past past{std::move(*loaded), found->name, nullptr, zone ? *zone : model::Zone::utc(),
            runtime::SystemClock{}.wall_ns()};
  past.store = std::make_unique<store::Store>(
      store::open_archive(found->kind, found->options, past.loaded.configuration->timezone));
  return past;
}

store::TimeRange Past::range(const std::string& from, const std::string& to) const {
  return parse_range(from, to, now_ns, zone);
}

store::TimeRange parse_range(const std::string& from, const std::string& to, std::int64_t now_ns,
                             const model::Zone& zone) {
  const auto instant = [&](const char* option, const std::string& text, store::Bound bound) {
    model::Problem problem;
    if (const auto time_ns = store::parse_instant(text, bound, now_ns, zone, &problem)) return *time_ns;
    throw VerbError{kUsage, fmt::format("qry-time]: {}: {}\n  expected  {}\n  got       {}", option, problem.message,
                                        problem.expected, config::quote(text))};
  };
  const store::TimeRange range{instant("--from", from, store::Bound::from), instant("--to", to, store::Bound::to)};
  if (range.from_ns < range.to_ns) return range;
  throw VerbError{kUsage, fmt::format("qry-range]: the range ends at {}, which is not after its begin {}\n  hint      "
                                      "exchange --from and --to",
                                      zone.format(range.to_ns), zone.format(range.from_ns))};
}

void Past::check_series(const std::vector<std::string>& globs) {
  const auto& all = store->archive().series();
  for (const std::string& text : globs) {
    if (text.find_first_of("*?") != std::string::npos) continue;
    const auto glob = model::Glob::parse(text);
    if (!glob || std::any_of(all.begin(), all.end(), [&](const auto& s) { return glob->matches(s.info); })) continue;
    // As long as what was typed: a device, a channel, a series.
    const auto parts = std::count(text.begin(), text.end(), '/');
    std::set<std::string> names;
    for (const store::StoredSeries& s : all)
      names.insert(parts == 0 ? s.info.device : parts == 1 ? s.info.device + "/" + s.info.channel : s.info.name());
    const std::string hint = config::did_you_mean(text, {names.begin(), names.end()});
    if (!hint.empty())
      throw VerbError{kFailed, fmt::format("qry-series]: sink '{}' has no series {}\n  hint      {}", sink,
                                           config::quote(text), hint)};
  }
}

int tell_errors(const char* verb, const std::function<int()>& work) {
  // A closed pipe is an error of write(), not the end.
  std::signal(SIGPIPE, SIG_IGN);
  const auto complain = [&](const std::string& text) {
    std::fputs(fmt::format("mesura {}: error[{}\n", verb, text).c_str(), stderr);
  };
  // "qry-series: no series ...": the code stands in brackets here.
  const auto complain_with_code = [&](std::string text) {
    const auto colon = text.find(": ");
    if (colon != std::string::npos && text.find_first_of(" \n") == colon + 1)
      text.insert(colon, "]");
    else
      text.insert(0, "failed]: ");
    complain(text);
  };
  try {
    return work();
  } catch (const VerbError& e) {
    if (!e.text.empty()) complain(e.text);
    return e.code;
  } catch (const store::StoreError& e) {
    complain_with_code(e.what());
    return e.cause() == store::StoreError::Cause::question ? kUsage : kFailed;
  } catch (const std::exception& e) {
    complain_with_code(e.what());
    return kFailed;
  }
}

bool Out::write(std::string_view text) {
  if (error_ == 0 && std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) error_ = errno;
  return error_ == 0;
}

int Out::exit_code(int code) const {
  int error = error_;
  if (error == 0 && std::fflush(stdout) != 0) error = errno;
  if (error == 0 || error == EPIPE) return code;
  std::fputs(
      fmt::format("mesura: error[out-write]: standard output can't be written: {}\n", std::strerror(error)).c_str(),
      stderr);
  return kFailed;
}

}  // namespace mesura::app
