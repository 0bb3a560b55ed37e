// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include <string>
#include <string_view>

namespace mesura::model {

/// SeriesInfo::source of a register that Mesura integrates itself.
inline constexpr std::string_view kIntegrated = "integrated";

/// What a register stood at.
struct RegisterValue {
  std::string device;
  std::string channel;
  std::string quantity;
  double value = 0;  ///< base unit
};

[[nodiscard]] inline bool is_integrated(const SeriesInfo& info) {
  return info.kind == Kind::reg && info.source == kIntegrated;
}

}  // namespace mesura::model
