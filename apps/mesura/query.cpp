// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura query: what a sink has stored, as a table, CSV, JSON or a chart.
#include "past.hpp"
#include "verbs.hpp"

#include "model/text.hpp"
#include "plot/chart.hpp"
#include "store/render.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::app {
namespace {

/// What a chart has beside its field.
constexpr std::size_t kAxis = 9;

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

std::size_t size_from(std::string_view text, std::size_t otherwise) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 ? std::min<std::size_t>(value, 1000)
                                                                               : otherwise;
}

/// The terminal's size, alphabet and colours.
plot::Options terminal(const Past& past, store::TimeRange range) {
  plot::Options options;
  options.from_ns = range.from_ns;
  options.to_ns = range.to_ns;
  options.zone = past.zone;
  winsize window{};
  const bool tty = ::isatty(STDOUT_FILENO) != 0;
  if (tty && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
    options.width = window.ws_col;
    options.height = std::max<std::size_t>(window.ws_row, 2) - 1;  // the prompt
  }
  options.width = size_from(environment("COLUMNS"), options.width);
  options.height = size_from(environment("LINES"), options.height);
  std::string_view locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (locale.empty()) locale = environment(name);
  std::string lower{locale};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  options.utf8 = lower.find("utf-8") != std::string::npos || lower.find("utf8") != std::string::npos;
  options.colour = tty && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  return options;
}

plot::Line line_of(const store::Trace& trace) {
  plot::Line line;
  const SeriesInfo& info = trace.series.info;
  line.name = model::printable(info.name());
  if (!info.label.empty()) line.name += fmt::format(" \"{}\"", model::printable(info.label));
  line.unit = model::printable(info.unit);
  for (const store::StatePoint& s : trace.states)
    line.samples.push_back({s.time_ns, s.number, s.number, s.number, false, true});
  std::size_t gap = 0;
  for (const store::Point& p : trace.points) {
    bool after_gap = false;
    for (; gap < trace.gaps.size() && trace.gaps[gap].from_ns < p.time_ns; ++gap) after_gap = true;
    const std::int64_t middle = p.time_ns + trace.window.count() / 2;
    line.samples.push_back({middle, p.min, p.max, p.mean, after_gap, false});
  }
  return line;
}

std::string chart(const std::vector<store::Trace>& traces, const plot::Options& options) {
  std::vector<plot::Line> lines;
  std::string notes;
  for (const store::Trace& trace : traces) {
    if (trace.series.info.text)
      notes += fmt::format("{}: texts make no line; --format table shows them\n",
                           model::printable(trace.series.info.name()));
    else
      lines.push_back(line_of(trace));
  }
  return (lines.empty() ? std::string{} : plot::draw(lines, options)) + notes;
}

store::Resolution resolution_from(const std::string& word) {
  for (const auto r :
       {store::Resolution::raw, store::Resolution::minute, store::Resolution::quarter_hour, store::Resolution::hour})
    if (store::to_string(r) == word) return r;
  return store::Resolution::day;
}

}  // namespace

int query(const QueryOptions& options) {
  return tell_errors("query", [&] {
    Past past = Past::open(options.common, options.sink);
    store::Query query;
    query.series = options.series;
    past.check_series(options.series);
    query.range = past.range(options.from, options.to);
    query.every = options.every;
    const bool plotted = options.format == "plot";
    const plot::Options screen = terminal(past, query.range);
    if (options.points)
      query.points = *options.points;
    else if (plotted)
      query.points = std::max<std::size_t>(screen.width, 2 * kAxis) * 2 - 2 * kAxis;
    if (!options.resolution.empty()) query.resolution = resolution_from(options.resolution);
    const auto traces = past.store->query(query);
    Out out;
    if (plotted) {
      (void)out.write(chart(traces, screen));
      return out.exit_code(kDone);
    }
    store::RenderOptions form;
    form.form = *store::answer_form_from(options.format);
    form.aggregate = *store::aggregate_from(options.aggregate);
    form.zone = past.zone;
    (void)store::render(traces, query.range, form, [&](std::string_view piece) { return out.write(piece); });
    return out.exit_code(kDone);
  });
}

}  // namespace mesura::app
