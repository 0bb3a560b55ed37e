// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/reader.hpp"

#include "config/scalar.hpp"
#include "config/text.hpp"
#include "config/yaml_document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::size_t kMostErrors = 200;
constexpr std::size_t kMostValues = 500'000;
constexpr std::string_view kSecretTag = "!secret";

/// Thrown inside the walk when a limit is reached; caught where it began.
struct Stopped {};

/// A key's place in the tree, for messages.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;   ///< of a map; empty in a list
  std::string_view noun;  ///< what the element is called, if it has a name for its kind
  std::size_t index = 0;  ///< in a list, from 1
};

/// "'transport.serial.baud' of device 'grid'"; empty at the top.
std::string subject(const Path* path) {
  std::string out;
  std::string dotted;
  const auto flush = [&] {
    if (dotted.empty()) return;
    out += fmt::format("{}'{}'", out.empty() ? "" : " of ", dotted);
    dotted.clear();
  };
  for (; path != nullptr; path = path->parent) {
    if (path->noun.empty() && path->index == 0) {
      if (path->key.empty()) continue;
      dotted = dotted.empty() ? std::string(path->key) : fmt::format("{}.{}", path->key, dotted);
      continue;
    }
    flush();
    const std::string_view joint = out.empty() ? "" : " of ";
    if (path->index == 0) return fmt::format("{}{}{} '{}'", out, joint, path->noun, path->key);
    if (!path->noun.empty()) return fmt::format("{}{}{} {}", out, joint, path->noun, path->index);
    out += fmt::format("{}item {}", joint, path->index);
  }
  flush();
  return out;
}

/// " in device 'grid'", or " at the top level".
std::string inside(const Path* path) {
  const std::string where = subject(path);
  return where.empty() ? " at the top level" : " in " + where;
}

std::string kind_of(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "nothing" : quote(node.Scalar());
}

std::vector<std::string> names_of(const std::vector<Field>& fields) {
  std::vector<std::string> out;
  out.reserve(fields.size());
  for (const auto& f : fields) out.push_back(f.name);
  return out;
}

/// Where a value stands, and its key (in a list: the value itself).
struct Place {
  Mark mark;
  Mark key;
};

/// Quotes make a text of these.
bool needs_bare(Type type) {
  return type == Type::boolean || type == Type::integer || type == Type::number || type == Type::port ||
         type == Type::rate;
}

/// What was written, without a password that somebody put before a host.
std::string shown(Type type, const std::string& written) {
  return type == Type::host || type == Type::address || type == Type::url ? mask_user(written) : written;
}

bool is_collection(Type type) {
  return type == Type::list || type == Type::map || type == Type::object || type == Type::one_of;
}

class Walk {
 public:
  Walk(const YamlDocument* document, const ReadOptions& options, Diagnostics& out)
      : document_(document), file_(options.file), secrets_(options.directory, options.environment), out_(out) {}

  Value root(const YAML::Node& node, const Schema& schema) {
    const Path top;
    return read(node, schema, &top, Mark{});
  }

 private:
  using Pairs = std::vector<std::pair<YAML::Node, YAML::Node>>;

  /// The value's place; that of its key where yaml-cpp gives the next token (nothing there) or the anchor (an alias).
  [[nodiscard]] Mark mark_of(const YAML::Node& node, Mark key) const {
    if (document_ == nullptr || !node.IsDefined() || node.IsNull() || node.Mark().pos < 0) return key;
    const Mark mark = document_->mark(node.Mark());
    const bool before_key = mark.line < key.line || (mark.line == key.line && mark.column < key.column);
    return before_key ? key : mark;
  }

  void report(Diagnostic d) {
    d.file = file_;
    const bool is_error = d.severity == Severity::error;
    out_.add(std::move(d));
    if (!is_error || ++errors_ < kMostErrors) return;
    out_.add(
        {Severity::error, "cfg-too-many", file_, {}, "too many errors: the rest of the file was not read", {}, {}, {}});
    throw Stopped{};
  }

