// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "spool/repair.hpp"

#include "database/sqlite_salvage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace mesura::spool {
namespace {

constexpr std::size_t kRowsAPortion = 1000;

/// A failure of the new file, whatever the old one is like.
struct Unwritable {
  database::Error error;
};

/// Puts rows into the table of the same name and columns.
class Copy {
 public:
  Copy(const database::Database& to, std::string_view table, const std::vector<std::string>& columns)
      : to_(to), columns_(static_cast<int>(columns.size())) {
    std::string values = "?";
    for (std::size_t c = 1; c < columns.size(); ++c) values += ", ?";
    put_ =
        to.prepare(fmt::format("INSERT OR IGNORE INTO {} ({}) VALUES ({})", table, fmt::join(columns, ", "), values));
  }

  void row(const database::Statement& from) {
    std::vector<std::string> texts(static_cast<std::size_t>(columns_));  // until the row is written
    try {
      for (int c = 0; c < columns_; ++c) {
        switch (from.type(c)) {
          case SQLITE_INTEGER: put_.bind(c + 1, from.integer(c)); break;
          case SQLITE_FLOAT: put_.bind(c + 1, from.number(c)); break;
          case SQLITE_BLOB: put_.bind_blob(c + 1, from.blob(c)); break;
          case SQLITE_NULL: put_.bind_null(c + 1); break;
          default:
            texts[static_cast<std::size_t>(c)] = from.text(c);
            put_.bind(c + 1, std::string_view{texts[static_cast<std::size_t>(c)]});
        }
      }
      // What is damaged may no longer be what its column takes.
      if (put_.try_run()) copied_ += static_cast<std::uint64_t>(to_.changes());
    } catch (const database::Error& e) {
      throw Unwritable{e};
    }
  }
  [[nodiscard]] std::uint64_t copied() const { return copied_; }

 private:
  const database::Database& to_;
  int columns_;
  database::Statement put_;
  std::uint64_t copied_ = 0;
};

std::vector<std::string> columns_of(const database::Database& db, std::string_view table) {
  std::vector<std::string> names;
  database::Statement s = db.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid");
  s.bind(1, table);
  while (s.step()) names.push_back(s.text(0));
  return names;
}

/// A table with an integer `id`: what lies behind a damaged page is read as well.
std::uint64_t copy_by_id(const database::Database& from, std::string_view table, const database::Database& to) {
  std::vector<std::string> columns = columns_of(to, table);
  Copy copy{to, table, columns};
  columns.erase(columns.begin());  // the key comes by itself
  database::SalvageSource source;
  source.table = table;
  source.key = "id";
  source.columns = std::move(columns);
  source.least = 1;
  try {
    database::Salvage rows{from, std::move(source)};
    while (rows.next(kRowsAPortion, [&](const database::Statement& row) { copy.row(row); })) {
    }
  } catch (const database::Error&) {
    return copy.copied();  // the table itself is gone
  }
  return copy.copied();
}

/// A small table by words, as far as it can be read: it comes again by itself.
void copy_words(const database::Database& from, std::string_view table, const database::Database& to) {
  const std::vector<std::string> columns = columns_of(to, table);
  Copy copy{to, table, columns};
  try {
    database::Statement rows = from.prepare(fmt::format("SELECT {} FROM {}", fmt::join(columns, ", "), table));
    while (rows.step()) copy.row(rows);
  } catch (const database::Error&) {
    return;
  }
}

}  // namespace

Salvaged salvage(const std::filesystem::path& from, const database::Database& to) {
  Salvaged salvaged;
  try {
    (void)database::mend_header(from);
    const database::Database damaged{from, database::Database::Open::existing};
    // A file that is shorter than it says is read as far as it goes.
    damaged.execute("PRAGMA writable_schema = ON");
    for (const char* table : {"registers", "attributes", "meta"}) copy_words(damaged, table, to);
    for (const char* table : {"series", "streams"}) (void)copy_by_id(damaged, table, to);
    salvaged.batches = copy_by_id(damaged, "batches", to);
    salvaged.dead = copy_by_id(damaged, "dead", to);
  } catch (const Unwritable& e) {
    throw e.error;
  } catch (const std::runtime_error&) {
    // Nothing of it can be read at all: it stays where it was moved to.
    return salvaged;
  }
  return salvaged;
}

}  // namespace mesura::spool
