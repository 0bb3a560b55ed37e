// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "ct6_schema.hpp"
#include "session.hpp"

#ifdef MESURA_CT6_TWIN
#include "ct6_virtual_schema.hpp"
#include "virtual_unit.hpp"

MESURA_PLUGIN_WITH_VIRTUAL(mesura::ct6::Ct6Session, "ct6", "0.1.0", mesura_schema, mesura::ct6::VirtualCt6,
                           mesura_virtual_schema)
#else
MESURA_PLUGIN(mesura::ct6::Ct6Session, "ct6", "0.1.0", mesura_schema)
#endif
