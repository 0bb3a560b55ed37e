// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// All checks, in the order in which trouble builds on trouble. Changes nothing; opens no port unless asked to.
#pragma once

#include "config/configuration.hpp"
#include "doctor/finding.hpp"
#include "doctor/system.hpp"
#include "plugin/loader.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace mesura::doctor {

/// What is looked at.
struct Subject {
  const plugin::PluginSet& plugins;
  const config::Catalog& catalog;
  /// Null: there is none, or it has errors. Machine, ports and clock are looked at all the same.
  const config::Configuration* configuration = nullptr;
  std::string state = {};  ///< its state directory, also of one with errors; or empty
  std::vector<config::DeviceConfig> devices =
      {};                                ///< that were named; empty: all of the configuration, and everything else
  config::Diagnostics diagnostics = {};  ///< of the configuration
};

struct Options {
  System system = {};
  bool probe = false;                        ///< open the devices and listen, unless a service runs
  std::chrono::milliseconds patience{5000};  ///< for others' answers, all at the same time
  std::chrono::nanoseconds listen{std::chrono::seconds{11}};
  std::shared_ptr<runtime::Log> log = std::make_shared<runtime::Log>();
};

struct Report {
  Findings findings;         ///< by severity, the worst first
  bool left_behind = false;  ///< a thread hangs: the process must end with _exit()
};
[[nodiscard]] Report examine(const Subject& subject, const Options& options);

}  // namespace mesura::doctor
