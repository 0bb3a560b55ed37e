// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/configuration.hpp"
#include "model/expression.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

/// What the file's devices can measure, as far as their plugins' schemas and the vocabulary tell.
class KnownSeries {
 public:
  KnownSeries(const Value& root, const Catalog& catalog);

  /// Nothing: neither the vocabulary nor the device's plugin (no device: any plugin) has it.
  [[nodiscard]] std::optional<model::QuantityFacts> quantity(std::string_view device, std::string_view quantity) const;
  /// Whether the quantity can stand in that channel; yes for a plugin's own.
  [[nodiscard]] static bool may_stand(std::string_view quantity, std::string_view channel);
  /// Configured devices, derived ones as well; not those of fleets.
  [[nodiscard]] const std::vector<std::string>& devices() const { return devices_; }
  [[nodiscard]] bool has_fleets() const { return has_fleets_; }

 private:
  const Value& root_;
  const Catalog& catalog_;
  std::vector<std::string> devices_;
  bool has_fleets_ = false;
};

/// The section `derived`, parsed, its units checked, each series behind those that it uses. What is wrong is added to
/// `out` and left out.
[[nodiscard]] std::vector<DerivedConfig> read_derived(const Value& root, const Catalog& catalog,
                                                      const std::string& file, Diagnostics& out);

}  // namespace mesura::config
