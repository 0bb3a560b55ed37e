// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/ct6_mysql.hpp"

#include "import/ct6_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace mesura::importing {
namespace {

using database::mariadb::Connection;
using database::mariadb::Error;
using database::mariadb::Login;
using database::mariadb::quote_name;

constexpr std::size_t kPortion = 1000;  // rows of one next()

Connection connect(const Login& login) {
  try {
    return Connection{login};
  } catch (const Error& e) {
    throw ImportError(fmt::format("imp-open: {}: {}\n  hint      the account '{}' needs SELECT on the units' databases",
                                  login.where(), e.what(), login.user));
  }
}

class Ct6Mysql final : public Importer {
 public:
  Ct6Mysql(const Login& login, Target& target, model::Zone zone, Problems& problems)
      : unit_(login.database),
        where_(login.where()),
        problems_(problems),
        db_(connect(login)),
        rows_(target, check(db_, login.database), zone, true, login.database, problems) {
    try {
      // As the collector's own sessions were: in the server's zone. Rows wait while a sink writes the ones before.
      db_.execute("SET SESSION time_zone = @@GLOBAL.time_zone, net_write_timeout = 3600");
      total_ = static_cast<std::uint64_t>(std::max<std::int64_t>(
          0, db_.integer("SELECT TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
                         "TABLE_NAME = 'CT6_SENSOR'")));
      std::string list{kCt6Time};
      for (const auto& column : ct6_columns()) list += ", " + (have_.contains(column) ? column : std::string{"NULL"});
      // There is no key: without the index rows come as they were written, which tells the two autumn hours apart.
      const std::string sql = fmt::format("SELECT {} FROM {} USE INDEX ()", list, kCt6Table);
      if (mysql_real_query(db_.handle(), sql.data(), sql.size()) != 0) fail();
      result_.reset(mysql_use_result(db_.handle()));
      if (!result_) fail();
    } catch (const Error& e) {
      throw ImportError(fmt::format("imp-read: {} at {}: {}", unit_, where_, e.what()));
    }
  }

  bool next(std::vector<BatchPtr>& out) override {
    for (std::size_t n = 0; n < kPortion; ++n) {
      const MYSQL_ROW cells = mysql_fetch_row(result_.get());
      if (cells == nullptr) {
        if (mysql_errno(db_.handle()) != 0) fail();
        rows_.finish(out);
        return false;
      }
      take(cells, mysql_fetch_lengths(result_.get()), out);
    }
    return true;
  }
  [[nodiscard]] Position position() const override { return {unit_, records_, std::max(total_, records_), "rows"}; }
  [[nodiscard]] std::uint64_t records() const override { return records_; }

 private:
  struct Free {
    void operator()(MYSQL_RES* r) const { mysql_free_result(r); }
  };

  Ct6Names check(const Connection& db, const std::string& unit) {
    try {
      for (const auto& row :
           db.query("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND "
                    "TABLE_NAME = 'CT6_SENSOR'"))
        have_.insert(row[0].value_or(""));
      if (!have_.contains(kCt6Time) || !have_.contains(ct6_columns()[0]))
        throw ImportError(
            fmt::format("ct6-schema: database '{}' is none of ct6_db_store\n  expected  a table {} with columns {} and "
                        "{}\n  got       {}",
                        unit, kCt6Table, kCt6Time, ct6_columns()[0],
                        have_.empty() ? "no such table" : "a table with other columns"));
      Ct6Names names;
      names.unit_name = unit;
      const auto meta =
          db.integer(
              "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
              "TABLE_NAME = 'CT6_META'") == 0
              ? std::vector<Connection::Row>{}
              : db.query(
                    "SELECT HW_ASSY, CT1_NAME, CT2_NAME, CT3_NAME, CT4_NAME, CT5_NAME, CT6_NAME FROM CT6_META LIMIT 1");
      // With several units most of these tables stay empty.
      if (meta.empty()) return names;
      names.serial = meta[0][0].value_or("");
      for (std::size_t i = 0; i < names.ports.size(); ++i) names.ports[i] = meta[0][i + 1].value_or("");
      return names;
    } catch (const Error& e) {
      throw ImportError(fmt::format("imp-read: {}: {}", unit, e.what()));
    }
  }
  void take(MYSQL_ROW cells, const unsigned long* lengths, std::vector<BatchPtr>& out) {
    const auto cell = [&](std::size_t i) {
      return cells[i] == nullptr ? std::string_view{} : std::string_view{cells[i], lengths[i]};
    };
    Ct6Row row;
    row.number = ++records_;
    for (std::size_t i = 0; i < kCt6Values; ++i) {
      const std::string_view text = cell(i + 1);
      double& value = row.values[i];
      value = std::numeric_limits<double>::quiet_NaN();
      if (text.empty()) continue;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{} || end != text.data() + text.size()) {
        value = std::numeric_limits<double>::quiet_NaN();
        problems_.lost("ct6-value", fmt::format("{} row {}", unit_, records_),
                       fmt::format("{}: expected a number, got '{}'", ct6_columns()[i], text));
      }
    }
    rows_.push(cell(0), row, out);
  }
  [[noreturn]] void fail() {
    throw ImportError(fmt::format(
        "imp-read: {} at {} after row {}: {}\n  hint      start it again: what is there already does not change", unit_,
        where_, records_, mysql_error(db_.handle())));
  }

  std::string unit_, where_;
  Problems& problems_;
  std::set<std::string, std::less<>> have_;
  Connection db_;
  Ct6Rows rows_;
  std::uint64_t total_ = 0, records_ = 0;
  std::unique_ptr<MYSQL_RES, Free> result_;
};

}  // namespace

std::vector<std::string> ct6_databases(const Login& login) {
  const Connection db = connect(login);
  try {
    std::vector<std::string> names;
    for (const auto& row :
         db.query("SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = 'CT6_SENSOR'"))
      names.push_back(row[0].value_or(""));
    std::sort(names.begin(), names.end());
    return names;
  } catch (const Error& e) {
    throw ImportError(fmt::format("imp-read: {}: {}", login.where(), e.what()));
  }
}

std::unique_ptr<Importer> ct6_mysql(const Login& login, Target& target, model::Zone zone, Problems& problems) {
  return std::make_unique<Ct6Mysql>(login, target, zone, problems);
}

}  // namespace mesura::importing
