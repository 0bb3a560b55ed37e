// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_faults.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr std::array<std::string_view, kFaultKinds> kNames = {"lost",         "duplicate",     "truncate", "nan",
                                                              "null_payload", "hash_mismatch", "http_drop"};

}  // namespace

std::optional<FaultKind> find_fault(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<FaultKind>(i);
  return std::nullopt;
}

std::string_view name_of(FaultKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

bool Faults::happens(FaultKind kind) {
  const std::size_t i = index(kind);
  if (ordered_[i] > 0) {
    --ordered_[i];
  } else if (rates_[i] <= 0 || !random_.happens(rates_[i])) {
    return false;
  }
  ++happened_[i];
  return true;
}

}  // namespace mesura::ct6::twin
