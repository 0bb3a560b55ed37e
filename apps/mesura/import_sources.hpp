// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "setup.hpp"
#include "verbs.hpp"

#include "import/importer.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"
#include "model/zones.hpp"

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace mesura::app {

/// Arguments that make no sense: "cli-usage: ...".
class ImportUsage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Makes the importers that the arguments ask for, with the devices of the configuration as their targets.
class ImportSources {
 public:
  /// All references must outlive it and the importers. Throws ImportUsage.
  ImportSources(const ImportOptions& options, const Loaded& loaded, SeriesTable& series,
                importing::KnownSeriesMap known, importing::Problems& problems);

  using Make = std::function<std::unique_ptr<importing::Importer>()>;
  /// One after the other; each is made when its turn comes. Throws ImportUsage, ImportError.
  [[nodiscard]] std::vector<Make> make();
  /// What they read, for people; without a password.
  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] const importing::Range& range() const { return range_; }

 private:
  importing::Target& target(const std::string& device, const std::string& plugin);
  [[nodiscard]] const config::DeviceConfig* find_device(const std::string& name) const;
  [[nodiscard]] const plugin::LoadedPlugin& plugin(const std::string& name) const;
  [[nodiscard]] const std::string& needed_device() const;
  [[nodiscard]] const std::string& one_source() const;
  [[nodiscard]] std::int64_t time(const std::string& option, const std::string& text) const;
  std::vector<Make> make_csv();
  std::vector<Make> make_ct6_mysql();
  std::vector<Make> make_ct6_sqlite();
  std::vector<Make> make_godenerg();
  std::vector<Make> make_p1_monitor();

  const ImportOptions& options_;
  const Loaded& loaded_;
  SeriesTable& series_;
  importing::KnownSeriesMap known_;
  importing::Problems& problems_;
  std::string source_;
  importing::Range range_;
  model::Zone zone_;
  std::map<std::string, std::unique_ptr<importing::Target>> targets_;
};

}  // namespace mesura::app
