// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Until energies and demand are merged.
#include <mesura/store.hpp>
namespace mesura::store {
std::vector<EnergyTrace> Store::energy(const EnergyQuery&) { return {}; }
DemandAnswer Store::demand(const DemandQuery&) { return {}; }
CapacityYear Store::capacity_year(const std::string&, std::int64_t, double, std::optional<double>) { return {}; }
}  // namespace mesura::store
