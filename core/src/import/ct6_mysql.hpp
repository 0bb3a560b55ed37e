// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"
#include "import/importer.hpp"
#include "import/problems.hpp"
#include "import/target.hpp"
#include "model/zones.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mesura::importing {

/// The databases of ct6_db_store on a server (those with a table CT6_SENSOR), sorted. Throws ImportError.
[[nodiscard]] std::vector<std::string> ct6_databases(const database::mariadb::Login& login);

/// One unit's database, read row after row over a connection of its own in the order in which it was written. `zone`:
/// of the computer that the collector ran on; times are read as the server shows them to it, in the server's own zone.
/// `login.database` is the unit. Throws ImportError: imp-open, ct6-schema, imp-read.
[[nodiscard]] std::unique_ptr<Importer> ct6_mysql(const database::mariadb::Login& login, Target& target,
                                                  model::Zone zone, Problems& problems);

}  // namespace mesura::importing
