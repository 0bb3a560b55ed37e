// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "model/normalise.hpp"

#include <algorithm>
#include <array>

namespace mesura::model {

namespace {

constexpr std::array<std::string_view, 5> kRoles{"", "grid", "solar", "battery", "load"};
constexpr std::array<std::string_view, 9> kScaled{"W", "var", "VA", "A", "Wh", "varh", "VAh", "m3", "GJ"};

bool contains(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

std::string_view to_string(Role role) { return kRoles[static_cast<std::size_t>(role)]; }

std::optional<Role> role_from(std::string_view name) {
  const auto it = std::find(kRoles.begin(), kRoles.end(), name);
  if (it == kRoles.end()) return std::nullopt;
  return static_cast<Role>(it - kRoles.begin());
}

Transform normalise(const Quantity& quantity, const ChannelRule& rule, WireSign wire) {
  Transform t;
  t.quantity = rule.invert && !quantity.opposite.empty() ? quantity.opposite : quantity.name;
  if (quantity.kind == Kind::state) return t;
  if (quantity.is_signed) {
    if (wire == WireSign::export_positive) t.factor = -t.factor;
    if (rule.role == Role::solar) t.factor = -t.factor;
    if (rule.invert) t.factor = -t.factor;
  }
  if (contains(kScaled, quantity.unit)) t.factor *= rule.scale;
  if (quantity.trim) t.offset = rule.offset;
  return t;
}

}  // namespace mesura::model
