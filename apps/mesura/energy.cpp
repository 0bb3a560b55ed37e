// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura energy, mesura demand: what was used, and what the capacity tariff makes of it.
#include "past.hpp"
#include "verbs.hpp"

#include "store/render_energy.hpp"

#include <optional>
#include <string>
#include <utility>

namespace mesura::app {

int energy(const EnergyOptions& options) {
  return tell_errors("energy", [&] {
    Past past = Past::open(options.common, options.sink);
    store::EnergyQuery query;
    query.series = options.series;
    past.check_series(options.series);
    query.range = past.range(options.from, options.to);
    query.every = *store::period_from(options.every);
    query.now_ns = past.now_ns;
    store::RenderOptions form;
    form.form = *store::answer_form_from(options.format);
    form.zone = past.zone;
    std::string text;
    store::render_energy(text, past.store->energy(query), form);
    Out out;
    (void)out.write(text);
    return out.exit_code(kDone);
  });
}

int demand(const DemandOptions& options) {
  return tell_errors("demand", [&] {
    Past past = Past::open(options.common, options.sink);
    store::DemandQuery query;
    const auto slash = options.device.find('/');
    query.device = options.device.substr(0, slash);
    if (slash != std::string::npos) query.channel = options.device.substr(slash + 1);
    query.range = past.range(options.from, options.to);
    query.now_ns = past.now_ns;
    const store::DemandAnswer answer = past.store->demand(query);
    // The tariff is one of the connection: of the whole device.
    std::optional<store::CapacityYear> year;
    const auto& tariff = past.loaded.configuration->capacity;
    if (slash == std::string::npos && tariff)
      year = past.store->capacity_year(query.device, past.now_ns, tariff->floor_w, tariff->eur_per_kw_year);
    store::RenderOptions form;
    form.form = *store::answer_form_from(options.format);
    form.zone = past.zone;
    std::string text;
    store::render_demand(text, query, answer, year, form);
    Out out;
    (void)out.write(text);
    return out.exit_code(kDone);
  });
}

}  // namespace mesura::app
