// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_settings.hpp"

namespace mesura::axpert::twin {

Settings factory_settings(const ModelInfo& model, int battery_volts, int units) {
  const int blocks = battery_volts / 12;
  Settings s;
  s.output_dv = model.rated_dv;
  s.output_dhz = model.rated_dhz;
  s.recharge_dv = 115 * blocks;
  s.under_dv = 105 * blocks;
  s.bulk_dv = 141 * blocks;
  s.float_dv = 135 * blocks;
  s.redischarge_dv = 135 * blocks;
  s.output_mode = units > 1 ? 1 : 0;
  s.equalisation.centivolts = 1460 * blocks;
  for (const char letter : std::string_view{"akxy"}) s.set_flag(letter, true);
  s.units.assign(static_cast<std::size_t>(units), UnitSettings{});
  return s;
}

}  // namespace mesura::axpert::twin