  void report(Mark mark, std::string code, std::string message, std::string expected = {}, std::string got = {},
              std::string hint = {}) {
    report({Severity::error,
            std::move(code),
            {},
            mark,
            std::move(message),
            std::move(expected),
            std::move(got),
            std::move(hint)});
  }

  void count() {
    if (budget_ == 0) too_large();
    --budget_;
  }

  [[noreturn]] void too_large() {
    out_.add({Severity::error,
              "cfg-too-large",
              file_,
              {},
              "too many values",
              fmt::format("at most {}", kMostValues),
              {},
              "aliases that repeat aliases multiply"});
    throw Stopped{};
  }

  Value read(const YAML::Node& node, const Schema& schema, const Path* path, Mark key) {
    count();
    Place place{mark_of(node, key), key};
    if (key.line == 0) place.key = place.mark;
    Value value = read_unmarked(node, schema, path, place);
    value.mark = place.mark;
    value.key_mark = place.key;
    return value;
  }

  Value read_unmarked(const YAML::Node& node, const Schema& schema, const Path* path, const Place& place) {
    const Mark mark = place.mark;
    if (schema.type == Type::any) {
      auto text = flow_text(node, budget_);
      if (!text) too_large();
      return Value{std::move(*text)};
    }
    if (!check_tag(node, path, mark)) return {};
    if (schema.type == Type::list) return read_list(node, schema, path, mark);
    if (!node.IsDefined() || node.IsNull()) {
      const std::string what = subject(path);
      report(mark, "cfg-empty", what.empty() ? "the file is empty" : what + " is empty", expectation(schema), {},
             what.empty() || is_collection(schema.type) ? "" : "leave out the key to get its default");
      return {};
    }
    switch (schema.type) {
      case Type::map: return expect_map(node, schema, path, mark) ? read_map(node, schema, path, place) : Value{};
      case Type::object: return expect_map(node, schema, path, mark) ? read_object(node, schema, path, place) : Value{};
      case Type::one_of: return expect_map(node, schema, path, mark) ? read_one_of(node, schema, path, place) : Value{};
      default: return read_leaf(node, schema, path, mark);
    }
  }

  bool check_tag(const YAML::Node& node, const Path* path, Mark mark) {
    const std::string& tag = node.Tag();
    if (tag.empty() || tag == "?" || tag == "!" || (tag == kSecretTag && node.IsScalar() && !node.Scalar().empty()))
      return true;
    const std::string message = tag == kSecretTag ? fmt::format("{} has no name after !secret", subject(path))
                                                  : fmt::format("{} has the tag {}", subject(path), quote(tag));
    report(mark, "cfg-tag", message, "a value without a tag, or !secret and a name", {},
           "a text that begins with '!' needs quotes");
    return false;
  }

  bool expect_map(const YAML::Node& node, const Schema& schema, const Path* path, Mark mark) {
    if (node.IsMap()) return true;
    wrong_type(node, schema, path, mark);
    return false;
  }

  void wrong_type(const YAML::Node& node, const Schema& schema, const Path* path, Mark mark) {
    const std::string what = subject(path);
    // A scalar that stands where a map is expected may well be a secret on the wrong line.
    const std::string got = node.IsScalar() ? "a text" : kind_of(node);
    const std::string_view wanted = schema.type == Type::list    ? "list"
                                    : is_collection(schema.type) ? "map"
                                                                 : "single value";
    report(mark, "cfg-type", fmt::format("{} is no {}", what.empty() ? "the file" : what, wanted), expectation(schema),
           got);
  }

  // ---------------------------------------------------------------- leaves

