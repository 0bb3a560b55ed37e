// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plot/chart.hpp"

#include "plot/canvas.hpp"
#include "plot/ticks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace mesura::plot {

namespace {

constexpr std::size_t kLeastWidth = 30;
constexpr std::size_t kLeastRows = 4;   // of a panel's field
constexpr std::size_t kRowsBeside = 3;  // of a panel: its legend and the axis of time

/// All lines of one unit.
struct Panel {
  std::string unit;
  std::vector<const Line*> lines;
  Scale scale;
};

bool is_number(const Sample& s) { return std::isfinite(s.min) && std::isfinite(s.max) && std::isfinite(s.value); }

bool fit(Panel& panel, const Options& options, std::size_t rows) {
  double min = std::numeric_limits<double>::infinity();
  double max = -min;
  for (const Line* line : panel.lines) {
    for (const Sample& s : line->samples) {
      if (!is_number(s) || s.time_ns >= options.to_ns) continue;
      min = std::min({min, s.min, s.value});
      max = std::max({max, s.max, s.value});
    }
  }
  if (!(min <= max)) return false;
  // A power that is all above zero is read against zero when that costs little.
  if (min > 0 && min < max / 2) min = 0;
  if (max < 0 && max > min / 2) max = 0;
  panel.scale = value_scale(min, max, panel.unit, std::max<std::size_t>(3, rows / 3));
  return true;
}

class Field {
 public:
  Field(const Panel& panel, const Options& options, std::size_t width, std::size_t rows, Glyphs glyphs)
      : panel_(panel), options_(options), canvas_(width, rows, glyphs) {}

  [[nodiscard]] std::int64_t x(std::int64_t time_ns) const {
    const double part =
        static_cast<double>(time_ns - options_.from_ns) / static_cast<double>(options_.to_ns - options_.from_ns);
    return static_cast<std::int64_t>(std::floor(std::clamp(part, -1.0, 2.0) * static_cast<double>(canvas_.width())));
  }
  [[nodiscard]] std::int64_t y(double value) const {
    const double part = (value - panel_.scale.low) / (panel_.scale.high - panel_.scale.low);
    return static_cast<std::int64_t>(std::lround((1 - part) * static_cast<double>(canvas_.height() - 1)));
  }
  void draw(const Line& line, std::size_t number) {
    const Sample* before = nullptr;
    for (const Sample& s : line.samples) {
      if (!is_number(s) || s.time_ns >= options_.to_ns) {
        before = nullptr;
        continue;
      }
      const std::int64_t at = x(s.time_ns);
      if (before != nullptr && !s.after_gap) connect(*before, s, number);
      canvas_.segment(at, y(s.min), at, y(s.max), number);
      before = &s;
    }
    if (before != nullptr && before->holds) {
      const std::int64_t last = static_cast<std::int64_t>(canvas_.width()) - 1;
      canvas_.segment(x(before->time_ns), y(before->value), last, y(before->value), number);
    }
  }
  [[nodiscard]] const Canvas& canvas() const { return canvas_; }

 private:
  void connect(const Sample& from, const Sample& to, std::size_t number) {
    const std::int64_t x0 = x(from.time_ns);
    const std::int64_t x1 = x(to.time_ns);
    if (from.holds) {
      canvas_.segment(x0, y(from.value), x1, y(from.value), number);
      canvas_.segment(x1, y(from.value), x1, y(to.value), number);
    } else {
      canvas_.segment(x0, y(from.value), x1, y(to.value), number);
    }
  }

  const Panel& panel_;
  const Options& options_;
  Canvas canvas_;
};

class Drawer {
 public:
  explicit Drawer(const Options& options) : options_(options) {
    options_.width = std::max(options_.width, kLeastWidth);
  }

  std::string run(const std::vector<Line>& lines) {
    std::vector<Panel> panels;
    for (const Line& line : lines) {
      auto panel = std::find_if(panels.begin(), panels.end(), [&](const Panel& p) { return p.unit == line.unit; });
      if (panel == panels.end()) panel = panels.insert(panels.end(), Panel{line.unit, {}, {}});
      panel->lines.push_back(&line);
    }
    if (panels.empty() || options_.from_ns >= options_.to_ns) return "nothing to draw\n";
    std::size_t beside = 0;
    for (const Panel& panel : panels) beside += panel.lines.size() + kRowsBeside;
    const std::size_t rows =
        std::max(kLeastRows, options_.height > beside ? (options_.height - beside) / panels.size() : 0);
    bool any = false;
    for (Panel& panel : panels) {
      const bool fits = fit(panel, options_, rows);
      if (!fits) panel.scale.ticks.clear();
      any = any || fits;
    }
    std::size_t margin = 0;  // the same for all: one axis of time
    for (const Panel& panel : panels)
      for (const double tick : panel.scale.ticks) margin = std::max(margin, panel.scale.label(tick).size());
    margin_ = margin;
    std::string out;
    for (const Panel& panel : panels) {
      if (&panel != &panels.front()) out += '\n';
      draw_panel(out, panel, rows);
    }
    if (!any) out += "nothing in this range\n";
    return out;
  }

