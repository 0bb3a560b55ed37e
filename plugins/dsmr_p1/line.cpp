// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "line.hpp"

#include <algorithm>

namespace mesura::dsmr_p1 {
namespace {

constexpr bool is_line_end(char c) { return c == '\r' || c == '\n'; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::size_t line_end(std::string_view body, std::size_t at) {
  while (at < body.size() && !is_line_end(body[at])) ++at;
  return at;
}

std::size_t skip_line_ends(std::string_view body, std::size_t at) {
  while (at < body.size() && is_line_end(body[at])) ++at;
  return at;
}

std::size_t skip_blank(std::string_view body, std::size_t at) {
  while (at < body.size() && (is_line_end(body[at]) || is_blank(body[at]))) ++at;
  return at;
}

bool begins_object(std::string_view body, std::size_t at) {
  std::string_view rest = body.substr(at);
  return take_obis(rest).has_value() && !rest.empty() && rest[0] == '(';
}

}  // namespace

bool LineReader::next(std::string_view body, std::size_t& at, Line& line) {
  const std::size_t begin = skip_blank(body, at);
  if (begin >= body.size()) {
    at = body.size();
    return false;
  }

  int depth = 0;
  bool block = false;  // '(' at a line's end opens a block of whole lines (one Hungarian firmware)
  bool several = false;
  std::size_t end = begin;
  for (;;) {
    const std::size_t from = end;
    end = line_end(body, from);
    for (std::size_t i = from; i < end; ++i) {
      if (body[i] == '(') ++depth;
      if (body[i] == ')' && depth > 0) --depth;
    }
    if (depth == 1 && end > from && body[end - 1] == '(') block = true;
    const std::size_t next_line = skip_line_ends(body, end);
    if (next_line >= body.size()) break;
    const bool continued = depth > 0 ? block || !begins_object(body, next_line) : body[next_line] == '(';
    if (!continued) break;
    several = true;
    end = next_line;
  }
  at = skip_line_ends(body, end);
  line.text = body.substr(begin, at - begin);

  std::string_view logical = body.substr(begin, end - begin);
  if (several) {
    joined_.clear();
    std::copy_if(logical.begin(), logical.end(), std::back_inserter(joined_), [](char c) { return !is_line_end(c); });
    logical = joined_;
  }
  split(logical, line);
  return true;
}

void LineReader::split(std::string_view logical, Line& line) {
  line.problem = Line::Problem::none;
  line.nested = false;
  line.group_count = 0;
  line.whole_value = {};

  std::string_view rest = logical;
  const auto code = take_obis(rest);
  if (!code) {
    line.problem = Line::Problem::no_code;
    return;
  }
  line.code = *code;
  const std::size_t first = rest.find('(');
  const std::size_t last = rest.rfind(')');
  if (first == std::string_view::npos || last == std::string_view::npos || last < first) {
    line.problem = first == std::string_view::npos ? Line::Problem::no_value : Line::Problem::unbalanced;
    return;
  }
  line.whole_value = rest.substr(first + 1, last - first - 1);

  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (c == '(') {
      if (depth++ == 0) begin = i + 1;
      if (depth > 1) line.nested = true;
    } else if (c == ')') {
      if (depth == 0) {
        line.problem = Line::Problem::unbalanced;
      } else if (--depth == 0) {
        if (line.group_count == Line::kMaxGroups) {
          line.problem = Line::Problem::too_many;
          return;
        }
        line.groups[line.group_count++] = rest.substr(begin, i - begin);
      }
    } else if (depth == 0 && !is_blank(c)) {
      line.problem = Line::Problem::unbalanced;
    }
  }
  if (depth != 0) line.problem = Line::Problem::unbalanced;
}

}  // namespace mesura::dsmr_p1