  Value read_leaf(const YAML::Node& node, const Schema& schema, const Path* path, Mark mark) {
    if (!node.IsScalar()) {
      wrong_type(node, schema, path, mark);
      return {};
    }
    const bool tagged = node.Tag() == kSecretTag;
    const bool secret = tagged || schema.type == Type::secret;
    const std::string& written = node.Scalar();
    Resolved resolved = tagged ? secrets_.secret(written, out_) : secrets_.expand(written);
    bool elsewhere = tagged || resolved.text != written;
    if (resolved.code.empty() && schema.type == Type::secret && !tagged && resolved.text.substr(0, 5) == "file:") {
      resolved = secrets_.file(resolved.text.substr(5));
      elsewhere = true;
    }
    if (!resolved.code.empty()) {
      report(mark, resolved.code, fmt::format("{} {}", subject(path), resolved.message), resolved.expected, {},
             resolved.hint);
      return {};
    }
    if (elsewhere && first_bad_byte(resolved.text)) {
      report(mark, "cfg-encoding", fmt::format("{} comes from elsewhere and is no text", subject(path)),
             "UTF-8 without control characters", secret ? std::string{} : quote(written));
      return {};
    }
    // In a flow map "${PORT}" needs its quotes.
    const bool bare = node.Tag() != "!" || elsewhere;
    Scalar read = read_scalar(schema, resolved.text, bare);
    if (read.problem) {
      const Problem& p = *read.problem;
      // What comes from elsewhere is shown as it is written here, and no hint may give it away.
      std::string got = secret || resolved.text.empty() ? std::string{} : quote(shown(schema.type, written));
      if (!got.empty() && !bare && needs_bare(schema.type)) got += " in quotes";
      report(mark, p.code, fmt::format("{} {}", subject(path), p.message), p.expected, got,
             secret || elsewhere ? std::string{} : p.hint);
      return {};
    }
    read.value.secret = secret;
    return std::move(read.value);
  }

  // ---------------------------------------------------------------- lists

  Value read_list(const YAML::Node& node, const Schema& schema, const Path* path, Mark mark) {
    Value::List elements;
    const auto element = [&](const YAML::Node& item, std::size_t index) {
      const Path here{path, {}, schema.noun, index};
      elements.push_back(read(item, *schema.element, &here, mark_of(item, mark)));
    };
    if (node.IsSequence()) {
      std::size_t index = 0;
      for (const auto& item : node) element(item, ++index);
    } else if (schema.single && (node.IsScalar() || (node.IsMap() && is_collection(schema.element->type)))) {
      elements.push_back(read(node, *schema.element, path, mark));
    } else if (!node.IsDefined() || node.IsNull()) {
      report(mark, "cfg-empty", fmt::format("{} is empty", subject(path)), expectation(schema), {},
             "an empty list is []");
      return {};
    } else {
      wrong_type(node, schema, path, mark);
      return {};
    }
    const auto count = static_cast<double>(elements.size());
    if ((schema.min && count < *schema.min) || (schema.max && count > *schema.max)) {
      const std::string least = schema.min ? fmt::format("at least {}", *schema.min) : std::string{};
      const std::string most = schema.max ? fmt::format("at most {}", *schema.max) : std::string{};
      report(mark, "cfg-range",
             fmt::format("{} has too {} elements", subject(path), schema.min && count < *schema.min ? "few" : "many"),
             least + (least.empty() || most.empty() ? "" : ", ") + most, fmt::format("{}", elements.size()));
    }
    return Value{std::move(elements)};
  }

  // ---------------------------------------------------------------- maps

  /// The pairs with usable keys, each key once.
  Pairs pairs_of(const YAML::Node& node, const Path* path, Mark mark) {
    Pairs out;
    std::unordered_map<std::string_view, Mark> seen;
    for (const auto& pair : node) {
      count();
      const Mark at = mark_of(pair.first, mark);
      if (!pair.first.IsScalar()) {
        report(at, "cfg-key", fmt::format("a key{} is no text", inside(path)), "a plain word", kind_of(pair.first));
        continue;
      }
      const std::string& key = pair.first.Scalar();
      if (key == "<<") {
        report(at, "cfg-merge", fmt::format("'<<'{} is not supported", inside(path)), {}, {},
               "repeat the keys, or name the whole map with an alias");
        continue;
      }
      if (const auto [it, fresh] = seen.emplace(key, at); !fresh) {
        report(at, "cfg-duplicate", fmt::format("{} stands twice{}", quote(key), inside(path)), {}, {},
               fmt::format("the first is at {}:{}", it->second.line, it->second.column));
        continue;
      }
      out.emplace_back(pair.first, pair.second);
    }
    return out;
  }

