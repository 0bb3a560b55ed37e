// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "axpert_schema.hpp"
#include "axpert_virtual_schema.hpp"
#include "session.hpp"
#include "virtual_inverter.hpp"

MESURA_PLUGIN_WITH_VIRTUAL(mesura::axpert::AxpertSession, "axpert", "0.1.0", mesura_schema,
                           mesura::axpert::VirtualAxpert, mesura_virtual_schema)
