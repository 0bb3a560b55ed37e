// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/arguments.hpp"

#include "command/collection.hpp"
#include "command/content.hpp"
#include "config/reader.hpp"
#include "config/text.hpp"
#include "config/units.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace mesura::command {

namespace {

using config::Field;
using config::Type;
using config::Value;
using runtime::JsonWriter;

bool option_word(std::string_view word) {
  const bool negative_number =
      word.size() > 1 && (std::isdigit(static_cast<unsigned char>(word[1])) != 0 || word[1] == '.');
  return word.size() > 1 && word.front() == '-' && !negative_number;
}

/// It stands in a command line by its name alone.
bool flag(const Field& field) { return field.schema.type == Type::boolean && !field.required; }

/// Reads the words of a command line, one after the other.
class WordReader {
 public:
  WordReader(const config::CommandSpec& command, const std::vector<std::string>& words)
      : out_(command), words_(words) {}

  Arguments read() {
    while (at_ < words_.size()) {
      const std::string& word = words_[at_++];
      if (!plain_ && word == "--")
        plain_ = true;
      else if (!plain_ && option_word(word))
        option(word);
      else
        positional(word);
    }
    return out_.finish();
  }

 private:
  void option(std::string_view word) {
    const auto bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    const auto equals = bare.find('=');
    const auto name = bare.substr(0, equals);
    const auto index = out_.find(name);
    if (!index) return unknown(name);
    if (equals != std::string_view::npos) return value(*index, bare.substr(equals + 1));
    if (out_.fields()[*index].schema.type == Type::boolean && (at_ == words_.size() || !boolean_word(words_[at_])))
      return out_.set(*index, Value{true});
    if (at_ == words_.size())
      return out_.spoil(*index, "cmd-value", "has no value", config::expectation(out_.fields()[*index].schema));
    value(*index, words_[at_++]);
  }

  static bool boolean_word(std::string_view word) { return word == "true" || word == "false"; }

  void unknown(std::string_view name) {
    std::string expected = out_.fields().empty() ? "no arguments" : "one of " + config::joined(out_.names());
    out_.report("cmd-unknown-argument", fmt::format("the command has no argument {}", config::quote(name)),
                std::move(expected), {}, config::did_you_mean(name, out_.names()));
  }

  void positional(std::string_view word) {
    const auto equals = word.find('=');
    if (!plain_ && equals != std::string_view::npos) {
      if (const auto index = out_.find(word.substr(0, equals))) return value(*index, word.substr(equals + 1));
      if (const auto map = last(Type::map)) return out_.member(*map, word.substr(0, equals), word.substr(equals + 1));
    }
    const auto& fields = out_.fields();
    while (next_ < fields.size() &&
           (flag(fields[next_]) || (out_.given(next_) && fields[next_].schema.type != Type::list)))
      ++next_;
    if (next_ == fields.size()) {
      out_.report("cmd-too-many", fmt::format("{} is one argument too many", config::quote(word)), {}, {},
                  fields.empty() ? "the command takes none" : "expected " + config::joined(out_.names(), " "));
      return;
    }
    value(next_, word);
  }

  [[nodiscard]] std::optional<std::size_t> last(Type type) const {
    const auto& fields = out_.fields();
    if (fields.empty() || fields.back().schema.type != type) return std::nullopt;
    return fields.size() - 1;
  }

  void value(std::size_t index, std::string_view text) {
    switch (out_.fields()[index].schema.type) {
      case Type::file: return file(index, std::string{text});
      case Type::tree: return tree(index, std::string{text});
      case Type::list:
        if (text.starts_with('@')) return yaml(index, std::string{text.substr(1)});
        return list(index, text);
      case Type::map:
        if (text.starts_with('@')) return yaml(index, std::string{text.substr(1)});
        return map(index, text);
      case Type::secret:
        if (text.starts_with('@')) return secret(index, std::string{text.substr(1)});
        return out_.scalar(index, text, true);
      default: return out_.scalar(index, text, true);
    }
  }

  void list(std::size_t index, std::string_view text) {
    for (std::size_t begin = 0; begin <= text.size();) {
      const auto end = std::min(text.find(',', begin), text.size());
      out_.element(index, text.substr(begin, end - begin));
      begin = end + 1;
    }
  }

  void map(std::size_t index, std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return out_.spoil(index, "cmd-pair", "is made of pairs", "KEY=VALUE ..., or @FILE with YAML",
                        config::quote(text));
    out_.member(index, text.substr(0, equals), text.substr(equals + 1));
  }

