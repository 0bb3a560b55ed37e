// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database/sqlite.hpp"

#include <cstdint>
#include <filesystem>

namespace mesura::spool {

struct Salvaged {
  std::uint64_t batches = 0;
  std::uint64_t dead = 0;
};
/// Copies what can be read of the damaged spool at `from` into the new one `to`, in a transaction of the caller's.
/// Pages that cannot be read cost what is on them. Throws database::Error for troubles of `to` only.
Salvaged salvage(const std::filesystem::path& from, const database::Database& to);

}  // namespace mesura::spool
