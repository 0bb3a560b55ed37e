// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "object_scanner.hpp"

namespace mesura::ct6 {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '+' || c == '.';
}

}  // namespace

ObjectScanner::Result ObjectScanner::push(char c) {
  if (string_) return push_in_string(c);
  if (state_ == State::scalar) {
    if (is_word(c)) return Result::more;
    state_ = State::after_value;
  }
  if (is_blank(c)) return state_ == State::begin ? Result::broken : Result::more;
  switch (state_) {
    case State::begin: return c == '{' ? open(true) : Result::broken;
    case State::first_key:
      if (c == '}') return close(true);
      [[fallthrough]];
    case State::key:
      if (c != '"') return Result::broken;
      string_ = string_is_key_ = true;
      return Result::more;
    case State::colon:
      if (c != ':') return Result::broken;
      state_ = State::value;
      return Result::more;
    case State::first_item:
      if (c == ']') return close(false);
      [[fallthrough]];
    case State::value: return push_value(c);
    default: return push_after_value(c);
  }
}

ObjectScanner::Result ObjectScanner::push_in_string(char c) {
  if (escape_) {
    escape_ = false;
    return Result::more;
  }
  if (static_cast<unsigned char>(c) < 0x20) return Result::broken;
  escape_ = c == '\\';
  if (c != '"') return Result::more;
  string_ = false;
  state_ = string_is_key_ ? State::colon : State::after_value;
  string_is_key_ = false;
  return Result::more;
}

ObjectScanner::Result ObjectScanner::push_value(char c) {
  if (c == '{') return open(true);
  if (c == '[') return open(false);
  if (c == '"') {
    string_ = true;
    return Result::more;
  }
  if (!is_word(c)) return Result::broken;
  state_ = State::scalar;
  return Result::more;
}

ObjectScanner::Result ObjectScanner::push_after_value(char c) {
  if (c == ',') {
    state_ = in_object() ? State::key : State::value;
    return Result::more;
  }
  if (c == '}') return close(true);
  if (c == ']') return close(false);
  return Result::broken;
}

ObjectScanner::Result ObjectScanner::open(bool object) {
  if (depth_ == kMaxDepth) return Result::too_deep;
  ++depth_;
  objects_ = objects_ << 1U | (object ? 1U : 0U);
  state_ = object ? State::first_key : State::first_item;
  return Result::more;
}

ObjectScanner::Result ObjectScanner::close(bool object) {
  if (in_object() != object) return Result::broken;
  objects_ >>= 1U;
  state_ = State::after_value;
  return --depth_ == 0 ? Result::complete : Result::more;
}

}  // namespace mesura::ct6