  void yaml(std::size_t index, const std::string& path) {
    auto reading = config::read_file(path, out_.fields()[index].schema);
    if (reading.ok()) return out_.set(index, std::move(reading.value));
    for (const auto& d : reading.diagnostics.list())
      out_.spoil(index, d.code,
                 fmt::format("cannot be taken from {}{}: {}", path,
                             d.mark.line > 0 ? fmt::format(":{}", d.mark.line) : "", d.message),
                 d.expected, d.got, d.hint);
  }

  void secret(std::size_t index, const std::string& path) {
    constexpr std::size_t kMost = 4096;
    const auto content = read_content(path, kMost);
    if (!content.problem.empty())
      return out_.spoil(index, "cmd-file", fmt::format("cannot be read: {}", content.problem));
    out_.scalar(index, std::string_view{content.bytes}.substr(0, content.bytes.find_first_of("\r\n")), true);
  }

  void file(std::size_t index, const std::string& path) {
    auto content = read_content(path, limit(index));
    if (!content.problem.empty())
      return out_.spoil(index, "cmd-file", fmt::format("cannot be read: {}", content.problem));
    out_.set(index, Value{std::move(content.bytes)});
  }

  void tree(std::size_t index, const std::string& path) {
    auto tree = read_tree(path, limit(index));
    if (!tree.problem.empty()) return out_.spoil(index, "cmd-file", fmt::format("cannot be read: {}", tree.problem));
    Value::Map files;
    for (auto& [name, bytes] : tree.files) files.emplace_back(name, Value{std::move(bytes)});
    out_.set(index, Value{std::move(files)});
  }

  [[nodiscard]] std::size_t limit(std::size_t index) const {
    const auto& max = out_.fields()[index].schema.max;
    return max ? std::min(kMostContent, static_cast<std::size_t>(*max)) : kMostContent;
  }

  Collection out_;
  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;  ///< the field that the next word without a name belongs to
  bool plain_ = false;    ///< behind "--"
};

/// Reads a JSON object of arguments.
class JsonReader {
 public:
  explicit JsonReader(const config::CommandSpec& command) : out_(command) {}

  Arguments read(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    const auto error = parser.parse(json.data(), json.size()).get(document);
    simdjson::dom::object object;
    if (error != simdjson::SUCCESS || document.get(object) != simdjson::SUCCESS) {
      out_.report("cmd-json", "the arguments are no JSON object", R"({"NAME": VALUE, ...})", config::quote(json));
      // What is missing in nothing is no news.
      auto result = out_.finish();
      return {Value{Value::Map{}}, std::move(result.diagnostics)};
    }
    for (const auto member_of : object) {
      const std::string_view key = member_of.key;
      const Element value = member_of.value;
      // Absent, as forms send it.
      if (value.is_null()) continue;
      const auto& fields = out_.fields();
      const auto known = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == key; });
      if (known == fields.end())
        out_.report("cmd-unknown-argument", fmt::format("the command has no argument {}", config::quote(key)),
                    fields.empty() ? "no arguments" : "one of " + config::joined(out_.names()), {},
                    config::did_you_mean(key, out_.names()));
      else
        member(static_cast<std::size_t>(known - fields.begin()), value);
    }
    return out_.finish();
  }

 private:
  using Element = simdjson::dom::element;

  void member(std::size_t index, const Element& value) {
    switch (out_.fields()[index].schema.type) {
      case Type::list: return list(index, value);
      case Type::map: return map(index, value);
      case Type::file: return file(index, value);
      case Type::tree: return tree(index, value);
      default: break;
    }
    bool bare = false;
    if (const auto text = scalar_text(value, bare))
      out_.scalar(index, *text, bare);
    else
      wrong(index, value);
  }

  /// As YAML would have it; nothing: a list or an object.
  static std::optional<std::string> scalar_text(const Element& value, bool& bare) {
    bare = !value.is_string();
    if (value.is_array() || value.is_object() || value.is_null()) return std::nullopt;
    if (bare) return simdjson::minify(value);
    return std::string{std::string_view{value}};
  }

  void wrong(std::size_t index, const Element& value) {
    const auto& schema = out_.fields()[index].schema;
    out_.spoil(index, "cmd-type", "has the wrong form", config::expectation(schema),
               schema.type == Type::secret ? std::string{} : config::quote(simdjson::minify(value)));
  }

  void list(std::size_t index, const Element& value) {
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return wrong(index, value);
    if (array.size() == 0) return out_.set(index, Value{Value::List{}});
    for (const auto element : array) {
      bool bare = false;
      if (const auto text = scalar_text(element, bare))
        out_.element(index, *text);
      else
        return wrong(index, value);
    }
  }

  void map(std::size_t index, const Element& value) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong(index, value);
    if (object.size() == 0) return out_.set(index, Value{Value::Map{}});
    for (const auto& [key, element] : object) {
      bool bare = false;
      if (const auto text = scalar_text(element, bare))
        out_.member(index, key, *text);
      else
        return wrong(index, value);
    }
  }

  static std::optional<std::string> content(const Element& value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return std::string{text};
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS || object.size() != 1) return std::nullopt;
    if (object["base64"].get(text) != simdjson::SUCCESS) return std::nullopt;
    return from_base64(text);
  }

  void file(std::size_t index, const Element& value) {
    auto bytes = content(value);
    const auto& max = out_.fields()[index].schema.max;
    if (!bytes) return wrong_content(index);
    if (max && static_cast<double>(bytes->size()) > *max)
      return out_.spoil(index, "cmd-range", "is too large", config::expectation(out_.fields()[index].schema),
                        fmt::format("{} bytes", bytes->size()));
    out_.set(index, Value{std::move(*bytes)});
  }

  void tree(std::size_t index, const Element& value) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong(index, value);
    Value::Map files;
    for (const auto& [key, element] : object) {
      auto bytes = content(element);
      if (!bytes) return wrong_content(index);
      files.emplace_back(std::string{key}, Value{std::move(*bytes)});
    }
    out_.set(index, Value{std::move(files)});
  }

  void wrong_content(std::size_t index) {
    out_.spoil(index, "cmd-content", "has no content that can be read", R"(a text, or {"base64": "..."})");
  }

  Collection out_;
};

