// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mesura::plot {

/// What a chart is made of.
enum class Glyphs : std::uint8_t {
  braille,  ///< 2 x 4 dots a character
  ascii     ///< a symbol a character
};

/// A field of dots, each of one of several lines; later lines lie over earlier ones.
class Canvas {
 public:
  /// In characters.
  Canvas(std::size_t width, std::size_t height, Glyphs glyphs);

  /// In dots. (0, 0) is at the top on the left.
  [[nodiscard]] std::size_t width() const { return columns_ * across_; }
  [[nodiscard]] std::size_t height() const { return rows_ * down_; }

  /// Dots outside are left out.
  void dot(std::int64_t x, std::int64_t y, std::size_t line);
  void segment(std::int64_t x0, std::int64_t y0, std::int64_t x1, std::int64_t y1, std::size_t line);

  /// Appends one row of characters, without blanks at its end. `colour`: by ANSI sequences.
  void append_row(std::string& out, std::size_t row, bool colour) const;

 private:
  struct Cell {
    std::uint8_t dots = 0;
    std::uint8_t line = 0;
  };
  std::size_t columns_, rows_;
  std::size_t across_, down_;
  Glyphs glyphs_;
  std::vector<Cell> cells_;
};

/// The symbol of a line in ASCII: '*', 'o', '+', ...
[[nodiscard]] char symbol_of(std::size_t line);
/// The ANSI sequence that begins its colour.
[[nodiscard]] std::string colour_of(std::size_t line);
inline constexpr const char* kNoColour = "\033[0m";

}  // namespace mesura::plot
