// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "dialect.hpp"

#include <algorithm>
#include <array>

namespace mesura::axpert {
namespace {

constexpr std::array<std::string_view, kDialects> kNames = {"pi30",   "pi30duo", "pi30mk",   "pi30max",
                                                            "lv6548", "pi41",    "pi30revo", "pi18"};

/// One observation and what it says. The order is that of certainty: a field count that only one family has comes
/// before one that two share.
struct Rule {
  int Evidence::*seen;
  int value;
  Dialect dialect;
};
constexpr std::array kRules = {
    Rule{&Evidence::protocol, 18, Dialect::pi18},        Rule{&Evidence::protocol, 41, Dialect::pi41},
    Rule{&Evidence::qall, 1, Dialect::pi30revo},         Rule{&Evidence::model_code, 45, Dialect::lv6548},
    Rule{&Evidence::qpigs2, 11, Dialect::pi41},          Rule{&Evidence::qpigs2, 12, Dialect::pi30duo},
    Rule{&Evidence::machine_type, 11, Dialect::pi30duo}, Rule{&Evidence::machine_type, 20, Dialect::pi30duo},
    Rule{&Evidence::qpigs2, 3, Dialect::pi30max},        Rule{&Evidence::qpigs, 24, Dialect::pi30max},
    Rule{&Evidence::qpiri, 28, Dialect::pi30max},        Rule{&Evidence::qpiri, 27, Dialect::pi30mk},
    Rule{&Evidence::qpiri, 26, Dialect::pi30max},        Rule{&Evidence::pv_point, 1, Dialect::pi30max},
    Rule{&Evidence::qpiws, 38, Dialect::pi30duo},        Rule{&Evidence::qpiws, 36, Dialect::pi30max},
    Rule{&Evidence::qpgs, 29, Dialect::pi30max},
};

}  // namespace

std::string_view name(Dialect d) { return kNames[static_cast<std::size_t>(d)]; }

std::optional<Dialect> dialect_from(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Dialect>(found - kNames.begin());
}

Dialect dialect_from(const Evidence& e) {
  const auto found =
      std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) { return e.*rule.seen == rule.value; });
  return found != kRules.end() ? found->dialect : Dialect::pi30;
}

}  // namespace mesura::axpert
