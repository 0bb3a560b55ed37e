// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mesura/measurement.hpp>
#include <mesura/sink.hpp>

#include "config/schema.hpp"
#include "config/value.hpp"
#include "model/register_value.hpp"
#include "runtime/log.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::sinks {

/// What every sink gets.
struct Context {
  const SeriesTable& series;  ///< outlives the sink
  runtime::Logger log;
  std::string site_zone;  ///< IANA name
};

/// A kind of sink as the configuration names it. Relative paths in the options are relative to the working directory.
struct Kind {
  std::string name;       ///< "sqlite", "csv"
  config::Schema schema;  ///< of its options
  std::unique_ptr<Sink> (*make)(const config::Value& options, const Context& context);
  /// Where integrated energy stood when the sink was last written: the registers that the core itself integrates. Reads
  /// the far end at once and without the sink; null: it cannot tell.
  std::vector<model::RegisterValue> (*integrated)(const config::Value& options) = nullptr;
  bool takes_measurements = true;
  bool takes_waveforms = false;  ///< blocks of waveform
};

[[nodiscard]] std::span<const Kind> kinds();
[[nodiscard]] const Kind* find_kind(std::string_view name);

}  // namespace mesura::sinks
