// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/collection.hpp"

#include "config/reader.hpp"
#include "config/scalar.hpp"
#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::command {

using config::Type;
using config::Value;

std::optional<std::size_t> Collection::find(std::string_view name) const {
  std::string wanted{name};
  std::replace(wanted.begin(), wanted.end(), '-', '_');
  for (std::size_t i = 0; i < fields().size(); ++i)
    if (fields()[i].name == wanted) return i;
  return std::nullopt;
}

std::vector<std::string> Collection::names() const {
  std::vector<std::string> names;
  for (const auto& field : fields()) names.push_back(field.name);
  return names;
}

void Collection::set(std::size_t index, Value value) {
  if (given(index)) return spoil(index, "cmd-twice", "is given twice");
  given_[index] = std::move(value);
}

std::optional<Value> Collection::read(std::size_t index, const config::Schema& schema, std::string_view text,
                                      bool bare) {
  if (const auto bad = config::first_bad_byte(text)) {
    spoil(index, "cmd-text", "has a byte that is no printable UTF-8", "a text", config::quote(text),
          fmt::format("at byte {}", *bad + 1));
    return std::nullopt;
  }
  auto read = config::read_scalar(schema, text, bare);
  if (!read.problem) return std::move(read.value);
  // "cfg-range" speaks of files.
  const std::string& code = read.problem->code;
  spoil(index, code.starts_with("cfg-") ? "cmd-" + code.substr(4) : code, read.problem->message,
        std::move(read.problem->expected), config::quote(text), std::move(read.problem->hint));
  return std::nullopt;
}

void Collection::scalar(std::size_t index, std::string_view text, bool bare) {
  if (given(index)) return spoil(index, "cmd-twice", "is given twice");
  if (auto value = read(index, fields()[index].schema, text, bare)) given_[index] = std::move(*value);
}

void Collection::element(std::size_t index, std::string_view text) {
  auto value = read(index, *fields()[index].schema.element, text, true);
  if (!value) return;
  Value::List list = given_[index] ? given_[index]->list() : Value::List{};
  list.push_back(std::move(*value));
  given_[index] = Value{std::move(list)};
}

void Collection::member(std::size_t index, std::string_view key, std::string_view text) {
  if (config::first_bad_byte(key))
    return spoil(index, "cmd-text", fmt::format("has {}, which is no printable UTF-8", config::quote(key)));
  // An empty value is one: it clears a setting.
  auto value =
      text.empty() ? std::optional{Value{std::string{}}} : read(index, *fields()[index].schema.element, text, true);
  if (!value) return;
  Value::Map map = given_[index] ? given_[index]->map() : Value::Map{};
  if (std::any_of(map.begin(), map.end(), [&](const auto& m) { return m.first == key; }))
    return spoil(index, "cmd-twice", fmt::format("has {} twice", config::quote(key)));
  map.emplace_back(std::string{key}, std::move(*value));
  given_[index] = Value{std::move(map)};
}

void Collection::spoil(std::size_t index, std::string code, std::string_view predicate, std::string expected,
                       std::string got, std::string hint) {
  spoilt_.insert(index);
  const auto& field = fields()[index];
  if (field.schema.type == Type::secret) got.clear();
  report(std::move(code), fmt::format("'{}' {}", field.name, predicate), std::move(expected), std::move(got),
         std::move(hint));
}

void Collection::report(std::string code, std::string message, std::string expected, std::string got,
                        std::string hint) {
  diagnostics_.add({config::Severity::error,
                    std::move(code),
                    {},
                    {},
                    std::move(message),
                    std::move(expected),
                    std::move(got),
                    std::move(hint)});
}

Arguments Collection::finish() {
  Value::Map values;
  for (std::size_t i = 0; i < fields().size(); ++i) {
    const auto& field = fields()[i];
    if (!given(i) && field.required)
      report("cmd-missing", fmt::format("'{}' is missing: {}", field.name, field.schema.help),
             config::expectation(field.schema), {}, fmt::format("usage: {}", usage(command_)));
    if (!given(i) && field.fallback)
      given_[i] = config::read_text("{}", config::object({{field.name, field.schema, false, field.fallback}}))
                      .value[field.name];
    if (given_[i]) values.emplace_back(field.name, std::move(*given_[i]));
  }
  return {Value{std::move(values)}, std::move(diagnostics_)};
}

}  // namespace mesura::command
