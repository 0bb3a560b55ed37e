// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include "http/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

namespace mesura::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty() && path.front() == '/') {
    path.remove_prefix(1);
    const auto slash = path.find('/');
    if (!path.empty()) parts.push_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash);
  }
  return parts;
}

void add_word(std::string& list, std::string_view word) {
  if ((", " + list + ",").find(fmt::format(" {},", word)) != std::string::npos) return;
  if (!list.empty()) list += ", ";
  list += word;
}

}  // namespace

std::vector<Router::Part> Router::parse(const std::string& pattern) {
  const auto bad = [&](const char* what) {
    return ListenError("http-route", fmt::format("pattern '{}': {}", pattern, what));
  };
  if (!pattern.starts_with('/')) throw bad("must begin with '/'");
  std::vector<Part> parts;
  for (const auto text : split(pattern)) {
    if (!parts.empty() && parts.back().kind == Part::Kind::rest) throw bad("'{...*}' must be the last part");
    Part part;
    const auto open = text.find('{');
    const auto close = text.find('}');
    if (open == std::string_view::npos && close == std::string_view::npos) {
      part.before = text;
    } else if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2 ||
               text.find('{', open + 1) != std::string_view::npos ||
               text.find('}', close + 1) != std::string_view::npos) {
      throw bad("a part may have one {placeholder}");
    } else {
      part.before = text.substr(0, open);
      part.after = text.substr(close + 1);
      part.kind = part.before.empty() && part.after.empty() ? Part::Kind::capture : Part::Kind::mixed;
      if (text[close - 1] == '*') {
        if (part.kind != Part::Kind::capture) throw bad("'{...*}' must stand alone");
        part.kind = Part::Kind::rest;
      }
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  const auto key = [](const Part& part) { return std::tie(part.kind, part.before, part.after); };
  const auto same = [&](const std::vector<Part>& a, const std::vector<Part>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](const Part& x, const Part& y) { return key(x) == key(y); });
  };
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    auto parts = parse(routes_[i].pattern);
    auto place = std::find_if(places_.begin(), places_.end(), [&](const Place& p) { return same(p.parts, parts); });
    if (place == places_.end()) place = places_.insert(place, Place{std::move(parts), {}});
    for (const auto other : place->routes)
      if (routes_[other].method == routes_[i].method)
        throw ListenError("http-route", fmt::format("two routes for {} {}", routes_[i].method, routes_[i].pattern));
    place->routes.push_back(i);
  }
  std::stable_sort(places_.begin(), places_.end(), [&](const Place& a, const Place& b) {
    return std::lexicographical_compare(
        a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), [](const Part& x, const Part& y) {
          if (x.kind != y.kind) return x.kind < y.kind;
          // Of "{a}.csv" and "{b}.tar.csv" the longer knows better.
          return x.kind == Part::Kind::mixed && x.before.size() + x.after.size() > y.before.size() + y.after.size();
        });
  });
  for (const auto& place : places_) {
    std::string path;
    for (const auto& part : place.parts) {
      if (part.kind != Part::Kind::literal) {
        path.clear();
        break;
      }
      (path += '/') += part.before;
    }
    if (place.parts.empty()) path = "/";
    if (!path.empty()) literal_[path] = place.routes;
  }
}

bool Router::fits(const Place& place, const std::vector<std::string_view>& parts, std::vector<std::string>& captures) {
  captures.clear();
  for (std::size_t i = 0; i < place.parts.size(); ++i) {
    const auto& part = place.parts[i];
    if (part.kind == Part::Kind::rest) {
      std::string rest;
      for (std::size_t j = i; j < parts.size(); ++j) (rest += j == i ? "" : "/") += parts[j];
      captures.push_back(std::move(rest));
      return true;
    }
    if (i >= parts.size()) return false;
    const auto text = parts[i];
    if (part.kind == Part::Kind::literal) {
      if (text != part.before) return false;
      continue;
    }
    const auto around = part.before.size() + part.after.size();
    if (text.size() <= around || !text.starts_with(part.before) || !text.ends_with(part.after)) return false;
    captures.emplace_back(text.substr(part.before.size(), text.size() - around));
  }
  return parts.size() == place.parts.size();
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  Match match;
  const auto take = [&](const std::vector<std::size_t>& routes) {
    for (const auto i : routes) {
      if (routes_[i].method == method) {
        match.route = &routes_[i];
        return true;
      }
      add_word(match.allow, routes_[i].method);
      if (routes_[i].method == "GET") add_word(match.allow, "HEAD");
    }
    return false;
  };
  if (const auto found = literal_.find(std::string{path}); found != literal_.end() && take(found->second)) return match;
  const auto parts = split(path);
  std::vector<std::string> captures;
  for (const auto& place : places_) {
    if (!fits(place, parts, captures) || !take(place.routes)) continue;
    match.captures = std::move(captures);
    return match;
  }
  if (!match.allow.empty()) add_word(match.allow, "OPTIONS");
  return match;
}

}  // namespace mesura::http
