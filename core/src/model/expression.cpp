// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace mesura::model {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Carries a problem out of the recursion.
struct Wrong {
  Problem problem;
};

}  // namespace

/// Recursive descent; writes the steps as it goes.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : text_(text) {}

  Expression run() {
    if (text_.size() > Expression::kMaxText)
      throw Wrong{{"is too long", fmt::format("at most {} characters", Expression::kMaxText),
                   fmt::format("{}", text_.size()), "let one derived series use another"}};
    sum();
    if (at_ < text_.size()) fail("an operator: + - * /", at_);
    if (out_.operands_.empty()) throw Wrong{{"names no series", "device/channel or device/channel/quantity", {}, {}}};
    return std::move(out_);
  }

 private:
  using Code = Expression::Code;

  [[noreturn]] void fail(std::string expected, std::size_t position, std::string hint = {}) const {
    std::string got = "its end";
    if (position < text_.size()) {
      std::size_t end = position + 1;
      while (end < text_.size() && is_word(text_[position]) && is_word(text_[end])) ++end;
      // Of a character of several bytes all: half of one is none.
      while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0U) == 0x80) ++end;
      got = fmt::format("'{}'", text_.substr(position, end - position));
    }
    throw Wrong{{fmt::format("cannot be read at character {}", position + 1), std::move(expected), std::move(got),
                 std::move(hint)}};
  }

  void skip() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  [[nodiscard]] char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void expect(char c) {
    if (peek() != c) fail(fmt::format("'{}'", c), at_);
    ++at_;
  }

  void push(Expression::Step step) {
    const bool value = step.code == Code::number || step.code == Code::operand;
    const bool unary = step.code == Code::negate || step.code == Code::absolute;
    if (value && ++depth_ > Expression::kMaxDepth) too_deep();
    if (!value && !unary) --depth_;
    out_.steps_.push_back(step);
  }
  [[noreturn]] static void too_deep() {
    throw Wrong{{"is nested too deeply",
                 fmt::format("at most {} levels", Expression::kMaxDepth),
                 {},
                 "let one derived series use another"}};
  }

  void sum() {
    if (++level_ > Expression::kMaxDepth) too_deep();
    product();
    for (char c = peek(); c == '+' || c == '-'; c = peek()) {
      const std::size_t position = at_++;
      product();
      push({c == '+' ? Code::add : Code::subtract, 0, 0, position});
    }
    skip();
    --level_;
  }

  void product() {
    factor();
    for (char c = peek(); c == '*' || c == '/'; c = peek()) {
      const std::size_t position = at_++;
      factor();
      push({c == '*' ? Code::multiply : Code::divide, 0, 0, position});
    }
  }

  void factor() {
    const char c = peek();
    const std::size_t position = at_;
    if (c == '-' || c == '+') {
      ++at_;
      if (++level_ > Expression::kMaxDepth) too_deep();
      factor();
      --level_;
      if (c == '-') push({Code::negate, 0, 0, position});
    } else if (c == '(') {
      ++at_;
      sum();
      expect(')');
    } else if (is_digit(c) || c == '.') {
      number();
    } else if (is_letter(c)) {
      word();
    } else {
      fail("a number, a series or '('", at_);
    }
  }

  void number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    const std::size_t position = at_;
    if (error != std::errc{} || !std::isfinite(value)) fail("a number", at_);
    at_ += static_cast<std::size_t>(end - begin);
    if (at_ < text_.size() && is_word(text_[at_]))
      fail("an operator: + - * /", at_, "units are those of the series, in base units: W, not kW");
    push({Code::number, 0, value, position});
  }

  std::string_view name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  void word() {
    const std::size_t position = at_;
    const std::string_view first = name();
    if (peek() == '(') return call(first, position);
    std::vector<std::string_view> parts{first};
    while (at_ < text_.size() && text_[at_] == '/' && at_ + 1 < text_.size() && is_word(text_[at_ + 1])) {
      if (at_ > 0 && is_blank(text_[at_ - 1])) break;
      ++at_;
      if (parts.size() == 3)
        fail("at most device/channel/quantity", at_, "put blanks around a '/' that means a division");
      parts.push_back(name());
    }
    if (parts.size() == 1)
      fail("device/channel or device/channel/quantity", position, "a series is named without blanks: grid/total");
    series(parts, position);
  }

  void series(const std::vector<std::string_view>& parts, std::size_t position) {
    auto& all = out_.operands_;
    const std::string_view quantity = parts.size() == 3 ? parts[2] : std::string_view{};
    const auto found = std::find_if(all.begin(), all.end(), [&](const Expression::Operand& o) {
      return o.device == parts[0] && o.channel == parts[1] && o.quantity == quantity;
    });
    const auto index = static_cast<std::uint32_t>(found - all.begin());
    if (found == all.end())
      all.push_back({std::string{parts[0]}, std::string{parts[1]}, std::string{quantity}, position});
    push({Code::operand, index, 0, position});
  }

  void call(std::string_view function, std::size_t position) {
    constexpr std::array<std::pair<std::string_view, Code>, 3> kFunctions{
        {{"min", Code::minimum}, {"max", Code::maximum}, {"abs", Code::absolute}}};
    const auto* const found =
        std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& f) { return f.first == function; });
    if (found == kFunctions.end()) fail("min, max or abs", position);
    expect('(');
    sum();
    std::size_t arguments = 1;
    while (peek() == ',') {
      if (found->second == Code::absolute) fail("')'", at_);
      ++at_;
      sum();
      push({found->second, 0, 0, position});
      ++arguments;
    }
    if (found->second != Code::absolute && arguments < 2) fail("',' and a second value", at_);
    expect(')');
    if (found->second == Code::absolute) push({Code::absolute, 0, 0, position});
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t level_ = 0;
  std::size_t depth_ = 0;
  Expression out_;
};

