// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "layout.hpp"

#include "number.hpp"
#include "text_value.hpp"

#include <bit>
#include <cstring>
#include <string>

namespace mesura::ct6 {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U, kHighBits = 0x8080808080808080U;

std::uint64_t load(const char* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// High bits of the bytes that are zero; exact in the lowest of them.
constexpr std::uint64_t zero_bytes(std::uint64_t word) { return (word - kOnes) & ~word & kHighBits; }

/// The first byte from `p` on that is a quote, a backslash, a control character or not ASCII.
const char* find_special(const char* p) {
  if constexpr (std::endian::native == std::endian::little) {
    for (;; p += sizeof(std::uint64_t)) {
      const std::uint64_t word = load(p);
      const std::uint64_t control = (word - kOnes * 0x20U) & ~word & kHighBits;
      const std::uint64_t special =
          zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\')) | control | (word & kHighBits);
      if (special != 0) return p + std::countr_zero(special) / 8;
    }
  } else {
    for (;; ++p) {
      const auto c = static_cast<unsigned char>(*p);
      if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80) return p;
    }
  }
}

/// The end of a string without escapes whose opening quote is at `p`, or nullptr.
const char* skip_string(const char* p) {
  for (++p;;) {
    p = find_special(p);
    if (*p == '"') return p + 1;
    if (static_cast<unsigned char>(*p) < 0x80) return nullptr;
    constexpr std::size_t kLongest = 4;
    const std::size_t length = utf8_length({p, kLongest});
    if (length == 0) return nullptr;
    p += length;
  }
}

/// A string or number; `token` becomes the whole of it.
const char* read_text(const char* p, std::string_view& token) {
  double ignored = 0;
  const char* const end = *p == '"' ? skip_string(p) : read_number(p, ignored);
  if (end != nullptr) token = {p, static_cast<std::size_t>(end - p)};
  return end;
}

const char* read_flag(const char* p, double& value) {
  constexpr std::string_view yes = "true", no = "false";
  if (std::memcmp(p, yes.data(), yes.size()) == 0) {
    value = 1;
    return p + yes.size();
  }
  if (std::memcmp(p, no.data(), no.size()) == 0) {
    value = 0;
    return p + no.size();
  }
  return read_number(p, value);
}

const char* read_time_sent(const char* p, std::int64_t& seconds) {
  if (*p++ != '[') return nullptr;
  double item = 0;
  for (std::size_t i = 0; i < kTimeSentItems; ++i) {
    if (i > 0) {
      if (*p++ != ',') return nullptr;
      if (*p == ' ') ++p;
    }
    p = read_number(p, item);
    if (p == nullptr) return nullptr;
  }
  if (item < 0 || item >= kEndOfTime_s) return nullptr;
  seconds = static_cast<std::int64_t>(item);
  return *p == ']' ? p + 1 : nullptr;
}

}  // namespace

bool Layout::Literal::set(std::string_view text) {
  std::array<char, sizeof words> bytes{}, mask{};
  if (text.size() > bytes.size()) return false;
  text.copy(bytes.data(), text.size());
  std::memset(mask.data(), 0xFF, text.size());
  std::memcpy(words.data(), bytes.data(), sizeof words);
  std::memcpy(masks.data(), mask.data(), sizeof masks);
  size = static_cast<std::uint32_t>(text.size());
  return true;
}

bool Layout::Literal::matches(const char* p) const {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t differs = (load(p) ^ words[0]) & masks[0];
  differs |= (load(p + kWord) ^ words[1]) & masks[1];
  if (size > 2 * kWord) {
    differs |= (load(p + 2 * kWord) ^ words[2]) & masks[2];
    differs |= (load(p + 3 * kWord) ^ words[3]) & masks[3];
  }
  return differs == 0;
}

bool Layout::make(const std::vector<std::pair<Key, std::string_view>>& order, bool blanks, std::vector<Step>& steps) {
  steps.clear();
  for (const auto& [key, name] : order) {
    std::string text = steps.empty() ? "{" : blanks ? ", " : ",";
    text.append("\"").append(name).append(blanks ? "\": " : "\":");
    Step step{{}, key};
    if (!step.literal.set(text)) return false;
    steps.push_back(step);
  }
  return !steps.empty();
}

bool Layout::learn(const KeyOrder& order, bool blanks) {
  if (!make(order.unit, blanks, unit_)) return false;
  port_seen_ = 0;
  if (!order.port.empty() && !make(order.port, blanks, port_)) return false;
  for (const Step& step : port_) port_seen_ |= 1U << (step.key.what + (step.key.role == Role::text ? 16U : 0U));
  return true;
}

const char* Layout::read_port(const char* p, std::uint8_t number, Answer& answer) const {
  Port& port = answer.ports[answer.port_count++];
  port.number = number;
  port.seen = port_seen_;
  port.have = port_seen_ & 0xFFFFU;
  port.texts = {};
  for (const Step& step : port_) {
    if (!step.literal.matches(p)) return nullptr;
    p += step.literal.size;
    p = step.key.role == Role::number ? read_number(p, port.values[step.key.what])
                                      : read_text(p, port.texts[step.key.what]);
    if (p == nullptr) return nullptr;
  }
  answer.port_mask |= 1U << (number - 1U);
  return *p == '}' ? p + 1 : nullptr;
}

const char* Layout::read_unit(const char* p, Key key, Answer& answer) const {
  const std::uint32_t seen = 1U << key.what;
  switch (key.role) {
    case Role::port: return read_port(p, key.what, answer);
    case Role::number:
    case Role::flag:
      answer.seen |= seen;
      answer.have |= seen;
      return key.role == Role::number ? read_number(p, answer.values[key.what]) : read_flag(p, answer.values[key.what]);
    case Role::text: answer.seen |= seen << 16U; return read_text(p, answer.texts[key.what]);
    case Role::time_sent: return read_time_sent(p, answer.time_sent);
    default: return nullptr;
  }
}

bool Layout::read(std::string_view message, Answer& answer) const {
  answer.clear();
  const char* p = message.data();
  const char* const end = p + message.size();
  for (const Step& step : unit_) {
    if (!step.literal.matches(p)) return false;
    p = read_unit(p + step.literal.size, step.key, answer);
    if (p == nullptr) return false;
  }
  return *p == '}' && p + 1 == end;
}

}  // namespace mesura::ct6
