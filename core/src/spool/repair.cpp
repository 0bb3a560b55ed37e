// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "spool/repair.hpp"

#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace mesura::spool {
namespace {

/// Copies one row of `from`, whose columns `to` takes in the same order.
void copy_row(const database::Statement& from, int columns, database::Statement& to) {
  std::vector<std::string> texts(static_cast<std::size_t>(columns));  // until the row is written
  for (int c = 0; c < columns; ++c) {
    switch (from.type(c)) {
      case SQLITE_INTEGER: to.bind(c + 1, from.integer(c)); break;
      case SQLITE_FLOAT: to.bind(c + 1, from.number(c)); break;
      case SQLITE_BLOB: to.bind_blob(c + 1, from.blob(c)); break;
      case SQLITE_NULL: to.bind_null(c + 1); break;
      default:
        texts[static_cast<std::size_t>(c)] = from.text(c);
        to.bind(c + 1, std::string_view{texts[static_cast<std::size_t>(c)]});
    }
  }
  to.run();
}

/// From one end of the table until the first page that cannot be read; returns how many rows that were.
std::uint64_t copy_from_one_end(const database::Database& from, std::string_view table, std::string_view order,
                                const std::string& put, const database::Database& to) {
  std::uint64_t copied = 0;
  database::Statement into = to.prepare(put);
  try {
    database::Statement rows = from.prepare(fmt::format("SELECT * FROM {} ORDER BY 1 {}", table, order));
    const int columns = rows.columns();
    for (;;) {
      if (!rows.step()) break;
      copy_row(rows, columns, into);
      copied += static_cast<std::uint64_t>(to.changes());
    }
  } catch (const database::Error& e) {
    if (e.primary() != SQLITE_CORRUPT && e.primary() != SQLITE_NOTADB && e.primary() != SQLITE_ERROR &&
        e.primary() != SQLITE_IOERR) {
      throw;
    }
  }
  return copied;
}

std::uint64_t copy_table(const database::Database& from, std::string_view table, int columns,
                         const database::Database& to) {
  std::string put = fmt::format("INSERT OR IGNORE INTO {} VALUES (?", table);
  for (int c = 1; c < columns; ++c) put += ", ?";
  put += ")";
  // What lies before a damaged page is reached from the front, what lies behind it from the back.
  return copy_from_one_end(from, table, "ASC", put, to) + copy_from_one_end(from, table, "DESC", put, to);
}

/// SQLite refuses a file that is shorter than its header says; with zeros at its end it reads what is there.
void fill_up(const std::filesystem::path& path) {
  unsigned char header[32] = {};
  std::ifstream file{path, std::ios::binary};
  if (!file.read(reinterpret_cast<char*>(header), sizeof header)) return;
  const std::uint64_t page = header[16] == 0 && header[17] == 1 ? 65536U : header[16] * 256U + header[17];
  const std::uint64_t pages = ((header[28] * 256ULL + header[29]) * 256 + header[30]) * 256 + header[31];
  std::error_code ignored;  // then it is read as it is
  const std::uint64_t size = std::filesystem::file_size(path, ignored);
  // A damaged header must not ask for a terabyte.
  if (pages * page > size && pages * page < 16 * (size + 65536)) {
    std::filesystem::resize_file(path, pages * page, ignored);
  }
}

}  // namespace

std::filesystem::path move_aside(const std::filesystem::path& path) {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::string stamp = runtime::format_time(now);
  for (char& c : stamp) {
    if (c == ':' || c == '.') c = '-';
  }
  const std::string aside = fmt::format("{}.damaged-{}", path.string(), stamp);
  for (const char* suffix : {"-wal", "-shm"}) {
    std::error_code none;
    std::filesystem::rename(path.string() + suffix, aside + suffix, none);
  }
  std::filesystem::rename(path, aside);
  return aside;
}

Salvaged salvage(const std::filesystem::path& from, const database::Database& to) {
  Salvaged salvaged;
  fill_up(from);
  try {
    const database::Database damaged{from, database::Database::Open::existing};
    for (const char* table : {"registers", "attributes", "meta", "series", "streams", "batches", "dead"}) {
      const auto columns =
          static_cast<int>(to.integer(fmt::format("SELECT count(*) FROM pragma_table_info('{}')", table)));
      const std::uint64_t copied = copy_table(damaged, table, columns, to);
      if (std::string_view{table} == "batches") salvaged.batches = copied;
      if (std::string_view{table} == "dead") salvaged.dead = copied;
    }
  } catch (const database::Error& e) {
    // Nothing of it can be read at all: it stays where it was moved to.
    if (to.in_transaction() && e.primary() != SQLITE_CORRUPT && e.primary() != SQLITE_NOTADB &&
        e.primary() != SQLITE_CANTOPEN && e.primary() != SQLITE_IOERR) {
      throw;
    }
  }
  return salvaged;
}

}  // namespace mesura::spool
