// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>

#include "config/plugin_schema.hpp"
#include "session/series_binder.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::importing {

/// What a sink already says of a series: an import must not change it.
struct KnownSeries {
  std::string label, role, source;
  int decimals = 0;
  std::uint8_t usual_quality = 0;
};
/// By "device/channel/quantity".
using KnownSeriesMap = std::map<std::string, KnownSeries, std::less<>>;

/// A device of the configuration as the place where old data go: the same series as live ones.
class Target {
 public:
  using Bound = session::SeriesBinder::Bound;
  struct Setup {
    std::string device;
    std::string fleet;                                  ///< that it belongs to, or empty
    session::SeriesBinder::ChannelRules channels = {};  ///< the configuration's
    const config::PluginSchema* schema = nullptr;       ///< of the plugin; null: none is known
    const KnownSeriesMap* known = nullptr;              ///< of the sink, or null
  };

  /// All references must outlive it.
  Target(SeriesTable& series, Setup setup);

  /// A series as the plugin's session would ask for it: sign, role, label and quantity come out as they do live.
  /// nullopt and the reason in `error`.
  std::optional<Bound> wire(std::string_view channel, std::string_view quantity, std::string_view source,
                            std::string_view label = {}, std::string* error = nullptr);
  /// A series whose values are as Mesura stores them: nothing is turned or scaled. `unit` empty: the vocabulary's.
  std::optional<std::uint32_t> stored(std::string_view channel, std::string_view quantity, std::string_view unit,
                                      std::string* error = nullptr);

  [[nodiscard]] const std::string& device() const { return setup_.device; }
  [[nodiscard]] const model::Vocabulary& vocabulary() const { return vocabulary_; }
  [[nodiscard]] const SeriesTable& series() const { return series_; }
  /// The quality that values of a series usually have in the sink; 0 where it is not known.
  [[nodiscard]] std::uint8_t usual_quality(std::uint32_t series) const;
  void set_attribute(std::string_view key, std::string_view value) { series_.set_attribute(setup_.device, key, value); }

 private:
  SeriesTable& series_;
  Setup setup_;
  config::PluginSchema none_;
  session::SeriesBinder binder_;
  model::Vocabulary vocabulary_;
};

/// Channel, quantity and unit of a flat name ("l1_active_power_w").
struct FlatName {
  std::string channel, quantity, unit;
};
/// nullopt: nothing in `vocabulary` has that name.
[[nodiscard]] std::optional<FlatName> parse_flat_name(const model::Vocabulary& vocabulary, std::string_view name);

}  // namespace mesura::importing
