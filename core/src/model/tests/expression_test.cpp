// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/expression.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

namespace mesura::model {
namespace {

Expression parsed(std::string_view text) {
  INFO(text);
  Problem problem;
  auto expression = Expression::parse(text, problem);
  INFO(problem.message);
  REQUIRE(expression);
  return std::move(*expression);
}

double value(std::string_view text, const std::vector<double>& values) { return parsed(text).evaluate(values); }

/// "message | expected | got" of what is wrong with the text.
std::string wrong(std::string_view text) {
  INFO(text);
  Problem problem;
  REQUIRE_FALSE(Expression::parse(text, problem));
  return problem.message + " | " + problem.expected + " | " + problem.got;
}

/// The same for its units: each operand has that unit, all are gauges.
std::string units(std::string_view text, const std::vector<std::string>& operands, const std::string& result) {
  const Expression expression = parsed(text);
  std::vector<QuantityFacts> facts;
  for (const auto& unit : operands) facts.push_back({unit});
  REQUIRE(facts.size() == expression.operands().size());
  const auto problem = expression.check(facts, {result});
  return problem ? problem->message + " | " + problem->expected + " | " + problem->got : "";
}

TEST_CASE("operators bind as in school, from left to right") {
  CHECK(value("a/x + b/x * 2", {1, 10}) == 21);
  CHECK(value("(a/x + b/x) * 2", {1, 10}) == 22);
  CHECK(value("a/x - b/x - c/x", {10, 3, 2}) == 5);
  CHECK(value("a/x / b/x / c/x", {100, 5, 2}) == 10);
  CHECK(value("-a/x - -b/x", {1, 10}) == 9);
  CHECK(value("- (a/x) * 2", {3}) == -6);
  CHECK(value("1.5e3 * a/x", {2}) == 3000);
  CHECK(value("a/x - 1", {2}) == 1);
  CHECK(value("min(a/x, b/x, 3)", {5, 4}) == 3);
  CHECK(value("max(0, a/x)", {-7}) == 0);
  CHECK(value("abs(a/x) + abs ( b/x )", {-7, 2}) == 9);
  CHECK(std::isinf(value("a/x / b/x", {1, 0})));
}

TEST_CASE("a series is named once and may be used often") {
  const Expression e = parsed("grid/total + cupboard/ct2 - grid/total/active_power_export + grid/total");
  REQUIRE(e.operands().size() == 3);
  CHECK(e.operands()[0].device == "grid");
  CHECK(e.operands()[0].channel == "total");
  CHECK(e.operands()[0].quantity.empty());
  CHECK(e.operands()[1].position == 13);
  CHECK(e.operands()[2].quantity == "active_power_export");
  CHECK(e.evaluate(std::vector<double>{1, 10, 100}) == -88);
}

TEST_CASE("a slash inside a name is part of it, one behind a blank divides") {
  CHECK(parsed("a/x/p /b/y/q").operands().size() == 2);
  CHECK(parsed("a/x / b/y").operands().size() == 2);
  CHECK(parsed("a/x /2").operands().size() == 1);
  CHECK(wrong("a/x/p/b/y/q") == "cannot be read at character 7 | at most device/channel/quantity | 'b'");
}

TEST_CASE("what cannot be read is told with its place") {
  CHECK(wrong("") == "cannot be read at character 1 | a number, a series or '(' | its end");
  CHECK(wrong("a/x +") == "cannot be read at character 6 | a number, a series or '(' | its end");
  CHECK(wrong("a/x b/x") == "cannot be read at character 5 | an operator: + - * / | 'b'");
  CHECK(wrong("grid + 1") == "cannot be read at character 1 | device/channel or device/channel/quantity | 'grid'");
  CHECK(wrong("(a/x") == "cannot be read at character 5 | ')' | its end");
  CHECK(wrong("a/x)") == "cannot be read at character 4 | an operator: + - * / | ')'");
  CHECK(wrong("mean(a/x, b/x)") == "cannot be read at character 1 | min, max or abs | 'mean'");
  CHECK(wrong("min(a/x)") == "cannot be read at character 8 | ',' and a second value | ')'");
  CHECK(wrong("abs(a/x, 1)") == "cannot be read at character 8 | ')' | ','");
  CHECK(wrong("a/x * 4kW") == "cannot be read at character 8 | an operator: + - * / | 'kW'");
  CHECK(wrong("a/x * 1e999") == "cannot be read at character 7 | a number | '1e999'");
  CHECK(wrong("a/x · 2") == "cannot be read at character 5 | an operator: + - * / | '·'");
  CHECK(wrong("1 + 2") == "names no series | device/channel or device/channel/quantity | ");
}

TEST_CASE("what would exhaust the stack is refused") {
  const std::size_t deep = 100'000;
  CHECK(wrong(std::string(2000, '(')).substr(0, 20) == "is nested too deeply");
  CHECK(wrong(std::string(2000, '-')).substr(0, 20) == "is nested too deeply");
  CHECK(wrong(std::string(deep, '(')).substr(0, 11) == "is too long");
  std::string tower;
  std::string closing;
  for (int i = 0; i < 39; ++i) {
    tower += "a/x+(";
    closing += ")";
  }
  CHECK(value(tower + "a/x" + closing, {1}) == 40);
  CHECK(wrong("a/x+(" + tower + "a/x" + closing + ")").substr(0, 20) == "is nested too deeply");
}

TEST_CASE("no text does harm") {
  constexpr std::array<std::string_view, 22> kPieces{"a/x", "b/y/q", "min",      "max", "abs", "(", ")",   ",",
                                                     "+",   "-",     "*",        "/",   " ",   "1", "0.5", "1e9",
                                                     ".",   "_",     "\xC3\xA9", "\n",  "a/",  "//"};
  std::mt19937 random{7};
  std::size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += kPieces[random() % kPieces.size()];
    Problem problem;
    const auto expression = Expression::parse(text, problem);
    if (!expression) {
      CHECK_FALSE(problem.message.empty());
      continue;
    }
    ++good;
    const std::vector<double> values(expression->operands().size(), 2);
    (void)expression->evaluate(values);
    (void)expression->check(std::vector<QuantityFacts>(values.size(), {"W"}), {"W"});
  }
  CHECK(good > 100);
}

TEST_CASE("sums need equal units, and numbers take their neighbour's") {
  CHECK(units("a/x + b/x - 50", {"W", "W"}, "W").empty());
  CHECK(units("max(0, a/x)", {"W"}, "W").empty());
  CHECK(units("a/x + b/x", {"W", "Wh"}, "W") == "adds different units at character 5 | equal units | W and Wh");
  CHECK(units("a/x - b/x", {"1", "W"}, "W") ==
        "subtracts different units at character 5 | equal units | no unit and W");
  CHECK(units("min(a/x, b/x)", {"W", "var"}, "W") ==
        "compares different units at character 1 | equal units | W and var");
  CHECK(units("a/x + b/x", {"W", "W"}, "VA") == "has the wrong unit | VA | W");
}

TEST_CASE("products and quotients know numbers, ratios, volt and ampere") {
  CHECK(units("2 * a/x / 3", {"W"}, "W").empty());
  CHECK(units("a/x * b/x", {"W", "1"}, "W").empty());
  CHECK(units("a/x * b/x", {"1", "1"}, "1").empty());
  CHECK(units("a/x * b/x", {"V", "A"}, "W").empty());
  CHECK(units("a/x / b/x", {"W", "V"}, "A").empty());
  CHECK(units("a/x / b/x", {"W", "A"}, "V").empty());
  CHECK(units("a/x / (b/x + c/x)", {"W", "W", "W"}, "1").empty());
  CHECK(units("a/x / b/x", {"W", "VA"}, "1").empty());
  CHECK(units("100 * a/x / b/x", {"W", "W"}, "%").empty());
  CHECK(units("a/x * b/x", {"W", "W"}, "W") == "multiplies two units at character 5 | a number, or V * A | W and W");
  CHECK(units("1 / a/x", {"W"}, "W") ==
        "divides by another unit at character 3 | a number, the same unit, or W / V or W / A | a number by W");
}

TEST_CASE("registers add up to a register, and nothing else mixes kinds") {
  const QuantityFacts reg{"Wh", Kind::reg};
  const QuantityFacts gauge{"Wh", Kind::gauge};
  const QuantityFacts text{"1", Kind::state, true};
  CHECK_FALSE(parsed("a/x + b/x").check(std::vector{reg, reg}, reg));
  CHECK(parsed("a/x - b/x").check(std::vector{reg, reg}, reg)->message ==
        "does more than add registers at character 5");
  CHECK(parsed("a/x + 5").check(std::vector{reg}, reg)->message == "adds a number to a register");
  CHECK(parsed("a/x + b/x").check(std::vector{reg, gauge}, reg)->message == "uses b/x, a gauge");
  CHECK(parsed("a/x").check(std::vector{reg}, gauge)->message == "uses a/x, a register");
  CHECK(parsed("a/x").check(std::vector{text}, gauge)->message == "uses a/x, a text");
}

}  // namespace
}  // namespace mesura::model
