// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mesura::axpert {

/// A variant of the protocol. A new one is a new value, a name and a rule in dialect.cpp.
enum class Dialect : std::uint8_t {
  pi30,      ///< classic: HS, MS, MSX, MKS, KS, PIP-MS
  pi30duo,   ///< Plus Duo and Tri, PIP-MST: two or three trackers
  pi30mk,    ///< GK, MK ("King")
  pi30max,   ///< MAX, VM III and IV, MKS IV
  lv6548,    ///< as pi30max, with charger priorities of its own
  pi41,      ///< LV5048, split phase
  pi30revo,  ///< Sorotec REVO
  pi18       ///< InfiniSolar V, MKS IV Twin
};
inline constexpr int kDialects = 8;

/// A set of dialects.
using Dialects = std::uint16_t;
constexpr Dialects of(Dialect d) { return static_cast<Dialects>(1U << static_cast<unsigned>(d)); }
constexpr Dialects kClassic = of(Dialect::pi30) | of(Dialect::pi30revo);
constexpr Dialects kDuo = of(Dialect::pi30duo);
constexpr Dialects kKing = of(Dialect::pi30mk);
constexpr Dialects kLv6548 = of(Dialect::lv6548);
constexpr Dialects kMax = of(Dialect::pi30max) | kLv6548;
constexpr Dialects kSplit = of(Dialect::pi41);
constexpr Dialects kRevo = of(Dialect::pi30revo);
constexpr Dialects kInfini = of(Dialect::pi18);
constexpr Dialects kPi30 = kClassic | kDuo | kKing | kMax | kSplit;  ///< all with '(' and CRC
constexpr Dialects kAll = kPi30 | kInfini;
constexpr bool has(Dialects set, Dialect d) { return (set & of(d)) != 0; }

[[nodiscard]] std::string_view name(Dialect d);
/// Nothing for a name that no dialect has.
[[nodiscard]] std::optional<Dialect> dialect_from(std::string_view name);

/// What replies have shown so far; -1: not asked or not known, 0: refused.
struct Evidence {
  int protocol = -1;      ///< 30, 41, 18 of QPI
  int model_code = -1;    ///< QGMN
  int qpigs = -1;         ///< number of fields
  int pv_point = -1;      ///< 1: QPIGS's PV current has a decimal point
  int qpigs2 = -1;        ///< number of fields
  int qpiri = -1;         ///< number of documented fields
  int machine_type = -1;  ///< QPIRI.20
  int qpiws = -1;         ///< number of bits
  int qpgs = -1;          ///< number of fields
  int qall = -1;          ///< 1: answers Sorotec's QALL

  bool operator==(const Evidence&) const = default;
};
/// The first rule that fits; without evidence pi30.
[[nodiscard]] Dialect dialect_from(const Evidence& e);

}  // namespace mesura::axpert
