// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/value.hpp"
#include "import/importer.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"
#include "plugin/loader.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace mesura::importing {

/// How a godenerg file is read.
struct GodenergSetup {
  std::filesystem::path file;
  const plugin::LoadedPlugin* axpert = nullptr;
  config::Value options;                              ///< of the device, by the plugin's schema
  session::SeriesBinder::ChannelRules channels = {};  ///< the configuration's
  std::string zone;                                   ///< of the site, or empty
  Range range;
};

/// godenerg's table `stats`, and `last_stats` where there is one. A row of `stats` is a reply to QPIGS and one to QMOD
/// in columns: they are put together again and read by the plugin itself, so that series, states and what is derived
/// are those of live data by construction. All references must outlive it. Throws ImportError: imp-open, gdn-schema.
[[nodiscard]] std::unique_ptr<Importer> godenerg(GodenergSetup setup, SeriesTable& series, Target& target,
                                                 Problems& problems);

}  // namespace mesura::importing