void append_value(JsonWriter& json, const config::Schema& schema, const Value& value, bool masked) {
  switch (schema.type) {
    case Type::boolean: json.boolean(value.boolean()); return;
    case Type::integer:
    case Type::port: json.integer(value.integer()); return;
    case Type::number: json.number(value.number()); return;
    case Type::duration: json.string(config::print_duration(value.duration())); return;
    case Type::size: json.string(config::print_size(value.integer())); return;
    case Type::secret: json.string(masked ? config::kMask : std::string_view{value.text()}); return;
    case Type::list:
      json.begin_array();
      for (const auto& v : value.list()) append_value(json, *schema.element, v, masked);
      json.end_array();
      return;
    case Type::map:
      json.begin_object();
      for (const auto& [key, v] : value.map()) {
        json.key(key);
        // Keys of a device's own settings may be passwords.
        if (masked && (key.find("password") != std::string::npos || key.find("PASSW") != std::string::npos))
          json.string(config::kMask);
        else
          append_value(json, *schema.element, v, masked);
      }
      json.end_object();
      return;
    case Type::file:
      if (masked)
        json.string(fmt::format("{} bytes", value.text().size()));
      else
        json.begin_object().key("base64").string(to_base64(value.text())).end_object();
      return;
    case Type::tree:
      json.begin_object();
      for (const auto& [path, v] : value.map()) {
        json.key(path);
        append_value(json, config::of(Type::file, {}), v, masked);
      }
      json.end_object();
      return;
    default: json.string(value.is_text() ? value.text() : std::to_string(value.integer())); return;
  }
}

}  // namespace

Arguments read_words(const config::CommandSpec& command, const std::vector<std::string>& words) {
  return WordReader{command, words}.read();
}

Arguments read_json(const config::CommandSpec& command, std::string_view json) {
  return JsonReader{command}.read(json);
}

void append_json(std::string& out, const config::CommandSpec& command, const Value& values, bool masked) {
  JsonWriter json{out};
  json.begin_object();
  for (const auto& field : command.arguments) {
    const Value& value = values[field.name];
    if (!value.present()) continue;
    json.key(field.name);
    append_value(json, field.schema, value, masked);
  }
  json.end_object();
}

std::string usage(const config::CommandSpec& command) {
  std::string text = command.name;
  for (const auto& field : command.arguments) {
    std::string name = field.name;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (flag(field)) name = "--" + field.name;
    if (field.schema.type == Type::map) name = "KEY=VALUE ...";
    if (field.schema.type == Type::list) name += " ...";
    text += field.required ? " " + name : " [" + name + "]";
  }
  return text;
}

}  // namespace mesura::command
