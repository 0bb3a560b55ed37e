// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/value.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace mesura::config {
namespace {

[[noreturn]] void wrong_type(std::string_view asked, std::size_t held) {
  constexpr std::string_view kHeld[] = {"nothing", "a boolean", "an integer", "a number", "a text", "a list", "a map"};
  throw std::logic_error(fmt::format("configuration value: asked for {}, holds {}", asked, kHeld[held]));
}

}  // namespace

bool Value::boolean() const {
  if (const auto* v = std::get_if<bool>(&data_)) return *v;
  wrong_type("a boolean", data_.index());
}

std::int64_t Value::integer() const {
  if (const auto* v = std::get_if<std::int64_t>(&data_)) return *v;
  wrong_type("an integer", data_.index());
}

double Value::number() const {
  if (const auto* v = std::get_if<double>(&data_)) return *v;
  if (const auto* v = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*v);
  wrong_type("a number", data_.index());
}

const std::string& Value::text() const {
  if (const auto* v = std::get_if<std::string>(&data_)) return *v;
  wrong_type("a text", data_.index());
}

const Value::List& Value::list() const {
  if (const auto* v = std::get_if<List>(&data_)) return *v;
  wrong_type("a list", data_.index());
}

const Value::Map& Value::map() const {
  if (const auto* v = std::get_if<Map>(&data_)) return *v;
  wrong_type("a map", data_.index());
}

const Value& Value::operator[](std::string_view key) const {
  static const Value kAbsent;
  if (!present()) return kAbsent;
  for (const auto& [name, value] : map())
    if (name == key) return value;
  return kAbsent;
}

const std::pair<std::string, Value>& Value::chosen() const {
  if (map().empty()) wrong_type("a chosen member", data_.index());
  return map().front();
}

}  // namespace mesura::config
