// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/configuration.hpp"
#include "config/text.hpp"
#include "config/units.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <utility>

namespace mesura::config {
namespace {

/// The text as the reader takes it back: "${" would name a variable.
std::string escaped(std::string text) {
  for (std::size_t at = 0; (at = text.find("${", at)) != std::string::npos; at += 3) text.insert(at, "$");
  return text;
}

std::string number_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

void emit_leaf(YAML::Emitter& out, const Value& value, const Schema& schema) {
  if (value.secret || schema.type == Type::secret) {
    out << std::string(kMask);
    return;
  }
  switch (schema.type) {
    case Type::boolean: out << value.boolean(); break;
    case Type::integer:
    case Type::port: out << value.integer(); break;
    case Type::number: out << number_text(value.number()); break;
    case Type::duration: out << print_duration(value.duration()); break;
    case Type::size: out << print_size(value.integer()); break;
    case Type::rate: out << (value.is_text() ? value.text() : std::to_string(value.integer())); break;
    default: out << escaped(mask_urls(value.text()));
  }
}

/// The schema that counts for this value.
const Schema& effective(const Value& value, const Schema& schema) {
  if (schema.selector.empty() || !value[schema.selector]) return schema;
  const Field* found = find_field(schema.cases, value[schema.selector].text());
  return found == nullptr ? schema : found->schema;
}

const Schema* member(const Schema& schema, std::string_view name) {
  if (schema.type == Type::map) return schema.element.get();
  const Field* field = find_field(schema.fields, name);
  if (field == nullptr) field = find_field(schema.beside, name);
  return field == nullptr ? nullptr : &field->schema;
}

void emit(YAML::Emitter& out, const Value& value, const Schema& schema) {
  if (value.is_list()) {
    out << (schema.element->type == Type::object ? YAML::Block : YAML::Flow) << YAML::BeginSeq;
    for (const auto& element : value.list()) emit(out, element, *schema.element);
    out << YAML::EndSeq;
  } else if (value.is_map()) {
    const Schema& shape = effective(value, schema);
    out << (value.map().empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [name, item] : value.map()) {
      const Schema* inner = member(shape, name);
      if (!item || inner == nullptr) continue;
      out << YAML::Key << escaped(name) << YAML::Value;
      emit(out, item, *inner);
    }
    out << YAML::EndMap;
  } else {
    emit_leaf(out, value, schema);
  }
}

}  // namespace

std::string show_effective(const Configuration& configuration, const Catalog& catalog) {
  YAML::Emitter out;
  emit(out, configuration.root, configuration_schema(catalog));
  return std::string(out.c_str()) + "\n";
}

}  // namespace mesura::config
