// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/parameter.hpp"

#include "config/text.hpp"
#include "config/units.hpp"
#include "http/api/time_word.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr double kNanoseconds = 1e9;

[[noreturn]] void refuse(std::string code, std::string message, std::string expected, std::string got,
                         std::string hint = {}) {
  throw Refused{400, {std::move(code), std::move(message), std::move(expected), std::move(got), std::move(hint)}};
}

Parameter make(std::string name, Parameter::Type type, std::string help) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.type = type;
  parameter.help = std::move(help);
  return parameter;
}

std::string duration_text(double seconds) {
  return config::print_duration(std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * kNanoseconds)});
}

std::string limits(const Parameter& p) {
  if (p.type == Parameter::Type::duration)
    return fmt::format(" from {} to {}", duration_text(p.min.value_or(0)), duration_text(p.max.value_or(0)));
  if (p.min && p.max) return fmt::format(" from {} to {}", *p.min, *p.max);
  return {};
}

/// What a value of this parameter looks like.
std::string expectation(const Parameter& p) {
  using enum Parameter::Type;
  switch (p.type) {
    case glob: return "device/channel/quantity; * and ? stand for anything, fewer parts for all below";
    case word: return config::joined(p.words);
    case integer: return "a whole number" + limits(p);
    case number: return "a number" + limits(p);
    case duration: {
      std::string expected = "a duration with its unit (10s, 15m, 1h)" + limits(p);
      if (!p.words.empty()) expected += ", or " + config::joined(p.words);
      return expected;
    }
    case time: return std::string{kTimeWords};
    case boolean: return "true, false";
    case string: break;
  }
  return "a text";
}

template <class T>
std::optional<T> whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void refuse_value(const Parameter& p, std::string_view got, std::string hint = {}) {
  refuse("api-parameter", fmt::format("'{}' is wrong", p.name), expectation(p), config::quote(got), std::move(hint));
}

void check_limits(const Parameter& p, double value, std::string_view text) {
  if (!std::isfinite(value) || (p.min && value < *p.min) || (p.max && value > *p.max)) refuse_value(p, text);
}

Parameter ranged(std::string name, Parameter::Type type, double min, double max, std::string fallback,
                 std::string help) {
  Parameter p = make(std::move(name), type, std::move(help));
  p.min = min;
  p.max = max;
  p.fallback = std::move(fallback);
  return p;
}

}  // namespace

Parameter in_path(std::string name, std::string help) {
  Parameter p = make(std::move(name), Parameter::Type::string, std::move(help));
  p.in_path = p.required = true;
  return p;
}
Parameter globs(std::string name, std::string help) {
  Parameter p = make(std::move(name), Parameter::Type::glob, std::move(help));
  p.repeatable = true;
  p.example = "grid/*/active_power";
  return p;
}
Parameter text(std::string name, std::string help) {
  return make(std::move(name), Parameter::Type::string, std::move(help));
}
Parameter word(std::string name, std::vector<std::string> words, std::string fallback, std::string help) {
  Parameter p = make(std::move(name), Parameter::Type::word, std::move(help));
  p.words = std::move(words);
  p.fallback = std::move(fallback);
  return p;
}
Parameter integer(std::string name, double min, double max, std::string fallback, std::string help) {
  return ranged(std::move(name), Parameter::Type::integer, min, max, std::move(fallback), std::move(help));
}
Parameter number(std::string name, double min, double max, std::string fallback, std::string help) {
  return ranged(std::move(name), Parameter::Type::number, min, max, std::move(fallback), std::move(help));
}
Parameter duration(std::string name, double min_s, double max_s, std::string fallback, std::string help) {
  return ranged(std::move(name), Parameter::Type::duration, min_s, max_s, std::move(fallback), std::move(help));
}
Parameter moment(std::string name, std::string fallback, std::string help) {
  Parameter p = make(std::move(name), Parameter::Type::time, std::move(help));
  p.fallback = std::move(fallback);
  p.example = "-1h";
  return p;
}
Parameter boolean(std::string name, std::string fallback, std::string help) {
  Parameter p = make(std::move(name), Parameter::Type::boolean, std::move(help));
  p.fallback = std::move(fallback);
  return p;
}
Parameter required(Parameter parameter) {
  parameter.required = true;
  return parameter;
}
Parameter repeatable(Parameter parameter) {
  parameter.repeatable = true;
  return parameter;
}
Parameter or_words(Parameter parameter, std::vector<std::string> words) {
  parameter.words = std::move(words);
  return parameter;
}

