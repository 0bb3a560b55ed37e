// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_json.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "virtual_number.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr int kDeepest = 16;

void append_utf8(std::string& out, unsigned code) {
  const auto byte = [&out](unsigned b) { out += static_cast<char>(static_cast<unsigned char>(b)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xE0U | (code >> 12));
    byte(0x80U | ((code >> 6) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<Value> whole() {
    auto value = parse(0);
    skip();
    if (!rest_.empty()) return std::nullopt;
    return value;
  }

 private:
  void skip() {
    while (!rest_.empty() &&
           (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == '\r' || rest_.front() == '\n'))
      rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view w) {
    if (rest_.substr(0, w.size()) != w) return false;
    rest_.remove_prefix(w.size());
    return true;
  }

  std::optional<Value> parse(int depth) {
    skip();
    if (rest_.empty() || depth > kDeepest) return std::nullopt;
    switch (rest_.front()) {
      case '{': return object(depth);
      case '[': return array(depth);
      case '"': {
        auto text = string();
        if (!text) return std::nullopt;
        return Value{std::move(*text)};
      }
      case 't': return word("true") ? std::optional{Value{true}} : std::nullopt;
      case 'f': return word("false") ? std::optional{Value{false}} : std::nullopt;
      case 'n': return word("null") ? std::optional{Value{}} : std::nullopt;
      default: return number();
    }
  }

  std::optional<Value> object(int depth) {
    Object out;
    take('{');
    if (take('}')) return Value{std::move(out)};
    do {
      skip();
      auto key = string();
      if (!key || !take(':')) return std::nullopt;
      auto value = parse(depth + 1);
      if (!value) return std::nullopt;
      put(out, *key, std::move(*value));
    } while (take(','));
    if (!take('}')) return std::nullopt;
    return Value{std::move(out)};
  }

  std::optional<Value> array(int depth) {
    Array out;
    take('[');
    if (take(']')) return Value{std::move(out)};
    do {
      auto value = parse(depth + 1);
      if (!value) return std::nullopt;
      out.push_back(std::move(*value));
    } while (take(','));
    if (!take(']')) return std::nullopt;
    return Value{std::move(out)};
  }

  std::optional<std::string> string() {
    if (rest_.empty() || rest_.front() != '"') return std::nullopt;
    rest_.remove_prefix(1);
    std::string out;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
      } else if (!escape(out)) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }

  bool escape(std::string& out) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'b': out += '\b'; return true;
      case 'f': out += '\f'; return true;
      case 'u': {
        unsigned code = 0;
        if (rest_.size() < 4) return false;
        const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + 4, code, 16);
        if (error != std::errc{} || stop != rest_.data() + 4) return false;
        rest_.remove_prefix(4);
        append_utf8(out, code);
        return true;
      }
      default: out += c; return true;
    }
  }

  std::optional<Value> number() {
    const auto length = std::min(rest_.find_first_not_of("+-.0123456789eEinfa"), rest_.size());
    const std::string_view text = rest_.substr(0, length);
    if (text.empty()) return std::nullopt;
    rest_.remove_prefix(length);
    std::int64_t whole = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (error == std::errc{} && stop == text.data() + text.size()) return Value{whole};
    if (const auto real = parse_python_float(text)) return Value{*real};
    return std::nullopt;
  }

  std::string_view rest_;
};

struct Dumper {
  std::string& out;

  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool v) const { out += v ? "true" : "false"; }
  void operator()(std::int64_t v) const { append_integer(out, v); }
  void operator()(float v) const { append_float(out, static_cast<double>(v)); }
  void operator()(const std::string& v) const { append_quoted(out, v); }
  void operator()(const Array& v) const {
    out += '[';
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i != 0) out += ", ";
      v[i].dump(out);
    }
    out += ']';
  }
  void operator()(const Object& v) const {
    out += '{';
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i != 0) out += ", ";
      append_quoted(out, v[i].key);
      out += ": ";
      v[i].value.dump(out);
    }
    out += '}';
  }
};

struct Truth {
  bool operator()(std::monostate) const { return false; }
  bool operator()(bool v) const { return v; }
  bool operator()(std::int64_t v) const { return v != 0; }
  bool operator()(float v) const { return v != 0.0F; }
  template <class Container>
  bool operator()(const Container& v) const {
    return !v.empty();
  }
};

}  // namespace

Value::Value() = default;
Value::Value(bool v) : data_(v) {}
Value::Value(int v) : data_(std::int64_t{v}) {}
Value::Value(std::int64_t v) : data_(v) {}
Value::Value(float v) : data_(v) {}
Value::Value(const char* v) : data_(std::string(v)) {}
Value::Value(std::string_view v) : data_(std::string(v)) {}
Value::Value(std::string v) : data_(std::move(v)) {}
Value::Value(Array v) : data_(std::move(v)) {}
Value::Value(Object v) : data_(std::move(v)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

std::optional<double> Value::number() const {
  if (const auto* v = as<bool>()) return *v ? 1 : 0;
  if (const auto* v = as<std::int64_t>()) return static_cast<double>(*v);
  if (const auto* v = as<float>()) return static_cast<double>(*v);
  return std::nullopt;
}

bool Value::truthy() const { return std::visit(Truth{}, data_); }

void Value::dump(std::string& out) const { std::visit(Dumper{out}, data_); }

std::string Value::dump() const {
  std::string out;
  dump(out);
  return out;
}

const Value* find(const Object& object, std::string_view key) {
  const auto at = std::find_if(object.begin(), object.end(), [&](const Member& m) { return m.key == key; });
  return at == object.end() ? nullptr : &at->value;
}

Value* find(Object& object, std::string_view key) {
  return const_cast<Value*>(find(static_cast<const Object&>(object), key));
}

void put(Object& object, std::string_view key, Value value) {
  if (Value* old = find(object, key)) {
    *old = std::move(value);
  } else {
    object.push_back({std::string(key), std::move(value)});
  }
}

void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 32) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15U];
    }
  }
  out += '"';
}

std::optional<Value> parse_json(std::string_view text) { return Parser{text}.whole(); }

}  // namespace mesura::ct6::twin
