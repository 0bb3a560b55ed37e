// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/value.hpp"
#include "database/mariadb.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mesura::sinks::mysql {

/// How the options of a mysql sink say to get in: the first server, and further hosts and ports to be tried in turn.
[[nodiscard]] std::pair<database::mariadb::Login, std::vector<std::pair<std::string, std::uint16_t>>> logins_of(
    const config::Value& options);

}  // namespace mesura::sinks::mysql
