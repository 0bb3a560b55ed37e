// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// The kinds of sinks, each made in its own folder; kinds.cpp lists them.
#pragma once

#include "sinks/kinds.hpp"

namespace mesura::sinks {

[[nodiscard]] Kind sqlite_kind();
[[nodiscard]] Kind csv_kind();
[[nodiscard]] Kind recording_kind();
[[nodiscard]] Kind exec_kind();
[[nodiscard]] Kind stdout_kind();
[[nodiscard]] Kind mqtt_kind();   ///< where the program has MESURA_WITH_MQTT
[[nodiscard]] Kind mysql_kind();  ///< where the program has MESURA_WITH_MYSQL

}  // namespace mesura::sinks
