// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/mariadb.hpp"

#include <string>

namespace mesura::sinks::mysql {

/// Whether the server refuses this record for good (a constraint, a range, a trigger); everything else may pass later.
[[nodiscard]] bool is_records_fault(const database::mariadb::Error& error);

/// What failed, in the words of the one who has to mend it: "sink-busy: ...". `what` is the sink's describe(). No
/// secrets.
[[nodiscard]] std::string explain(const std::string& what, const std::string& user,
                                  const database::mariadb::Error& error);

}  // namespace mesura::sinks::mysql
