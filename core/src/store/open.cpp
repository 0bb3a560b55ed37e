// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/archive.hpp"
#include "store/sql/archive.hpp"
#include "store/sqlite/session.hpp"

#include <fmt/format.h>

namespace mesura::store {

bool can_read(const std::string& kind) { return kind == "sqlite"; }

std::unique_ptr<Archive> open_archive(const std::string& kind, const config::Value& options,
                                      const std::string& site_zone) {
  if (kind == "sqlite") {
    return std::make_unique<sql::SqlArchive>(std::make_unique<sqlite::SqliteSession>(options["path"].text()),
                                             site_zone);
  }
  return nullptr;
}

}  // namespace mesura::store