Arguments Arguments::parse(const std::vector<Parameter>& parameters, const Request& request, std::int64_t now_ns,
                           const model::Zone& zone) {
  Arguments arguments;
  std::size_t placeholder = 0;
  for (const Parameter& p : parameters) {
    if (!p.in_path) continue;
    arguments.items_[p.name].texts.push_back(request.captures.at(placeholder++));
  }
  for (const auto& field : request.query) {
    const std::string& name = field.first;
    const std::string& value = field.second;
    const auto known =
        std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.name == name; });
    if (known == parameters.end() || known->in_path) {
      std::vector<std::string> names;
      for (const Parameter& p : parameters)
        if (!p.in_path) names.push_back(p.name);
      refuse("api-unknown-parameter", fmt::format("there is no parameter {} here", config::quote(name)),
             names.empty() ? "none" : config::joined(names), {}, config::did_you_mean(name, names));
    }
    Item& item = arguments.items_[known->name];
    if (item.given && !known->repeatable)
      refuse("api-parameter-twice", fmt::format("'{}' is given twice", known->name), "once", config::quote(value));
    item.given = true;
    arguments.read(*known, value, item, now_ns, zone);
  }
  for (const Parameter& p : parameters) {
    if (p.in_path || arguments.items_.contains(p.name)) continue;
    if (p.required) refuse("api-missing-parameter", fmt::format("'{}' is missing", p.name), expectation(p), {}, p.help);
    if (!p.fallback.empty()) arguments.read(p, p.fallback, arguments.items_[p.name], now_ns, zone);
  }
  return arguments;
}

void Arguments::read(const Parameter& p, const std::string& text, Item& item, std::int64_t now_ns,
                     const model::Zone& zone) {
  using enum Parameter::Type;
  const bool is_word = std::find(p.words.begin(), p.words.end(), text) != p.words.end();
  switch (p.type) {
    case Parameter::Type::string:
      if (text.empty()) refuse_value(p, text);
      break;
    case glob: {
      model::Problem problem;
      if (!model::Glob::parse(text, &problem))
        refuse("api-parameter", fmt::format("'{}': {}", p.name, problem.message), problem.expected, problem.got,
               problem.hint);
      break;
    }
    case word:
      if (!is_word) refuse_value(p, text, config::did_you_mean(text, p.words));
      break;
    case integer: {
      const auto value = whole<std::int64_t>(text);
      if (!value) refuse_value(p, text);
      check_limits(p, static_cast<double>(*value), text);
      item.integer = *value;
      break;
    }
    case number: {
      const auto value = whole<double>(text);
      if (!value) refuse_value(p, text);
      check_limits(p, *value, text);
      item.number = *value;
      break;
    }
    case duration: {
      item.is_word = is_word;
      if (is_word) break;
      const auto value = config::parse_duration(text);
      if (!value) refuse_value(p, text);
      check_limits(p, static_cast<double>(value->count()) / kNanoseconds, text);
      item.integer = value->count();
      break;
    }
    case time: {
      const TimeWord word = read_time(text, p.name == "to", now_ns, zone);
      if (!word.time_ns) refuse_value(p, text, word.hint);
      item.integer = *word.time_ns;
      break;
    }
    case boolean:
      if (text != "true" && text != "false") refuse_value(p, text);
      item.integer = text == "true" ? 1 : 0;
      break;
  }
  item.texts.push_back(text);
}

const Arguments::Item* Arguments::find(std::string_view name) const {
  const auto found = items_.find(name);
  return found == items_.end() ? nullptr : &found->second;
}

const std::string& Arguments::text(std::string_view name) const {
  static const std::string kNone;
  const Item* item = find(name);
  return item == nullptr || item->texts.empty() ? kNone : item->texts.front();
}

std::vector<std::string> Arguments::texts(std::string_view name) const {
  const Item* item = find(name);
  return item == nullptr ? std::vector<std::string>{} : item->texts;
}

std::vector<model::Glob> Arguments::globs(std::string_view name) const {
  std::vector<model::Glob> globs;
  for (const auto& text : texts(name))
    if (auto glob = model::Glob::parse(text)) globs.push_back(std::move(*glob));
  return globs;
}

std::optional<std::int64_t> Arguments::integer(std::string_view name) const {
  const Item* item = find(name);
  return item == nullptr ? std::nullopt : std::optional{item->integer};
}

std::optional<double> Arguments::number(std::string_view name) const {
  const Item* item = find(name);
  return item == nullptr ? std::nullopt : std::optional{item->number};
}

std::optional<std::chrono::nanoseconds> Arguments::duration(std::string_view name) const {
  const Item* item = find(name);
  return item == nullptr || item->is_word ? std::nullopt : std::optional{std::chrono::nanoseconds{item->integer}};
}

std::optional<std::int64_t> Arguments::time_ns(std::string_view name) const { return integer(name); }

bool Arguments::boolean(std::string_view name) const { return integer(name).value_or(0) != 0; }

bool Arguments::given(std::string_view name) const {
  const Item* item = find(name);
  return item != nullptr && item->given;
}

Range range_of(const Arguments& arguments, std::chrono::nanoseconds longest) {
  const Range range{arguments.time_ns("from").value_or(0), arguments.time_ns("to").value_or(0)};
  const auto show = [&] {
    return fmt::format("from {} to {}", runtime::format_time(range.from_ns), runtime::format_time(range.to_ns));
  };
  if (range.from_ns >= range.to_ns)
    refuse("qry-range", "the range holds no time", "'from' before 'to'", show(),
           range.from_ns > range.to_ns ? "swap 'from' and 'to'" : "");
  // Both lie within 1678..2261, so the difference fits only in unsigned.
  const auto length = static_cast<std::uint64_t>(range.to_ns) - static_cast<std::uint64_t>(range.from_ns);
  if (length > static_cast<std::uint64_t>(longest.count()))
    refuse("qry-range", "the range is too long", "at most " + config::print_duration(longest), show(),
           "ask for parts of it, one after the other");
  return range;
}

}  // namespace mesura::http::api
