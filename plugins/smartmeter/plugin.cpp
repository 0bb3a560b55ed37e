// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"
#include "smartmeter_schema.hpp"

// Until the twin stands beside it, the plugin works without.
#ifdef SMARTMETER_TWIN
#include "smartmeter_virtual_schema.hpp"
#include "virtual_meter.hpp"

MESURA_PLUGIN_WITH_VIRTUAL(mesura::smartmeter::SmartMeterSession, "smartmeter", "0.1.0", mesura_schema,
                           mesura::smartmeter::VirtualSmartMeter, mesura_virtual_schema)
#else
MESURA_PLUGIN(mesura::smartmeter::SmartMeterSession, "smartmeter", "0.1.0", mesura_schema)
#endif
