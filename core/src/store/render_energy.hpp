// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Energies and demand as text: the same for the command line and for the HTTP API.
#pragma once

#include "store/render.hpp"

#include <mesura/store.hpp>

#include <optional>
#include <string>
#include <vector>

namespace mesura::store {

/// Forms: table, csv, json (jsonl as json). Times as in render(); JSON has base units, tables kWh.
void render_energy(std::string& out, const std::vector<EnergyTrace>& traces, const RenderOptions& options);

/// Quarters, month peaks, and the capacity year where it is known. CSV has the quarters alone.
void render_demand(std::string& out, const DemandQuery& query, const DemandAnswer& answer,
                   const std::optional<CapacityYear>& year, const RenderOptions& options);

}  // namespace mesura::store
