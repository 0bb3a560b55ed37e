// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/json_schema.hpp"

#include "config/scalar.hpp"
#include "config/text.hpp"
#include "config/yaml_document.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::config {
namespace {

using runtime::JsonWriter;

/// Any text may hold ${NAME}, which becomes the value only when it is read.
constexpr std::string_view kVariable = R"(\$\{)";

/// Puts two blanks per level before each member: the text is read and compared by people.
std::string indented(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      out += c;
      if (c == '\\') out += json[++i];
      if (c == '"') in_string = false;
      continue;
    }
    const auto new_line = [&] { out.append("\n").append(2 * depth, ' '); };
    const bool empty = (c == '{' || c == '[') && (json[i + 1] == '}' || json[i + 1] == ']');
    if (c == '"') in_string = true;
    if (c == '}' || c == ']') {
      --depth;
      new_line();
    }
    out += c;
    if (c == ':') out += ' ';
    if (empty) {
      out += json[++i];
    } else if (c == '{' || c == '[') {
      ++depth;
      new_line();
    } else if (c == ',') {
      new_line();
    }
  }
  return out + "\n";
}

bool whole_number(std::string_view text) { return read_scalar(integer({}), text, true).problem == std::nullopt; }

class SchemaWriter {
 public:
  /// `variables`: a text may be ${ENV}, as in files.
  explicit SchemaWriter(std::string& out, bool variables = true) : json_(out), variables_(variables) {}

  void value(const Schema& schema) { node(schema); }

  void document(const Schema& schema, std::string_view title, std::string_view id) {
    json_.begin_object();
    json_.key("$schema")
        .string("http://json-schema.org/draft-07/schema#")
        .key("$id")
        .string(id)
        .key("title")
        .string(title);
    keywords(schema);
    json_.end_object();
  }

 private:
  void node(const Schema& schema, const Field* field = nullptr) {
    json_.begin_object();
    describe(schema, field);
    keywords(schema);
    json_.end_object();
  }

  void describe(const Schema& schema, const Field* field) {
    std::string help = schema.help;
    if (!schema.unit.empty()) help += fmt::format(" [{}]", schema.unit);
    if (!help.empty()) json_.key("description").string(help);
    if (field != nullptr && field->fallback) add_default(schema, *field->fallback);
  }

  /// Only of scalars: a default map says nothing that its members don't.
  void add_default(const Schema& schema, const std::string& fallback) {
    const YAML::Node value = YAML::Load(fallback);
    if (!value.IsScalar() || schema.type == Type::secret || schema.type == Type::any) return;
    json_.key("default");
    const bool is_number = schema.type == Type::integer || schema.type == Type::number || schema.type == Type::port ||
                           schema.type == Type::rate;
    if (schema.type == Type::boolean || (is_number && value.Scalar() != "auto"))
      json_.raw(value.Scalar());
    else
      json_.string(value.Scalar());
  }

  void keywords(const Schema& schema) {
    switch (schema.type) {
      case Type::boolean: return or_variable([&] { type("boolean"); });
      case Type::integer: return or_variable([&] { number("integer", schema); });
      case Type::number: return or_variable([&] { number("number", schema); });
      case Type::port: return or_variable([&] { number("integer", integer({}, 1, 65535)); });
      case Type::rate: return rate(schema);
      case Type::enumeration: return enumeration_of(schema.values);
      case Type::text:
      case Type::secret:
      case Type::path: return free_text(schema);
      case Type::duration: return pattern(R"(^([0-9]+(\.[0-9]+)?(w|d|h|m|s|ms|us|ns))+$)");
      case Type::size: return pattern("^[0-9]+(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)$");
      case Type::name: return pattern("^[a-z][a-z0-9_]{0,63}$");
      case Type::glob: return pattern("^[a-z0-9_*?]+(/[a-z0-9_*?]+){0,2}$");
      case Type::address: return pattern("^.+:[0-9]{1,5}$");
      case Type::url: return url(schema.values);
      case Type::zone:
      case Type::host: return non_empty();
      case Type::list: return list_of(schema);
      case Type::map: return map_of(schema);
      case Type::object: return schema.selector.empty() ? object_of(schema) : selected_object(schema);
      case Type::one_of: return one_of_keys(schema);
      case Type::any: return;
      case Type::file: return content();
      case Type::tree: return contents();
    }
  }

  void type(std::string_view name) { json_.key("type").string(name); }

  void non_empty() {
    type("string");
    json_.key("minLength").integer(1);
  }

  void pattern(std::string_view expression) {
    type("string");
    json_.key("pattern").string(with_variable(expression));
  }

  void number(std::string_view name, const Schema& schema) {
    type(name);
    if (schema.min) json_.key("minimum").number(*schema.min);
    if (schema.max) json_.key("maximum").number(*schema.max);
  }

  template <class Write>
  void alternative(Write&& write) {
    json_.begin_object();
    write();
    json_.end_object();
  }

  /// A value that is no text in YAML, or a text with a variable in it.
  template <class Write>
  void or_variable(Write&& write) {
    if (!variables_) return write();
    json_.key("anyOf").begin_array();
    alternative(write);
    alternative([&] {
      type("string");
      json_.key("pattern").string(kVariable);
    });
    json_.end_array();
  }

