#include <mesura/store.hpp>
namespace mesura::store {
std::vector<EnergyTrace> Store::energy(const EnergyQuery&) { return {}; }
DemandAnswer Store::demand(const DemandQuery&) { return {}; }
CapacityYear Store::capacity_year(const std::string&, std::int64_t, double, std::optional<double>) { return {}; }
}  // namespace mesura::store