  Value read_map(const YAML::Node& node, const Schema& schema, const Path* path, const Place& place) {
    Value::Map members;
    for (const auto& [key, value] : pairs_of(node, path, place.mark)) {
      const Mark at = mark_of(key, place.mark);
      const std::string& name = key.Scalar();
      check_key(schema, name, path, at);
      const Path here{path, name, schema.noun, 0};
      members.emplace_back(name, read(value, *schema.element, &here, at));
    }
    return Value{std::move(members)};
  }

  void check_key(const Schema& schema, const std::string& name, const Path* path, Mark at) {
    const Schema any = text({});
    const Schema& rule = schema.key ? *schema.key : any;
    const Scalar read = read_scalar(rule, name, true);
    if (!read.problem) return;
    const std::string what = schema.noun.empty() ? fmt::format("the key {}{}", quote(name), inside(path))
                                                 : fmt::format("{} {}", schema.noun, quote(name));
    report(at, read.problem->code, fmt::format("{} {}", what, read.problem->message), read.problem->expected, {},
           read.problem->hint);
  }

  const Schema& selected(const Pairs& pairs, const Schema& schema) {
    if (schema.selector.empty()) return schema;
    for (const auto& [key, value] : pairs) {
      if (key.Scalar() != schema.selector || !value.IsScalar()) continue;
      const Resolved resolved = secrets_.expand(value.Scalar());
      if (const Field* found = find_field(schema.cases, resolved.text)) return found->schema;
    }
    return schema;
  }

  Value read_object(const YAML::Node& node, const Schema& general, const Path* path, const Place& place) {
    const Pairs pairs = pairs_of(node, path, place.mark);
    const Schema& schema = selected(pairs, general);
    std::vector<std::optional<Value>> found(schema.fields.size());
    for (const auto& [key, value] : pairs) {
      const Mark at = mark_of(key, place.mark);
      const std::string& name = key.Scalar();
      const Field* field = find_field(schema.fields, name);
      if (field == nullptr) {
        unknown_key(schema, names_of(schema.fields), name, path, at);
        continue;
      }
      const Path here{path, field->name, {}, 0};
      found[static_cast<std::size_t>(field - schema.fields.data())] = read(value, field->schema, &here, at);
    }
    Value::Map members;
    complete(schema.fields, found, members, path, place.key);
    return Value{std::move(members)};
  }