std::optional<Expression> Expression::parse(std::string_view text, Problem& problem) {
  try {
    return ExpressionParser{text}.run();
  } catch (Wrong& wrong) {
    problem = std::move(wrong.problem);
    return std::nullopt;
  }
}

/// The algebra of units. A bare number has none yet: it takes its neighbour's.
struct Expression::Units {
  static constexpr std::string_view kBare{};

  static std::string shown(std::string_view unit) {
    return unit.empty() ? "a number" : unit == "1" ? "no unit" : fmt::format("{}", unit);
  }

  [[noreturn]] static void clash(std::string_view what, const Step& step, std::string_view a, std::string_view b,
                                 std::string hint = {}) {
    throw Wrong{{fmt::format("{} different units at character {}", what, step.position + 1), "equal units",
                 fmt::format("{} and {}", shown(a), shown(b)), std::move(hint)}};
  }

  static std::string_view equal(std::string_view what, const Step& step, std::string_view a, std::string_view b) {
    if (a == b || b.empty()) return a;
    if (a.empty()) return b;
    clash(what, step, a, b);
  }

  static std::string_view product(const Step& step, std::string_view a, std::string_view b) {
    if (a.empty() || a == "1") return b.empty() && !a.empty() ? a : b;
    if (b.empty() || b == "1") return a;
    if ((a == "V" && b == "A") || (a == "A" && b == "V")) return "W";
    throw Wrong{{fmt::format("multiplies two units at character {}", step.position + 1),
                 "a number, or V * A",
                 fmt::format("{} and {}", shown(a), shown(b)),
                 {}}};
  }

  static std::string_view quotient(const Step& step, std::string_view a, std::string_view b) {
    if (b.empty() || b == "1") return a;
    if (a == b || (is_power(a) && is_power(b))) return "1";  // W by VA is a power factor
    if (a == "W" && b == "V") return "A";
    if (a == "W" && b == "A") return "V";
    throw Wrong{{fmt::format("divides by another unit at character {}", step.position + 1),
                 "a number, the same unit, or W / V or W / A",
                 fmt::format("{} by {}", shown(a), shown(b)),
                 {}}};
  }

  static bool is_power(std::string_view unit) { return unit == "W" || unit == "VA" || unit == "var"; }

  static std::string_view of(const Step& step, std::string_view a, std::string_view b) {
    switch (step.code) {
      case Code::add: return equal("adds", step, a, b);
      case Code::subtract: return equal("subtracts", step, a, b);
      case Code::minimum:
      case Code::maximum: return equal("compares", step, a, b);
      case Code::multiply: return product(step, a, b);
      case Code::divide: return quotient(step, a, b);
      default: return a;
    }
  }
};

std::optional<Problem> Expression::check(std::span<const QuantityFacts> facts, const QuantityFacts& result) const {
  const auto name = [&](std::size_t i) {
    const Operand& o = operands_[i];
    return fmt::format("{}/{}{}{}", o.device, o.channel, o.quantity.empty() ? "" : "/", o.quantity);
  };
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    if (!facts[i].text && facts[i].kind == result.kind) continue;
    const std::string_view kind = facts[i].text ? "text" : to_string(facts[i].kind);
    return Problem{fmt::format("uses {}, a {}", name(i), kind),
                   fmt::format("a {}", to_string(result.kind)),
                   {},
                   facts[i].kind == Kind::reg ? "registers add up to registers; a ratio of them is none" : ""};
  }
  std::vector<std::string_view> stack;
  try {
    for (const Step& step : steps_) {
      if (step.code == Code::number || step.code == Code::operand) {
        stack.push_back(step.code == Code::number ? Units::kBare : std::string_view{facts[step.operand].unit});
        continue;
      }
      if (result.kind == Kind::reg && step.code != Code::add)
        throw Wrong{{fmt::format("does more than add registers at character {}", step.position + 1),
                     "only +",
                     {},
                     "a register only grows: a difference of two may not"}};
      if (step.code == Code::negate || step.code == Code::absolute) continue;
      const std::string_view right = stack.back();
      stack.pop_back();
      stack.back() = Units::of(step, stack.back(), right);
    }
  } catch (Wrong& wrong) {
    return std::move(wrong.problem);
  }
  if (result.kind == Kind::reg &&
      std::any_of(steps_.begin(), steps_.end(), [](const Step& s) { return s.code == Code::number; }))
    return Problem{"adds a number to a register", "registers", {}, "a route or a page can shift it"};
  const std::string_view unit = stack.back();
  // A ratio is a fraction of one; who wants percent multiplies by 100.
  if (unit == result.unit || unit.empty() || (unit == "1" && result.unit == "%")) return std::nullopt;
  return Problem{"has the wrong unit", Units::shown(result.unit), Units::shown(unit), {}};
}

double Expression::evaluate(std::span<const double> values) const {
  std::array<double, kMaxDepth> stack;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  std::size_t top = 0;
  for (const Step& step : steps_) {
    switch (step.code) {
      case Code::number: stack[top++] = step.number; continue;
      case Code::operand: stack[top++] = values[step.operand]; continue;
      case Code::negate: stack[top - 1] = -stack[top - 1]; continue;
      case Code::absolute: stack[top - 1] = std::abs(stack[top - 1]); continue;
      default: break;
    }
    const double right = stack[--top];
    double& left = stack[top - 1];
    switch (step.code) {
      case Code::add: left += right; break;
      case Code::subtract: left -= right; break;
      case Code::multiply: left *= right; break;
      case Code::divide: left /= right; break;
      case Code::minimum: left = std::min(left, right); break;
      default: left = std::max(left, right); break;
    }
  }
  return stack[0];
}

}  // namespace mesura::model
