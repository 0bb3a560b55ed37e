// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/godenerg/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

namespace mesura::http::compat::godenerg {
namespace {

constexpr double kWidth = 1200, kHeight = 700;
constexpr double kLeft = 80, kRight = 1120, kTop = 60, kBottom = 540;
constexpr std::size_t kNameLength = 14;
constexpr std::size_t kMaxTimeLabels = 40;
constexpr double kMaxValueLabels = 20;
constexpr std::array<std::string_view, 2> kColours{"#3333FF", "#CC3333"};

using Out = fmt::appender;

/// Whole numbers around what is shown, and from one label to the next.
struct Axis {
  double low = 0, high = 1, step = 1;

  explicit Axis(const std::vector<GraphPoint>& points) {
    if (points.empty()) return;
    const auto [least, most] =
        std::minmax_element(points.begin(), points.end(), [](auto& a, auto& b) { return a.value < b.value; });
    low = std::floor(least->value);
    high = std::ceil(most->value);
    if (high <= low) high = low + 1;
    step = std::max(1.0, std::ceil((high - low) / (kMaxValueLabels - 1)));
  }
  [[nodiscard]] double y(double value) const { return kBottom - (value - low) / (high - low) * (kBottom - kTop); }
};

struct TimeAxis {
  std::int64_t from_ns = INT64_MAX, to_ns = INT64_MIN;

  [[nodiscard]] double x(std::int64_t time_ns) const {
    if (to_ns == from_ns) return (kLeft + kRight) / 2;
    return kLeft + static_cast<double>(time_ns - from_ns) / static_cast<double>(to_ns - from_ns) * (kRight - kLeft);
  }
};

std::string seconds(std::int64_t time_ns) {
  std::string text = fmt::format("{}.{:09}", time_ns / 1'000'000'000, time_ns % 1'000'000'000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string local(std::int64_t time_ns, const model::Zone& zone) {
  const model::LocalTime t = zone.to_local(time_ns);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second);
}

void draw_values(Out out, const Axis& axis, bool right, std::string_view colour) {
  for (double value = axis.low; value <= axis.high; value += axis.step) {
    const double y = axis.y(value);
    if (!right)
      fmt::format_to(out, R"(<line class="guide" x1="{}" y1="{:.2f}" x2="{}" y2="{:.2f}"/>)", kLeft, y, kRight, y);
    fmt::format_to(out, R"(<text class="value" fill="{}" x="{}" y="{:.2f}" text-anchor="{}">{:.0f}</text>)", colour,
                   right ? kRight + 8 : kLeft - 8, y + 4, right ? "start" : "end", value);
    fmt::format_to(out, "\n");
  }
}

void draw_times(Out out, const std::vector<GraphSeries>& series, const TimeAxis& axis, const model::Zone& zone) {
  std::set<std::int64_t> times;
  for (const GraphSeries& s : series)
    for (const GraphPoint& p : s.points) times.insert(p.time_ns);
  if (times.size() <= kMaxTimeLabels) return;
  const std::size_t every = (times.size() + kMaxTimeLabels - 1) / kMaxTimeLabels;
  std::size_t index = 0;
  for (const std::int64_t time : times) {
    if (index++ % every != 0) continue;
    const double x = axis.x(time);
    fmt::format_to(out, R"svg(<text class="time" x="{:.2f}" y="{}" transform="rotate(-60 {:.2f} {})">{}</text>)svg", x,
                   kBottom + 16, x, kBottom + 16, local(time, zone));
    fmt::format_to(out, "\n");
  }
}

void draw_series(Out out, const GraphSeries& series, std::size_t index, const Axis& axis, const TimeAxis& time) {
  const std::string_view colour = kColours[index % kColours.size()];
  fmt::format_to(out, R"(<g class="series" data-column="{}" data-low="{}" data-high="{}" data-points=")", series.name,
                 axis.low, axis.high);
  const char* blank = "";
  for (const GraphPoint& p : series.points) {
    fmt::format_to(out, "{}{},{}", blank, seconds(p.time_ns), p.value);
    blank = " ";
  }
  fmt::format_to(out, "\">");
  std::string line;
  for (const GraphPoint& p : series.points)
    fmt::format_to(std::back_inserter(line), "{}{:.2f},{:.2f}", line.empty() ? "M" : " ", time.x(p.time_ns),
                   axis.y(p.value));
  if (!series.points.empty()) {
    const double base = axis.y(std::clamp(0.0, axis.low, axis.high));
    fmt::format_to(out, R"(<path class="fill" fill="{}" d="{} {:.2f},{:.2f} {:.2f},{:.2f}Z"/>)", colour, line,
                   time.x(series.points.back().time_ns), base, time.x(series.points.front().time_ns), base);
    fmt::format_to(out, R"(<path class="line" stroke="{}" d="{}"/>)", colour, line);
  }
  const double y = kHeight - 12;
  const double x = kLeft + 200 * static_cast<double>(index);
  fmt::format_to(out, R"(<rect fill="{}" x="{}" y="{}" width="12" height="12"/><text x="{}" y="{}">{}</text></g>)",
                 colour, x, y - 11, x + 18, y, std::string_view{series.name}.substr(0, kNameLength));
  fmt::format_to(out, "\n");
}

}  // namespace

std::string draw_chart(const std::vector<GraphSeries>& series, const model::Zone& zone) {
  TimeAxis time;
  for (const GraphSeries& s : series) {
    for (const GraphPoint& p : s.points) {
      time.from_ns = std::min(time.from_ns, p.time_ns);
      time.to_ns = std::max(time.to_ns, p.time_ns);
    }
  }
  fmt::memory_buffer buffer;
  const Out out{buffer};
  fmt::format_to(out,
                 R"(<!DOCTYPE html>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" data-from="{2}" data-to="{3}")",
                 kWidth, kHeight, seconds(time.from_ns), seconds(time.to_ns));
  fmt::format_to(out, R"( data-left="{}" data-right="{}" data-top="{}" data-bottom="{}">)", kLeft, kRight, kTop,
                 kBottom);
  fmt::format_to(out, R"(
<title>Inverter Stats</title>
<style>text{{font:11px sans-serif}} .title{{font-size:18px}} .guide{{stroke:#ddd}} .time{{text-anchor:end}}
.line{{fill:none;stroke-width:1.5}} .fill{{fill-opacity:.25}}</style>
<rect width="100%" height="100%" fill="white"/>
<text class="title" x="{}" y="32" text-anchor="middle">Inverter Stats</text>
)",
                 kWidth / 2);
  std::vector<Axis> axes;
  for (const GraphSeries& s : series) axes.emplace_back(s.points);
  for (std::size_t i = 0; i < series.size(); ++i) draw_values(out, axes[i], i > 0, kColours[i % kColours.size()]);
  draw_times(out, series, time, zone);
  for (std::size_t i = 0; i < series.size(); ++i) draw_series(out, series[i], i, axes[i], time);
  fmt::format_to(out, "</svg>\n");
  return fmt::to_string(buffer);
}

}  // namespace mesura::http::compat::godenerg