  /// Fields in the order of the schema: as found, else by default; absent ones without a default are left out. What is
  /// missing is missed `at` the object's key.
  void complete(const std::vector<Field>& fields, std::vector<std::optional<Value>>& found, Value::Map& members,
                const Path* path, Mark at) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const Field& field = fields[i];
      if (found[i]) {
        members.emplace_back(field.name, std::move(*found[i]));
      } else if (field.fallback) {
        Value value = fallback(field);
        value.mark = value.key_mark = at;
        members.emplace_back(field.name, std::move(value));
      } else if (field.required) {
        const std::string where = subject(path);
        report(at, "cfg-missing-key",
               fmt::format("{} no '{}'", where.empty() ? "there is" : where + " has", field.name),
               fmt::format("{}: {}", field.name, expectation(field.schema)));
      }
    }
  }

  Value read_one_of(const YAML::Node& node, const Schema& schema, const Path* path, const Place& place) {
    const Pairs pairs = pairs_of(node, path, place.mark);
    std::vector<std::optional<Value>> beside(schema.beside.size());
    Value::Map members;
    std::string chosen;
    bool refused = false;
    for (const auto& [key, value] : pairs) {
      const Mark at = mark_of(key, place.mark);
      const std::string& name = key.Scalar();
      if (const Field* field = find_field(schema.beside, name)) {
        const Path here{path, field->name, {}, 0};
        beside[static_cast<std::size_t>(field - schema.beside.data())] = read(value, field->schema, &here, at);
      } else if (const Field* choice = find_field(schema.fields, name)) {
        if (!chosen.empty()) {
          report(at, "cfg-one-of", fmt::format("{} has both '{}' and '{}'", subject(path), chosen, name),
                 expectation(schema));
          continue;
        }
        chosen = name;
        const Path here{path, choice->name, {}, 0};
        members.emplace(members.begin(), choice->name, read(value, choice->schema, &here, at));
      } else {
        refused = true;
        std::vector<std::string> names = names_of(schema.fields);
        for (const auto& f : schema.beside) names.push_back(f.name);
        unknown_key(schema, names, name, path, at);
      }
    }
    if (chosen.empty()) {
      if (!refused)
        report(place.key, "cfg-one-of", fmt::format("{} names no kind", subject(path)), expectation(schema));
      return {};
    }
    complete(schema.beside, beside, members, path, place.key);
    return Value{std::move(members)};
  }

  void unknown_key(const Schema& schema, const std::vector<std::string>& names, const std::string& name,
                   const Path* path, Mark at) {
    for (const auto& r : schema.refused) {
      if (r.name != name) continue;
      report(at, "cfg-refused-key", fmt::format("'{}'{} {}", name, inside(path), r.reason), joined(names), {}, r.hint);
      return;
    }
    report(at, "cfg-unknown-key", fmt::format("unknown key {}{}", quote(name), inside(path)), joined(names), name,
           did_you_mean(name, names));
  }

  // ---------------------------------------------------------------- defaults

  const Value& fallback(const Field& field) {
    const auto [it, fresh] = defaults_.try_emplace(&field);
    if (!fresh) return it->second;
    Diagnostics problems;
    ReadOptions no_environment;
    no_environment.environment = [](const std::string&) { return std::nullopt; };
    Walk walk(nullptr, no_environment, problems);
    Value value = walk.root(YAML::Load(*field.fallback), field.schema);
    if (problems.has_errors())
      throw std::logic_error(
          fmt::format("schema: the default of '{}' is wrong: {}", field.name, render_text(problems.list().front())));
    value.defaulted = true;
    return it->second = std::move(value);
  }

  const YamlDocument* document_;
  std::string file_;
  Secrets secrets_;
  Diagnostics& out_;
  std::size_t errors_ = 0;
  std::size_t budget_ = kMostValues;
  std::unordered_map<const Field*, Value> defaults_;
};

void walk_into(Reading& reading, const YamlDocument* document, const YAML::Node& root, const Schema& schema,
               const ReadOptions& options) {
  Walk walk(document, options, reading.diagnostics);
  try {
    reading.value = walk.root(root, schema);
  } catch (const Stopped&) {
  }
  reading.diagnostics.sort();
}

}  // namespace

Reading read_text(std::string_view yaml, const Schema& schema, const ReadOptions& options) {
  Reading reading;
  if (const auto document = YamlDocument::parse(yaml, options.file, reading.diagnostics))
    walk_into(reading, &*document, document->root(), schema, options);
  return reading;
}

Reading read_file(const std::string& path, const Schema& schema, ReadOptions options) {
  if (options.file.empty()) options.file = path;
  if (options.directory.empty()) options.directory = std::filesystem::path(path).parent_path();
  const FileText read = read_text_file(path, YamlDocument::kLargestText);
  if (read.error.empty()) return read_text(read.text, schema, options);
  Reading reading;
  reading.diagnostics.add({Severity::error, "cfg-file", options.file, {}, "can't be read: " + read.error, {}, {}, {}});
  return reading;
}

Reading read_pairs(const std::vector<std::pair<std::string, std::string>>& pairs, const Schema& schema,
                   const ReadOptions& options) {
  Reading reading;
  YAML::Node root(YAML::NodeType::Map);
  for (const auto& [key, value] : pairs) {
    YAML::Node node(value);
    if (!value.empty() && (value.front() == '[' || value.front() == '{')) {
      const auto document = YamlDocument::parse(value, options.file, reading.diagnostics);
      if (!document) continue;
      node = document->root();
    }
    root.force_insert(key, node);
  }
  walk_into(reading, nullptr, root, schema, options);
  return reading;
}

Value default_value(const Schema& schema) {
  const Reading reading = read_text("{}", schema);
  if (!reading.ok())
    throw std::logic_error("schema: not everything has a default: " + render_text(reading.diagnostics.list().front()));
  return reading.value;
}

}  // namespace mesura::config
