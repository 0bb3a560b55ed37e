// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace mesura::smartmeter::twin {
namespace {

constexpr int kDeepest = 10;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&](unsigned byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | code >> 6);
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xE0U | code >> 12);
    put(0x80U | (code >> 6 & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

/// The number at the start of `text`, or nothing.
std::optional<double> leading_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

struct Json::Parser {
  std::string_view rest;

  void skip_blanks() {
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (rest.substr(0, word.size()) != word) return false;
    rest.remove_prefix(word.size());
    return true;
  }

  bool value(Json& out, int depth) {
    skip_blanks();
    if (rest.empty() || depth > kDeepest) return false;
    switch (rest.front()) {
      case '{': return object(out, depth);
      case '[': return list(out, depth);
      case '"': out.type_ = Type::text; return quoted(out.text_);
      case 't':
        out.type_ = Type::boolean;
        out.number_ = 1;
        return take_word("true");
      case 'f': out.type_ = Type::boolean; return take_word("false");
      case 'n': out.type_ = Type::null; return take_word("null");
      default: return number(out);
    }
  }

  bool number(Json& out) {
    const auto end = std::find_if(rest.begin(), rest.end(), [](char c) {
      return !((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E');
    });
    const auto length = static_cast<std::size_t>(end - rest.begin());
    double value = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + length, value);
    if (length == 0 || error != std::errc{} || stop != rest.data() + length) return false;
    out.type_ = Type::number;
    out.number_ = value;
    rest.remove_prefix(length);
    return true;
  }

  bool object(Json& out, int depth) {
    out.type_ = Type::object;
    rest.remove_prefix(1);
    if (take('}')) return true;
    do {
      skip_blanks();
      std::string key;
      if (rest.empty() || rest.front() != '"' || !quoted(key) || !take(':')) return false;
      Json member;
      if (!value(member, depth + 1)) return false;
      out.keys_.push_back(std::move(key));
      out.items_.push_back(std::move(member));
    } while (take(','));
    return take('}');
  }

  bool list(Json& out, int depth) {
    out.type_ = Type::list;
    rest.remove_prefix(1);
    if (take(']')) return true;
    do {
      Json item;
      if (!value(item, depth + 1)) return false;
      out.items_.push_back(std::move(item));
    } while (take(','));
    return take(']');
  }

  bool quoted(std::string& out) {
    rest.remove_prefix(1);
    while (!rest.empty()) {
      const char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') return true;
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool escape(std::string& out) {
    if (rest.empty()) return false;
    const char c = rest.front();
    rest.remove_prefix(1);
    switch (c) {
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case '"':
      case '\\':
      case '/': out += c; return true;
      case 'u': break;
      default: return false;
    }
    unsigned code = 0;
    if (rest.size() < 4) return false;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + 4, code, 16);
    if (error != std::errc{} || end != rest.data() + 4) return false;
    rest.remove_prefix(4);
    append_utf8(out, code);
    return true;
  }
};

std::optional<Json> Json::parse(std::string_view text) {
  Parser parser{text};
  Json out;
  if (!parser.value(out, 1)) return std::nullopt;
  return out;
}

std::int64_t Json::integer() const {
  double value = 0;
  if (type_ == Type::number) value = number_;
  if (type_ == Type::text) value = leading_number(text_).value_or(0);
  if (std::isnan(value)) return 0;
  return static_cast<std::int64_t>(std::clamp(value, -9e18, 9e18));
}

const Json& Json::operator[](std::string_view key) const {
  static const Json kNothing;
  for (std::size_t i = 0; i < keys_.size(); ++i)
    if (keys_[i] == key) return items_[i];
  return kNothing;
}

void append_float(std::string& out, float value) {
  if (std::isnan(value)) {
    out += "null";
    return;
  }
  if (std::signbit(value) && value != 0) out += '-';
  double x = std::fabs(static_cast<double>(value));
  if (std::isinf(x)) x = 3.4028234663852886e38;
  int exponent = 0;
  if (x >= 1e7 || (x > 0 && x <= 1e-5)) {
    exponent = static_cast<int>(std::floor(std::log10(x)));
    x /= std::pow(10.0, exponent);
  }
  // One digit before the point leaves six behind it; every further one takes one away.
  std::uint64_t scale = 1'000'000;
  for (auto whole = static_cast<std::uint64_t>(x); whole >= 10; whole /= 10) scale /= 10;
  auto parts = static_cast<std::uint64_t>(std::llround(x * static_cast<double>(scale)));
  if (exponent != 0 && parts >= 10 * scale) {
    parts /= 10;
    ++exponent;
  }
  char digits[24];
  const auto put = [&](auto number) { out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr); };
  put(parts / scale);
  std::uint64_t fraction = parts % scale;
  if (fraction != 0) {
    std::string tail;
    for (std::uint64_t place = scale / 10; fraction != 0; place /= 10) {
      tail += static_cast<char>('0' + fraction / place);
      fraction %= place;
    }
    out += '.';
    out += tail;
  }
  if (exponent != 0) {
    out += 'e';
    put(exponent);
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
  out += '"';
}

void JsonObject::key(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  append_quoted(out_, name);
  out_ += ':';
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  key(name);
  append_quoted(out_, value);
  return *this;
}

JsonObject& JsonObject::integer(std::string_view name, std::int64_t value) {
  key(name);
  char digits[24];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  return *this;
}

JsonObject& JsonObject::number(std::string_view name, float value) {
  key(name);
  append_float(out_, value);
  return *this;
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  key(name);
  out_ += json;
  return *this;
}

}  // namespace mesura::smartmeter::twin
