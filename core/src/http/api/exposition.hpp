// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace mesura::http::api {

/// Collects metrics and prints them as Prometheus' text format: families in order of their names, each with HELP and
/// TYPE once, however the values came.
///
/// source  https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4
class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  enum class Type : std::uint8_t { gauge, counter };

  /// Labels with empty values are left out, which means the same. `name` and the labels' names are ours: letters,
  /// digits, underscores.
  void add(std::string_view name, Type type, std::string_view help, Labels labels, double value);
  void gauge(std::string_view name, std::string_view help, Labels labels, double value) {
    add(name, Type::gauge, help, labels, value);
  }
  /// `name` ends in _total.
  void counter(std::string_view name, std::string_view help, Labels labels, double value) {
    add(name, Type::counter, help, labels, value);
  }
  [[nodiscard]] std::string text() const;

 private:
  std::map<std::string, std::string, std::less<>> families_;  ///< by name: its text
};

}  // namespace mesura::http::api
