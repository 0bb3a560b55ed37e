// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "plot/canvas.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

namespace mesura::plot {

namespace {

constexpr std::string_view kSymbols = "*o+x#@%=";
constexpr std::size_t kColours = 6;

/// U+2800 and its dots as UTF-8.
void append_braille(std::string& out, std::uint8_t dots) {
  out += static_cast<char>(0xe2);
  out += static_cast<char>(0xa0 | (dots >> 6U));
  out += static_cast<char>(0x80 | (dots & 0x3fU));
}

/// The bit of a dot: 1 4 / 2 5 / 3 6 / 7 8.
std::uint8_t bit_of(std::size_t x, std::size_t y) {
  static constexpr std::uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  return kBits[y][x];
}

}  // namespace

char symbol_of(std::size_t line) { return kSymbols[line % kSymbols.size()]; }

std::string colour_of(std::size_t line) {
  // Green, yellow, cyan, magenta, blue, red: legible on black and on white.
  static constexpr int kCodes[kColours] = {32, 33, 36, 35, 34, 31};
  return fmt::format("\033[{}m", kCodes[line % kColours]);
}

Canvas::Canvas(std::size_t width, std::size_t height, Glyphs glyphs)
    : columns_(width),
      rows_(height),
      across_(glyphs == Glyphs::braille ? 2 : 1),
      down_(glyphs == Glyphs::braille ? 4 : 1),
      glyphs_(glyphs),
      cells_(width * height) {}

void Canvas::dot(std::int64_t x, std::int64_t y, std::size_t line) {
  if (x < 0 || y < 0) return;
  const auto ux = static_cast<std::size_t>(x);
  const auto uy = static_cast<std::size_t>(y);
  if (ux >= width() || uy >= height()) return;
  Cell& cell = cells_[uy / down_ * columns_ + ux / across_];
  cell.dots = static_cast<std::uint8_t>(cell.dots | bit_of(ux % across_, uy % down_));
  cell.line = static_cast<std::uint8_t>(line);
}

void Canvas::segment(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1, std::size_t line) {
  // Bresenham; callers clip to something near the canvas.
  const std::int64_t dx = std::abs(x1 - x0);
  const std::int64_t dy = -std::abs(y1 - y0);
  const std::int64_t step_x = x0 < x1 ? 1 : -1;
  const std::int64_t step_y = y0 < y1 ? 1 : -1;
  std::int64_t error = dx + dy;
  for (;;) {
    dot(x0, y0, line);
    if (x0 == x1 && y0 == y1) return;
    const std::int64_t twice = 2 * error;
    if (twice >= dy) error += dy, x0 += step_x;
    if (twice <= dx) error += dx, y0 += step_y;
  }
}

void Canvas::append_row(std::string& out, std::size_t row, bool colour) const {
  std::size_t end = columns_;
  while (end > 0 && cells_[row * columns_ + end - 1].dots == 0) --end;
  int present = -1;
  for (std::size_t i = 0; i < end; ++i) {
    const Cell& cell = cells_[row * columns_ + i];
    if (cell.dots == 0) {
      out += ' ';
      continue;
    }
    if (colour && present != cell.line) {
      out += colour_of(cell.line);
      present = cell.line;
    }
    if (glyphs_ == Glyphs::braille)
      append_braille(out, cell.dots);
    else
      out += symbol_of(cell.line);
  }
  if (present >= 0) out += kNoColour;
}

}  // namespace mesura::plot
