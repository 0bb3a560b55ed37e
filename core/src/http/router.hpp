// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/message.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mesura::http {

/// Finds who answers at a path.
///
/// A pattern is made of parts: literal ("api"), a placeholder with or without text around it ("{id}", "{day}.json"),
/// and as the last one "{rest*}", which takes all that follows (also nothing). Where several patterns fit, the more
/// literal wins, part by part from the left.
class Router {
 public:
  /// Throws ListenError (http-route): malformed pattern, or two routes of one method that nothing tells apart.
  explicit Router(std::vector<Route> routes);

  struct Match {
    const Route* route = nullptr;  ///< null: nobody, or nobody with this method
    std::vector<std::string> captures;
    std::string allow;  ///< methods that there are at this path, for 405 and OPTIONS; empty: nothing is there
  };
  [[nodiscard]] Match find(std::string_view method, std::string_view path) const;

 private:
  struct Part {
    enum class Kind : std::uint8_t { literal, mixed, capture, rest };
    Kind kind = Kind::literal;
    std::string before;  ///< or all of it
    std::string after;
  };
  struct Place {
    std::vector<Part> parts;
    std::vector<std::size_t> routes;
  };
  static std::vector<Part> parse(const std::string& pattern);
  static bool fits(const Place& place, const std::vector<std::string_view>& parts, std::vector<std::string>& captures);

  std::vector<Route> routes_;
  std::vector<Place> places_;                                          ///< more literal ones first
  std::unordered_map<std::string, std::vector<std::size_t>> literal_;  ///< places without placeholders, by path
};

}  // namespace mesura::http
