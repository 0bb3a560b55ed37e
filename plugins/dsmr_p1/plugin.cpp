// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "dsmr_p1_schema.hpp"
#include "dsmr_p1_virtual_schema.hpp"
#include "session.hpp"
#include "virtual_meter.hpp"

MESURA_PLUGIN_WITH_VIRTUAL(mesura::dsmr_p1::P1Session, "dsmr_p1", "0.1.0", mesura_schema, mesura::dsmr_p1::VirtualMeter,
                           mesura_virtual_schema)
