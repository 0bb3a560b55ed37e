// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/vocabulary.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <tuple>
#include <utility>

#include "mesura_vocabulary.hpp"

namespace mesura::model {

namespace {

constexpr std::array<std::string_view, 17> kUnits{"W",   "var", "VA", "V",   "A", "Hz", "Cel", "Wh", "varh",
                                                  "VAh", "m3",  "GJ", "dBm", "%", "s",  "deg", "1"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Removes one to nine leading digits; false if there are none or more.
bool skip_number(std::string_view& s) {
  std::size_t n = 0;
  while (n < s.size() && is_digit(s[n])) ++n;
  if (n == 0 || n > 9) return false;
  s.remove_prefix(n);
  return true;
}

bool matches_plain(std::string_view pattern, std::string_view channel) {
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      if (!skip_number(channel)) return false;
    } else {
      if (channel.empty() || channel.front() != pattern.front()) return false;
      channel.remove_prefix(1);
    }
    pattern.remove_prefix(1);
  }
  return channel.empty();
}

/// snake_case, for channels also with '*' after a letter.
bool is_name(std::string_view s, bool pattern) {
  if (s.empty() || s.front() < 'a' || s.front() > 'z' || s.back() == '_') return false;
  return std::all_of(s.begin(), s.end(), [pattern](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || (pattern && c == '*');
  });
}

[[noreturn]] void fail(const YAML::Node& node, const std::string& what) {
  throw VocabularyError{fmt::format("vocabulary:{}: {}", node.Mark().line + 1, what)};
}

std::vector<std::string> one_or_more(const YAML::Node& node) {
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence()) fail(node, "expected a word or a list of words");
  std::vector<std::string> out;
  for (const auto& item : node) {
    if (!item.IsScalar()) fail(item, "expected a word");
    out.push_back(item.Scalar());
  }
  return out;
}

/// Calls `read(key, key node, value node)` for each pair; a repeated key is an error (yaml-cpp keeps both silently).
template <class F>
void each_pair(const YAML::Node& map, F read) {
  if (!map.IsMap()) fail(map, "expected a map");
  std::vector<std::string> seen;
  for (const auto& pair : map) {
    const auto& key = pair.first.Scalar();
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) fail(pair.first, fmt::format("'{}' stands twice", key));
    seen.push_back(key);
    read(key, pair.first, pair.second);
  }
}

bool read_flag(const YAML::Node& node) {
  if (node.IsScalar() && node.Scalar() == "true") return true;
  if (node.IsScalar() && node.Scalar() == "false") return false;
  fail(node, "expected true or false");
}

int read_decimals(const YAML::Node& node) {
  if (!node.IsScalar() || node.Scalar().size() != 1 || !is_digit(node.Scalar()[0]))
    fail(node, "expected 0..9 decimals");
  return node.Scalar()[0] - '0';
}

Kind read_kind(const YAML::Node& node) {
  for (const auto kind : {Kind::gauge, Kind::reg, Kind::state})
    if (node.IsScalar() && node.Scalar() == to_string(kind)) return kind;
  fail(node, "expected gauge, register or state");
}

std::vector<WireName> read_wire_names(const YAML::Node& sheets, bool per_channel) {
  std::vector<WireName> out;
  each_pair(sheets, [&](const std::string& sheet, const YAML::Node&, const YAML::Node& names) {
    if (!per_channel) {
      for (auto& name : one_or_more(names)) out.push_back({sheet, {}, std::move(name)});
      return;
    }
    each_pair(names, [&](const std::string& channel, const YAML::Node&, const YAML::Node& list) {
      for (auto& name : one_or_more(list)) out.push_back({sheet, channel, std::move(name)});
    });
  });
  return out;
}

Quantity read_quantity(const std::string& name, const YAML::Node& node) {
  Quantity q;
  q.name = name;
  each_pair(node, [&q](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
    if (key == "unit")
      q.unit = value.Scalar();
    else if (key == "kind")
      q.kind = read_kind(value);
    else if (key == "text")
      q.text = read_flag(value);
    else if (key == "decimals")
      q.decimals = read_decimals(value);
    else if (key == "signed")
      q.is_signed = read_flag(value);
    else if (key == "trim")
      q.trim = read_flag(value);
    else if (key == "opposite")
      q.opposite = value.Scalar();
    else if (key == "help")
      q.help = value.Scalar();
    else if (key == "channels")
      q.channels = one_or_more(value);
    else if (key == "names")
      q.names = read_wire_names(value, true);
    else
      fail(key_node, fmt::format("unknown key '{}'", key));
  });
  return q;
}

Attribute read_attribute(const std::string& name, const YAML::Node& node) {
  Attribute a;
  a.name = name;
  each_pair(node, [&a](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
    if (key == "help")
      a.help = value.Scalar();
    else if (key == "names")
      a.names = read_wire_names(value, false);
    else
      fail(key_node, fmt::format("unknown key '{}'", key));
  });
  return a;
}

auto meaning(const Quantity& q) { return std::tie(q.unit, q.kind, q.text, q.is_signed, q.trim, q.opposite); }

}  // namespace

bool is_unit(std::string_view unit) { return std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end(); }

