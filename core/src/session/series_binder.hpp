// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/plugin_abi.h>
#include <mesura/measurement.hpp>

#include "config/plugin_schema.hpp"
#include "model/normalise.hpp"
#include "model/vocabulary.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::session {

/// A quantity of a plugin's own, as its schema declares it, for a vocabulary.
[[nodiscard]] model::Quantity to_quantity(const config::QuantitySpec& spec);

/// Turns what a plugin calls a series into a described, normalised series of the collector.
class SeriesBinder {
 public:
  /// What the hot path needs of a series.
  struct Bound {
    std::uint32_t id = 0;
    double factor = 1;
    double offset = 0;
    bool identity = true;
  };
  struct Result {
    Bound series;
    std::string error;  ///< why it was refused
    explicit operator bool() const { return error.empty(); }
  };
  using ChannelRules = std::map<std::string, model::ChannelRule, std::less<>>;

  /// All references must outlive the binder. `channels` are the user's, `schema` has the plugin's own quantities and
  /// default roles; `fleet`: the name
  /// of the fleet that the devices belong to, or empty.
  SeriesBinder(SeriesTable& table, const config::PluginSchema& schema, ChannelRules channels, std::string fleet = {});

  /// Refuses quantities that neither the vocabulary nor the schema declares, channels where they don't stand, and units
  /// that contradict them.
  Result bind(const std::string& device, const mesura_series_info& info);

 private:
  [[nodiscard]] model::ChannelRule rule_for(std::string_view channel) const;
  [[nodiscard]] model::WireSign sign_of(std::string_view channel) const;
  [[nodiscard]] Integration integration_of(std::string_view channel) const;

  SeriesTable& table_;
  const config::PluginSchema& schema_;
  ChannelRules channels_;
  std::string fleet_;
  std::unique_ptr<model::Vocabulary> own_;  ///< with the plugin's additions, when it has any
  const model::Vocabulary* vocabulary_;
};

}  // namespace mesura::session
