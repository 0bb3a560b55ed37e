// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/candidates.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace mesura::command {

namespace {

using config::Field;
using config::Type;

std::string plain(std::string_view word) {
  std::string name{word};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void add_values(std::vector<Candidate>& out, const config::Schema& schema) {
  if (schema.type == Type::boolean)
    for (const char* word : {"true", "false"}) out.push_back({word, schema.help});
  for (const auto& word : schema.values) out.push_back({word, schema.help});
  if (schema.type == Type::list && schema.element) add_values(out, *schema.element);
}

/// Which arguments are given, and which one a word would belong to.
class Reader {
 public:
  explicit Reader(const std::vector<Field>& fields) : fields_(fields) {}

  void word(std::string_view word) {
    if (waiting_ != nullptr) {
      waiting_ = nullptr;
    } else if (word.starts_with("--") && word.size() > 2) {
      const auto equals = word.find('=');
      const auto* field = config::find_field(fields_, plain(word.substr(2, equals - 2)));
      if (field == nullptr) return;
      given_.insert(field->name);
      if (equals == std::string_view::npos && field->schema.type != Type::boolean) waiting_ = field;
    } else if (const auto* named = config::find_field(fields_, plain(word.substr(0, word.find('='))));
               named != nullptr && word.find('=') != std::string_view::npos) {
      given_.insert(named->name);
    } else if (const auto* field = next(); field != nullptr && field->schema.type != Type::list) {
      given_.insert(field->name);
    }
  }
  /// The argument that the next word without a name belongs to; null: none is left.
  [[nodiscard]] const Field* next() const {
    for (const auto& field : fields_) {
      const bool flag = field.schema.type == Type::boolean && !field.required;
      if (!flag && !given_.contains(field.name)) return &field;
    }
    return nullptr;
  }
  /// The one whose name was the last word.
  [[nodiscard]] const Field* waiting() const { return waiting_; }
  [[nodiscard]] bool given(const std::string& name) const { return given_.contains(name); }

 private:
  const std::vector<Field>& fields_;
  std::set<std::string> given_;
  const Field* waiting_ = nullptr;
};

}  // namespace

std::vector<Candidate> candidates(const config::PluginSchema& schema, const std::vector<std::string>& words) {
  std::vector<Candidate> out;
  if (words.empty()) {
    for (const auto& command : schema.commands) out.push_back({command.name, command.help});
    return out;
  }
  const auto command = std::find_if(schema.commands.begin(), schema.commands.end(),
                                    [&](const auto& c) { return c.name == plain(words.front()); });
  if (command == schema.commands.end()) return out;
  Reader reader{command->arguments};
  for (std::size_t i = 1; i < words.size(); ++i) reader.word(words[i]);
  if (const auto* field = reader.waiting()) {
    add_values(out, field->schema);
    return out;
  }
  if (const auto* field = reader.next()) add_values(out, field->schema);
  for (const auto& field : command->arguments)
    if (!reader.given(field.name)) out.push_back({"--" + field.name, field.schema.help});
  return out;
}

}  // namespace mesura::command
