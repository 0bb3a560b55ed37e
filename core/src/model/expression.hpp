// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "model/problem.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::model {

/// What the units of an expression are checked against.
struct QuantityFacts {
  std::string unit;
  Kind kind = Kind::gauge;
  bool text = false;
};

/// Arithmetic over series: "grid/total + cupboard/ct2 - inverter/battery".
///
///     + - * /  ( )  numbers  min(a, b, ...)  max(a, b, ...)  abs(a)
///     device/channel            the quantity that the result has
///     device/channel/quantity   another one
///
/// A '/' without blanks inside a name belongs to it: a division by a series has a blank before the name. Parsed once;
/// evaluating costs some nanoseconds an operation and allocates nothing.
class Expression {
 public:
  struct Operand {
    std::string device;
    std::string channel;
    std::string quantity;      ///< empty: that of the result
    std::size_t position = 0;  ///< where it stands first, in bytes
  };

  static constexpr std::size_t kMaxText = 4096;
  static constexpr std::size_t kMaxDepth = 40;  ///< of parentheses and of open operations

  /// Nothing, and the reason in `problem`.
  static std::optional<Expression> parse(std::string_view text, Problem& problem);

  /// Each series once, in the order of the text.
  [[nodiscard]] const std::vector<Operand>& operands() const { return operands_; }

  /// What is wrong with the units and kinds, or nothing. `facts` are those of the operands, in their order.
  ///
  /// Sums, differences, min and max need equal units; a bare number takes that of its neighbour. Products and quotients
  /// take numbers and series without unit; V * A is W, and W / V and W / A lead back; equal units divided have none,
  /// and W, VA and var by each other.
  /// Gauges give gauges. Registers may only be added up, to a register.
  [[nodiscard]] std::optional<Problem> check(std::span<const QuantityFacts> facts, const QuantityFacts& result) const;

  /// `values` are the operands', in their order. NaN and infinities come through.
  [[nodiscard]] double evaluate(std::span<const double> values) const;

 private:
  friend class ExpressionParser;
  enum class Code : std::uint8_t {
    number,
    operand,
    add,
    subtract,
    multiply,
    divide,
    negate,
    minimum,
    maximum,
    absolute
  };
  /// In the order of evaluation, over a stack.
  struct Step {
    Code code;
    std::uint32_t operand = 0;
    double number = 0;
    std::size_t position = 0;
  };
  struct Units;

  std::vector<Operand> operands_;
  std::vector<Step> steps_;
};

}  // namespace mesura::model