  void rate(const Schema& schema) {
    json_.key("anyOf").begin_array();
    alternative([&] { number("integer", schema); });
    alternative([&] { json_.key("const").string("auto"); });
    alternative([&] {
      type("string");
      json_.key("pattern").string(kVariable);
    });
    json_.end_array();
  }

  void enumeration_of(const std::vector<std::string>& values) {
    or_variable([&] {
      json_.key("enum").begin_array();
      for (const auto& value : values) {
        json_.string(value);
        // Written without quotes these are numbers and booleans to an editor.
        if (whole_number(value) || value == "true" || value == "false") json_.raw(value);
      }
      json_.end_array();
    });
  }

  void free_text(const Schema& schema) {
    json_.key("type").begin_array().string("string").string("number").string("boolean").end_array();
    json_.key("minLength").integer(schema.may_be_empty ? 0 : static_cast<std::int64_t>(schema.min.value_or(1)));
    if (schema.max) json_.key("maxLength").number(*schema.max);
    // The text of a secret may stand elsewhere: what is written here is then its name.
    if (const std::string format = format_pattern(schema.format); !format.empty() && schema.type != Type::secret)
      json_.key("pattern").string(with_variable(format));
  }

  /// Of a file: as text, or {"base64": "..."}.
  void content() {
    json_.key("anyOf").begin_array();
    alternative([&] { type("string"); });
    alternative([&] {
      type("object");
      json_.key("properties").begin_object().key("base64").begin_object().key("type").string("string");
      json_.key("contentEncoding").string("base64").end_object().end_object();
      json_.key("required").begin_array().string("base64").end_array().key("additionalProperties").boolean(false);
    });
    json_.end_array();
  }

  /// Of a folder: contents by relative path.
  void contents() {
    type("object");
    json_.key("additionalProperties").begin_object();
    content();
    json_.end_object();
  }

  void url(const std::vector<std::string>& schemes) {
    pattern(schemes.empty() ? "^[A-Za-z][A-Za-z0-9+.-]*://.+" : fmt::format("^({})://.+", joined(schemes, "|")));
  }

  void list_of(const Schema& schema) {
    const auto array = [&] {
      type("array");
      json_.key("items");
      node(*schema.element);
      if (schema.min) json_.key("minItems").number(*schema.min);
      if (schema.max) json_.key("maxItems").number(*schema.max);
    };
    if (!schema.single) return array();
    json_.key("anyOf").begin_array();
    node(*schema.element);
    alternative(array);
    json_.end_array();
  }

  void map_of(const Schema& schema) {
    type("object");
    if (schema.key) {
      json_.key("propertyNames");
      node(*schema.key);
    }
    json_.key("additionalProperties");
    node(*schema.element);
  }

  void properties(const std::vector<Field>& fields) {
    for (const auto& field : fields) {
      json_.key(field.name);
      node(field.schema, &field);
    }
  }

  void required_names(const std::vector<Field>& fields) {
    bool any = false;
    for (const auto& field : fields) {
      if (!field.required) continue;
      if (!any) json_.key("required").begin_array();
      any = true;
      json_.string(field.name);
    }
    if (any) json_.end_array();
  }

  void object_of(const Schema& schema) {
    type("object");
    json_.key("properties").begin_object();
    properties(schema.fields);
    json_.end_object();
    required_names(schema.fields);
    json_.key("additionalProperties").boolean(false);
  }

  /// The selector's value decides which schema counts; it is the only key that all of them share.
  void selected_object(const Schema& schema) {
    type("object");
    json_.key("properties").begin_object().key(schema.selector).begin_object();
    std::vector<std::string> names;
    for (const auto& c : schema.cases) names.push_back(c.name);
    if (const Field* selector = find_field(schema.fields, schema.selector)) describe(selector->schema, selector);
    enumeration_of(names);
    json_.end_object().end_object();
    json_.key("required").begin_array().string(schema.selector).end_array();
    if (schema.cases.empty()) return;
    json_.key("allOf").begin_array();
    for (const auto& c : schema.cases) {
      json_.begin_object();
      json_.key("if").begin_object().key("properties").begin_object().key(schema.selector).begin_object();
      json_.key("const").string(c.name).end_object().end_object();
      json_.key("required").begin_array().string(schema.selector).end_array().end_object();
      json_.key("then");
      node(c.schema);
      json_.end_object();
    }
    json_.end_array();
  }

  void one_of_keys(const Schema& schema) {
    type("object");
    json_.key("properties").begin_object();
    properties(schema.fields);
    properties(schema.beside);
    json_.end_object();
    json_.key("additionalProperties").boolean(false);
    if (schema.fields.empty()) return;
    json_.key("oneOf").begin_array();
    for (const auto& field : schema.fields)
      json_.begin_object().key("required").begin_array().string(field.name).end_array().end_object();
    json_.end_array();
  }

  [[nodiscard]] std::string with_variable(std::string_view expression) const {
    return variables_ ? fmt::format("{}|{}", expression, kVariable) : std::string{expression};
  }

  JsonWriter json_;
  bool variables_;
};

}  // namespace

std::string json_schema(const Schema& schema, std::string_view title, std::string_view id) {
  std::string out;
  SchemaWriter(out).document(schema, title, id);
  return indented(out);
}

std::string value_schema_json(const Schema& schema) {
  std::string out;
  SchemaWriter(out, false).value(schema);
  return out;
}

}  // namespace mesura::config
