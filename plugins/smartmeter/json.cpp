// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include <charconv>
#include <cstdint>

namespace mesura::smartmeter {
namespace {

constexpr int kDeepest = 16;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Walks over JSON text; every take_ leaves it behind what it took, or returns false.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    skip_space();
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }

  /// What stands between the quotes, still escaped.
  bool take_string(std::string_view& out) {
    if (!take('"')) return false;
    const std::size_t begin = at_;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        out = text_.substr(begin, at_ - begin);
        ++at_;
        return true;
      }
    }
    return false;
  }

  bool take_value(JsonMember& out, int depth) {
    skip_space();
    const std::size_t begin = at_;
    switch (peek()) {
      case '"': out.type = JsonMember::Type::text; return take_string(out.text);
      case '{':
      case '[':
        out.type = peek() == '{' ? JsonMember::Type::object : JsonMember::Type::list;
        if (!take_nested(depth)) return false;
        out.text = text_.substr(begin, at_ - begin);
        return true;
      case 't': out = {out.key, JsonMember::Type::boolean, 1, {}}; return take_word("true");
      case 'f': out = {out.key, JsonMember::Type::boolean, 0, {}}; return take_word("false");
      case 'n': out = {out.key, JsonMember::Type::null, 0, {}}; return take_word("null");
      default: return take_number(out);
    }
  }

 private:
  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool take_number(JsonMember& out) {
    const char c = peek();
    if (c != '-' && (c < '0' || c > '9')) return false;  // from_chars would also take inf and nan
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), out.number);
    if (error == std::errc::invalid_argument) return false;
    at_ += static_cast<std::size_t>(end - begin);
    out.type = error == std::errc{} ? JsonMember::Type::number : JsonMember::Type::null;
    return true;
  }

  bool take_nested(int depth) {
    if (depth >= kDeepest) return false;
    const bool object = peek() == '{';
    const char close = object ? '}' : ']';
    ++at_;
    skip_space();
    if (take(close)) return true;
    do {
      std::string_view key;
      JsonMember ignored;
      if (object && (!take_string(key) || !take(':'))) return false;
      if (!take_value(ignored, depth + 1)) return false;
    } while (take(','));
    return take(close);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80U) {
    out += static_cast<char>(code);
  } else if (code < 0x800U) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xE0U | (code >> 12U));
    out += static_cast<char>(0x80U | ((code >> 6U) & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

/// Bad escapes stay as they are: a log text is worth more than its spelling.
void unescape(std::string_view in, std::string& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '\\' || i + 1 == in.size()) {
      out += in[i];
      continue;
    }
    switch (in[++i]) {
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'u': {
        unsigned code = 0;
        bool good = i + 4 < in.size();
        for (std::size_t k = 1; good && k <= 4; ++k) {
          const int digit = hex_digit(in[i + k]);
          good = digit >= 0;
          code = code * 16 + static_cast<unsigned>(good ? digit : 0);
        }
        if (good) {
          append_utf8(out, code >= 0xD800U && code < 0xE000U ? 0xFFFDU : code);
          i += 4;
        } else {
          out += 'u';
        }
        break;
      }
      default: out += in[i]; break;
    }
  }
}

}  // namespace

bool JsonObject::parse(std::string_view text) {
  members_.clear();
  unescaped_.clear();
  unescaped_.reserve(text.size() + 64);  // views into it stay: unescaped text is never longer
  Scanner scanner(text);
  if (!scanner.take('{')) return false;
  bool good = true;
  if (!scanner.take('}')) {
    do {
      JsonMember member;
      good = scanner.take_string(member.key) && scanner.take(':') && scanner.take_value(member, 0);
      if (good && member.type == JsonMember::Type::text && member.text.find('\\') != std::string_view::npos) {
        const std::size_t begin = unescaped_.size();
        unescape(member.text, unescaped_);
        member.text = std::string_view{unescaped_}.substr(begin);
      }
      if (good) members_.push_back(member);
    } while (good && scanner.take(','));
    good = good && scanner.take('}');
  }
  scanner.skip_space();
  if (good && scanner.at_end()) return true;
  members_.clear();
  return false;
}

const JsonMember* JsonObject::find(std::string_view key) const {
  for (const auto& member : members_)
    if (member.key == key) return &member;
  return nullptr;
}

std::string_view JsonObject::text(std::string_view key) const {
  const auto* member = find(key);
  return member != nullptr && member->type == JsonMember::Type::text ? member->text : std::string_view{};
}

std::optional<double> JsonObject::number(std::string_view key) const {
  const auto* member = find(key);
  if (member == nullptr) return std::nullopt;
  if (member->type == JsonMember::Type::number) return member->number;
  if (member->type == JsonMember::Type::text) return parse_number(member->text);
  return std::nullopt;
}

std::optional<bool> JsonObject::boolean(std::string_view key) const {
  const auto* member = find(key);
  if (member == nullptr || member->type != JsonMember::Type::boolean) return std::nullopt;
  return member->number != 0;
}

std::optional<double> parse_number(std::string_view text) {
  if (text.empty() || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::size_t parse_numbers(std::string_view text, std::span<double> out) {
  std::size_t count = 0;
  const auto is_separator = [](char c) { return is_space(c) || c == ',' || c == '[' || c == ']'; };
  for (std::size_t at = 0; count < out.size();) {
    while (at < text.size() && is_separator(text[at])) ++at;
    std::size_t end = at;
    while (end < text.size() && !is_separator(text[end])) ++end;
    const auto value = parse_number(text.substr(at, end - at));
    if (!value) break;
    out[count++] = *value;
    at = end;
  }
  return count;
}

}  // namespace mesura::smartmeter