 private:
  [[nodiscard]] Glyphs glyphs(const Panel& panel) const {
    const bool told_apart = panel.lines.size() == 1 || options_.colour;
    return options_.utf8 && told_apart ? Glyphs::braille : Glyphs::ascii;
  }

  void legend(std::string& out, const Panel& panel) const {
    const bool by_symbol = glyphs(panel) == Glyphs::ascii;
    for (std::size_t i = 0; i < panel.lines.size(); ++i) {
      const Line& line = *panel.lines[i];
      double min = std::numeric_limits<double>::infinity();
      double max = -min;
      for (const Sample& s : line.samples) {
        if (!is_number(s)) continue;
        min = std::min(min, s.min);
        max = std::max(max, s.max);
      }
      if (options_.colour) out += colour_of(i);
      if (by_symbol) {
        out += symbol_of(i);
      } else {
        append_block(out);
      }
      if (options_.colour) out += kNoColour;
      out += fmt::format(" {}", line.name);
      if (min <= max) {
        const Scale& scale = panel.scale;
        const int decimals = std::min(scale.decimals + 2, 12);
        out += fmt::format("  min {:.{}f}, max {:.{}f}{}{}", min / scale.factor, decimals, max / scale.factor, decimals,
                           scale.unit.empty() ? "" : " ", scale.unit);
      } else {
        out += "  no data";
      }
      out += '\n';
    }
  }
  static void append_block(std::string& out) { out += "\xe2\xa3\xbf"; }  // a full braille cell

  void draw_panel(std::string& out, const Panel& panel, std::size_t rows) const {
    legend(out, panel);
    if (panel.scale.ticks.empty()) return;
    const std::size_t width = options_.width - margin_ - 2;
    Field field{panel, options_, width, rows, glyphs(panel)};
    for (std::size_t i = 0; i < panel.lines.size(); ++i) field.draw(*panel.lines[i], i);
    // Which row each label belongs to.
    const std::size_t dots = field.canvas().height() / rows;
    std::vector<std::string> labels(rows);
    for (const double tick : panel.scale.ticks) {
      const auto row = static_cast<std::size_t>(field.y(tick)) / dots;
      if (row < rows) labels[row] = panel.scale.label(tick);
    }
    for (std::size_t row = 0; row < rows; ++row) {
      out += fmt::format("{:>{}} ", labels[row], margin_);
      out += labels[row].empty() ? axis("|", "\xe2\x94\x82") : axis("+", "\xe2\x94\xa4");
      field.canvas().append_row(out, row, options_.colour);
      out += '\n';
    }
    time_axis(out, panel, field, width, dots == 1 ? 1 : 2);
  }

  /// One character in ASCII and in Unicode.
  [[nodiscard]] std::string_view axis(std::string_view ascii, std::string_view unicode) const {
    return options_.utf8 ? unicode : ascii;
  }

  void time_axis(std::string& out, const Panel& panel, const Field& field, std::size_t width,
                 std::size_t dots_across) const {
    const auto ticks = time_ticks(options_.from_ns, options_.to_ns, options_.zone, width);
    std::vector<bool> marks(width, false);
    std::string labels(margin_ + 2, ' ');
    std::size_t used = 0;  // of `labels`
    for (const TimeTick& tick : ticks) {
      const auto column = static_cast<std::size_t>(field.x(tick.time_ns)) / dots_across;
      if (column >= width) continue;
      marks[column] = true;
      const std::size_t middle = margin_ + 2 + column;
      const std::size_t begin = middle >= tick.label.size() / 2 ? middle - tick.label.size() / 2 : 0;
      if (begin < used || begin + tick.label.size() > options_.width) continue;
      if (labels.size() < begin + tick.label.size()) labels.resize(begin + tick.label.size(), ' ');
      labels.replace(begin, tick.label.size(), tick.label);
      used = begin + tick.label.size() + 1;
    }
    out += fmt::format("{:>{}} ", "", margin_);
    out += axis("+", "\xe2\x94\x94");
    for (std::size_t i = 0; i < width; ++i) out += marks[i] ? axis("+", "\xe2\x94\xac") : axis("-", "\xe2\x94\x80");
    out += '\n';
    // The unit stands in the corner, where no time does.
    if (panel.scale.unit.size() <= margin_ && used > 0 && labels.find_first_not_of(' ') > panel.scale.unit.size())
      labels.replace(0, panel.scale.unit.size(), panel.scale.unit);
    labels.erase(labels.find_last_not_of(' ') + 1);
    out += labels;
    out += '\n';
  }

  Options options_;
  std::size_t margin_ = 0;
};

}  // namespace

std::string draw(const std::vector<Line>& lines, const Options& options) { return Drawer{options}.run(lines); }

}  // namespace mesura::plot
