// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/ct6_sqlite.hpp"

#include "import/ct6_rows.hpp"
#include "import/old_sqlite.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace mesura::importing {
namespace {

constexpr std::int64_t kPortion = 2000;  // rows read between two looks at the file

Ct6Names read_names(const database::Database& db) {
  Ct6Names names;
  const auto columns = columns_of(db, "CT6_META");
  const auto read = [&](const std::string& column, std::string& out) {
    if (columns.contains(column)) out = db.text(fmt::format("SELECT {} FROM CT6_META LIMIT 1", column));
  };
  read("HW_ASSY", names.serial);
  read("UNIT_NAME", names.unit_name);
  for (std::size_t port = 0; port < names.ports.size(); ++port)
    read(fmt::format("CT{}_NAME", port + 1), names.ports[port]);
  return names;
}

class Ct6Sqlite final : public Importer {
 public:
  Ct6Sqlite(const std::filesystem::path& file, Target& target, model::Zone zone, Problems& problems)
      : file_(file),
        problems_(problems),
        db_(open_old(file)),
        rows_(target, names_of(db_, file), zone, false, file.filename().string(), problems) {
    const auto columns = columns_of(db_, kCt6Table);
    std::string list = "rowid, TIMESTAMP";
    for (const auto& column : ct6_columns()) list += ", " + (columns.contains(column) ? column : "NULL");
    select_ = db_.prepare(
        fmt::format("SELECT {} FROM {} WHERE rowid > ?1 ORDER BY rowid LIMIT {}", list, kCt6Table, kPortion));
    first_ = db_.integer(fmt::format("SELECT min(rowid) FROM {}", kCt6Table));
    last_ = db_.integer(fmt::format("SELECT max(rowid) FROM {}", kCt6Table));
    if (last_ != 0) at_ = first_ - 1;
  }

  bool next(std::vector<BatchPtr>& out) override {
    try {
      return read(out);
    } catch (const database::Error& e) {
      if (e.primary() != SQLITE_CORRUPT && e.primary() != SQLITE_NOTADB && e.primary() != SQLITE_IOERR)
        throw ImportError(fmt::format("imp-read: {}: {}", file_.string(), e.what()));
      // What lies before the damage counts.
      problems_.lost("imp-damaged", fmt::format("{} after row {}", file_.filename().string(), at_), e.what());
      rows_.finish(out);
      return false;
    }
  }
  [[nodiscard]] Position position() const override {
    return {file_.filename().string(), last_ == 0 ? 0 : static_cast<std::uint64_t>(at_ - first_ + 1),
            last_ == 0 ? 0 : static_cast<std::uint64_t>(last_ - first_ + 1), "rows"};
  }
  [[nodiscard]] std::uint64_t records() const override { return records_; }

 private:
  static Ct6Names names_of(const database::Database& db, const std::filesystem::path& file) {
    const auto columns = columns_of(db, kCt6Table);
    if (columns.contains(kCt6Time) && columns.contains(ct6_columns()[0])) return read_names(db);
    throw ImportError(fmt::format(
        "ct6-schema: {} is no database of ct6_app\n  expected  a table {} with columns {} and {}\n  got       {}",
        file.string(), kCt6Table, kCt6Time, ct6_columns()[0],
        columns.empty() ? "no such table" : "a table with other columns"));
  }
  bool read(std::vector<BatchPtr>& out) {
    select_.reset();
    select_.bind(1, at_);
    bool any = false;
    Ct6Row row;
    while (select_.step()) {
      any = true;
      at_ = select_.integer(0);
      row.number = static_cast<std::uint64_t>(at_);
      ++records_;
      for (std::size_t i = 0; i < kCt6Values; ++i) {
        const int column = static_cast<int>(i) + 2;
        row.values[i] = select_.is_number(column) ? select_.number(column) : std::numeric_limits<double>::quiet_NaN();
        if (!select_.is_number(column) && !select_.is_null(column))
          problems_.lost("ct6-value", fmt::format("{} row {}", file_.filename().string(), at_),
                         fmt::format("{}: expected a number, got '{}'", ct6_columns()[i], select_.text(column)));
      }
      rows_.push(select_.text(1), row, out);
    }
    select_.reset();
    if (!any) rows_.finish(out);
    return any;
  }

  std::filesystem::path file_;
  Problems& problems_;
  database::Database db_;
  Ct6Rows rows_;
  database::Statement select_;
  std::int64_t first_ = 0, last_ = 0, at_ = 0;
  std::uint64_t records_ = 0;
};

}  // namespace

std::unique_ptr<Importer> ct6_sqlite(const std::filesystem::path& file, Target& target, model::Zone zone,
                                     Problems& problems) {
  try {
    return std::make_unique<Ct6Sqlite>(file, target, zone, problems);
  } catch (const database::Error& e) {
    throw ImportError(fmt::format("imp-read: {}: {}", file.string(), e.what()));
  }
}

}  // namespace mesura::importing