bool channel_matches(std::string_view pattern, std::string_view channel) {
  if (matches_plain(pattern, channel)) return true;
  if (channel.starts_with("system")) {
    channel.remove_prefix(6);
  } else if (channel.starts_with("unit")) {
    channel.remove_prefix(4);
    if (!skip_number(channel)) return false;
  } else {
    return false;
  }
  if (channel.empty()) return pattern == "total";
  return channel.front() == '_' && matches_plain(pattern, channel.substr(1));
}

std::string flat_name(std::string_view channel, std::string_view quantity, std::string_view unit) {
  std::string out;
  out.reserve(channel.size() + quantity.size() + unit.size() + 2);
  out.append(channel).append(1, '_').append(quantity);
  if (unit.empty() || unit == "1") return out;
  out += '_';
  if (unit == "%") return out += "pct";
  if (unit == "Cel") return out += "celsius";
  for (const char c : unit) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

const Vocabulary& Vocabulary::standard() {
  static const Vocabulary vocabulary{std::string{mesura_vocabulary}};
  return vocabulary;
}

Vocabulary::Vocabulary(const std::string& yaml) try {
  const auto root = YAML::Load(yaml);
  each_pair(root, [this](const std::string& section, const YAML::Node& section_node, const YAML::Node& content) {
    each_pair(content, [&](const std::string& name, const YAML::Node& name_node, const YAML::Node& value) {
      if (section == "channels") {
        if (!is_name(name, true)) fail(name_node, fmt::format("'{}' is no channel name", name));
        channels_.push_back({name, value.Scalar()});
      } else if (section == "attributes") {
        if (!is_name(name, false)) fail(name_node, fmt::format("'{}' is no attribute name", name));
        attributes_.push_back(read_attribute(name, value));
      } else if (section == "quantities") {
        try {
          add(read_quantity(name, value));
        } catch (const VocabularyError& e) {
          if (std::string_view{e.what()}.starts_with("vocabulary:")) throw;
          fail(name_node, e.what());
        }
      } else {
        fail(section_node, fmt::format("unknown section '{}'", section));
      }
    });
  });
  for (const auto* q : quantities()) {
    if (q->opposite.empty()) continue;
    const auto* other = find(q->opposite);
    if (other == nullptr || other->opposite != q->name || other->unit != q->unit || other->kind != q->kind)
      throw VocabularyError{fmt::format("vocabulary: '{}' is no opposite of '{}'", q->opposite, q->name)};
  }
} catch (const YAML::Exception& e) {
  throw VocabularyError{fmt::format("vocabulary:{}: {}", e.mark.line + 1, e.msg)};
}

const Quantity* Vocabulary::find(std::string_view quantity) const {
  const auto it = quantities_.find(quantity);
  return it == quantities_.end() ? nullptr : &it->second;
}

const Attribute* Vocabulary::find_attribute(std::string_view attribute) const {
  const auto it =
      std::find_if(attributes_.begin(), attributes_.end(), [&](const auto& a) { return a.name == attribute; });
  return it == attributes_.end() ? nullptr : &*it;
}

bool Vocabulary::knows_channel(std::string_view channel) const {
  return std::any_of(channels_.begin(), channels_.end(),
                     [&](const auto& c) { return channel_matches(c.name, channel); });
}

bool Vocabulary::may_stand(const Quantity& quantity, std::string_view channel) {
  return std::any_of(quantity.channels.begin(), quantity.channels.end(),
                     [&](const auto& pattern) { return channel_matches(pattern, channel); });
}

void Vocabulary::add(Quantity quantity) {
  if (!is_name(quantity.name, false))
    throw VocabularyError{fmt::format("quantity '{}' is no snake_case name", quantity.name)};
  if (!is_unit(quantity.unit))
    throw VocabularyError{fmt::format("quantity '{}' has unit '{}', expected one of {}", quantity.name, quantity.unit,
                                      fmt::join(kUnits, " "))};
  if (quantity.text && quantity.kind != Kind::state)
    throw VocabularyError{fmt::format("quantity '{}' is a text, so its kind must be state", quantity.name)};
  if (quantity.channels.empty())
    throw VocabularyError{fmt::format("quantity '{}' has no channels to stand in", quantity.name)};
  for (const auto& channel : quantity.channels)
    if (!is_name(channel, true))
      throw VocabularyError{fmt::format("quantity '{}' names channel '{}', which is no name", quantity.name, channel)};

  const auto it = quantities_.find(quantity.name);
  if (it == quantities_.end()) {
    order_.push_back(quantity.name);
    auto name = quantity.name;
    quantities_.emplace(std::move(name), std::move(quantity));
    return;
  }
  auto& known = it->second;
  if (meaning(known) != meaning(quantity))
    throw VocabularyError{fmt::format("quantity '{}' is known as {} in {}; a second meaning needs a name of its own",
                                      known.name, to_string(known.kind), known.unit)};
  for (auto& channel : quantity.channels)
    if (std::find(known.channels.begin(), known.channels.end(), channel) == known.channels.end())
      known.channels.push_back(std::move(channel));
  for (auto& name : quantity.names) known.names.push_back(std::move(name));
}

std::vector<const Quantity*> Vocabulary::quantities() const {
  std::vector<const Quantity*> out;
  out.reserve(order_.size());
  for (const auto& name : order_) out.push_back(find(name));
  return out;
}

}  // namespace mesura::model
