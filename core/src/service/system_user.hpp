// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

namespace mesura::service {

/// "anna"; "uid 1000" where nobody has that number.
[[nodiscard]] std::string user_name(uid_t uid);

}  // namespace mesura::service
