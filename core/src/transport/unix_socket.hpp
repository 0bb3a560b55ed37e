// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"

#include <string>

namespace mesura::transport {

/// A listening Unix socket at `path`, in place of one that a killed predecessor left there, never of anything else. On
/// failure an empty descriptor and the error number.
[[nodiscard]] runtime::UniqueFd listen_unix(const std::string& path, int type, int& error);

}  // namespace mesura::transport
