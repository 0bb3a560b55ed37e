// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/archive.hpp"
#include "store/sql/archive.hpp"
#include "store/sqlite/session.hpp"
#ifdef MESURA_WITH_MYSQL
#include "sinks/mysql/logins.hpp"
#include "store/mysql/session.hpp"
#endif

#include <fmt/format.h>

#include <utility>

namespace mesura::store {

bool can_read(const std::string& kind) {
#ifdef MESURA_WITH_MYSQL
  if (kind == "mysql") return true;
#endif
  return kind == "sqlite";
}

std::unique_ptr<Archive> open_archive(const std::string& kind, const config::Value& options,
                                      const std::string& site_zone) {
  if (kind == "sqlite") {
    return std::make_unique<sql::SqlArchive>(std::make_unique<sqlite::SqliteSession>(options["path"].text()),
                                             site_zone);
  }
#ifdef MESURA_WITH_MYSQL
  if (kind == "mysql") {
    if (const std::string& layout = options["layout"].text(); layout != "mesura") {
      throw StoreError(StoreError::Cause::question,
                       fmt::format("store-layout: tables of layout '{}' are not read back\n  hint      they are their "
                                   "vendor's; a further mysql sink without `layout`, or a sqlite sink, can be asked",
                                   layout));
    }
    auto [login, more_hosts] = sinks::mysql::logins_of(options);
    return std::make_unique<sql::SqlArchive>(std::make_unique<mysql::MysqlSession>(std::move(login), more_hosts),
                                             site_zone);
  }
#endif
  return nullptr;
}

}  // namespace mesura::store
