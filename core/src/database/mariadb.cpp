// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "database/mariadb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <mutex>

namespace mesura::database::mariadb {
namespace {

constexpr std::int64_t kUsPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

// The library's first initialisation is not safe against another thread's.
void initialise() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

unsigned seconds_of(std::chrono::milliseconds time) {
  return static_cast<unsigned>(std::max<std::int64_t>(1, (time.count() + 999) / 1000));
}

[[noreturn]] void fail(MYSQL* db) { throw Error(mysql_errno(db), mysql_sqlstate(db), mysql_error(db)); }

bool is_integer(enum_field_types type) {
  return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_LONG ||
         type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_YEAR;
}
bool is_number(enum_field_types type) {
  return type == MYSQL_TYPE_FLOAT || type == MYSQL_TYPE_DOUBLE || type == MYSQL_TYPE_DECIMAL ||
         type == MYSQL_TYPE_NEWDECIMAL;
}
bool is_time(enum_field_types type) {
  return type == MYSQL_TYPE_DATETIME || type == MYSQL_TYPE_TIMESTAMP || type == MYSQL_TYPE_DATE;
}

}  // namespace

std::string Login::where() const { return socket.empty() ? fmt::format("{}:{}", host, port) : socket; }

Connection::Connection(const Login& login) {
  initialise();
  MYSQL* db = mysql_init(nullptr);
  if (db == nullptr) throw std::bad_alloc();
  db_.reset(db);
  const unsigned connect = seconds_of(login.connect_timeout);
  const unsigned answer = seconds_of(login.answer_timeout);
  mysql_optionsv(db, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
  mysql_optionsv(db, MYSQL_OPT_READ_TIMEOUT, &answer);
  mysql_optionsv(db, MYSQL_OPT_WRITE_TIMEOUT, &answer);
  mysql_optionsv(db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  // "localhost" would mean the library's idea of a socket.
  const unsigned protocol = login.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_optionsv(db, MYSQL_OPT_PROTOCOL, &protocol);
  const unsigned no_files = 0;
  mysql_optionsv(db, MYSQL_OPT_LOCAL_INFILE, &no_files);
  if (login.tls.mode != TlsMode::off) {
    const auto name = [](const std::string& s) { return s.empty() ? nullptr : s.c_str(); };
    const my_bool yes = 1;
    const my_bool verify = login.tls.mode == TlsMode::on ? 1 : 0;
    // With certificates to trust the library checks, whatever the option says.
    const char* trusted = verify != 0 ? name(login.tls.ca_file) : nullptr;
    mysql_ssl_set(db, name(login.tls.key_file), name(login.tls.cert_file), trusted, nullptr, nullptr);
    mysql_optionsv(db, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_optionsv(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  }
  if (mysql_real_connect(db, login.socket.empty() ? login.host.c_str() : nullptr, login.user.c_str(),
                         login.password.c_str(), login.database.empty() ? nullptr : login.database.c_str(), login.port,
                         login.socket.empty() ? nullptr : login.socket.c_str(), 0) == nullptr) {
    fail();
  }
  max_packet_ = static_cast<std::size_t>(integer("SELECT @@max_allowed_packet"));
}

void Connection::fail() const { mariadb::fail(db_.get()); }

void Connection::execute(std::string_view sql) const {
  if (mysql_real_query(db_.get(), sql.data(), sql.size()) != 0) fail();
  if (MYSQL_RES* result = mysql_store_result(db_.get()); result != nullptr) {
    mysql_free_result(result);
  } else if (mysql_errno(db_.get()) != 0) {
    fail();
  }
}

std::vector<Connection::Row> Connection::query(std::string_view sql) const {
  struct Free {
    void operator()(MYSQL_RES* r) const { mysql_free_result(r); }
  };
  if (mysql_real_query(db_.get(), sql.data(), sql.size()) != 0) fail();
  const std::unique_ptr<MYSQL_RES, Free> result{mysql_store_result(db_.get())};
  std::vector<Row> rows;
  if (!result) {
    if (mysql_errno(db_.get()) != 0) fail();
    return rows;
  }
  const unsigned columns = mysql_num_fields(result.get());
  while (MYSQL_ROW row = mysql_fetch_row(result.get())) {
    const unsigned long* lengths = mysql_fetch_lengths(result.get());
    Row& out = rows.emplace_back(columns);
    for (unsigned c = 0; c < columns; ++c) {
      if (row[c] != nullptr) out[c] = std::string{row[c], lengths[c]};
    }
  }
  return rows;
}

std::string Connection::text(std::string_view sql) const {
  const auto rows = query(sql);
  return rows.empty() || rows[0].empty() ? std::string{} : rows[0][0].value_or("");
}

std::int64_t Connection::integer(std::string_view sql) const {
  const std::string value = text(sql);
  std::int64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

bool Connection::takes_arrays() const {
  if (!is_mariadb()) return false;
  unsigned long extended = 0;
  if (mariadb_get_infov(db_.get(), MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &extended) != 0) return false;
  return (extended & static_cast<unsigned long>(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32U)) != 0;
}

std::string Connection::cipher() const {
  const char* cipher = mysql_get_ssl_cipher(db_.get());
  return cipher != nullptr ? cipher : "";
}

std::string Connection::quote(std::string_view text) const {
  std::string out(text.size() * 2 + 3, '\0');
  out[0] = '\'';
  const unsigned long n = mysql_real_escape_string(db_.get(), out.data() + 1, text.data(), text.size());
  out.resize(n + 1);
  out += '\'';
  return out;
}

std::string quote_name(std::string_view name) {
  std::string out = "`";
  for (const char c : name) {
    if (c == '`') out += '`';
    out += c;
  }
  out += '`';
  return out;
}

// Civil dates from days and back: Howard Hinnant's algorithms, as in chrono.
MYSQL_TIME to_datetime(std::int64_t time_us) {
  std::int64_t seconds = time_us / kUsPerSecond;
  std::int64_t us = time_us % kUsPerSecond;
  if (us < 0) {
    us += kUsPerSecond;
    --seconds;
  }
  std::int64_t days = seconds / kSecondsPerDay;
  std::int64_t rest = seconds % kSecondsPerDay;
  if (rest < 0) {
    rest += kSecondsPerDay;
    --days;
  }
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  MYSQL_TIME t{};
  t.year = static_cast<unsigned>(static_cast<int>(date.year()));
  t.month = static_cast<unsigned>(date.month());
  t.day = static_cast<unsigned>(date.day());
  t.hour = static_cast<unsigned>(rest / 3600);
  t.minute = static_cast<unsigned>(rest / 60 % 60);
  t.second = static_cast<unsigned>(rest % 60);
  t.second_part = static_cast<unsigned long>(us);
  t.time_type = MYSQL_TIMESTAMP_DATETIME;
  return t;
}

std::int64_t from_datetime(const MYSQL_TIME& t) {
  const std::chrono::sys_days day{std::chrono::year{static_cast<int>(t.year)} / std::chrono::month{t.month} /
                                  std::chrono::day{t.day}};
  const std::int64_t seconds =
      day.time_since_epoch().count() * kSecondsPerDay + t.hour * 3600LL + t.minute * 60LL + t.second;
  return seconds * kUsPerSecond + static_cast<std::int64_t>(t.second_part);
}

std::string datetime_text(std::int64_t time_us) {
  const MYSQL_TIME t = to_datetime(time_us);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", t.year, t.month, t.day, t.hour, t.minute, t.second,
                     t.second_part);
}

namespace {

MYSQL_STMT* prepare_statement(MYSQL* db, std::string_view sql) {
  MYSQL_STMT* stmt = mysql_stmt_init(db);
  if (stmt == nullptr) fail(db);
  if (mysql_stmt_prepare(stmt, sql.data(), sql.size()) != 0) {
    const Error error{mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt), mysql_stmt_error(stmt)};
    mysql_stmt_close(stmt);
    throw error;
  }
  return stmt;
}

[[noreturn]] void fail_statement(MYSQL_STMT* stmt) {
  throw Error(mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt), mysql_stmt_error(stmt));
}

}  // namespace

Statement::Statement(const Connection& db, std::string_view sql) : stmt_(prepare_statement(db.handle(), sql)) {
  const auto n = mysql_stmt_param_count(stmt_.get());
  binds_.resize(n);
  parameters_.resize(n);
  bind_results();
}

void Statement::fail() const { fail_statement(stmt_.get()); }

void Statement::bind_results() {
  MYSQL_RES* meta = mysql_stmt_result_metadata(stmt_.get());
  if (meta == nullptr) return;
  const unsigned n = mysql_num_fields(meta);
  results_.resize(n);
  columns_.resize(n);
  for (unsigned i = 0; i < n; ++i) {
    const enum_field_types type = mysql_fetch_field_direct(meta, i)->type;
    MYSQL_BIND& bind = results_[i];
    Column& column = columns_[i];
    bind.is_null = &column.is_null;
    bind.length = &column.length;
    if (is_integer(type)) {
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = &column.integer;
    } else if (is_number(type)) {
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      bind.buffer = &column.number;
    } else if (is_time(type)) {
      bind.buffer_type = MYSQL_TYPE_DATETIME;
      bind.buffer = &column.time;
      bind.buffer_length = sizeof column.time;
    } else {
      // Fetched once its length is known.
      bind.buffer_type = MYSQL_TYPE_STRING;
    }
  }
  mysql_free_result(meta);
}

void Statement::bind(std::size_t index, std::int64_t value) {
  parameters_[index].integer = value;
  binds_[index] = {};
  binds_[index].buffer_type = MYSQL_TYPE_LONGLONG;
  binds_[index].buffer = &parameters_[index].integer;
}

void Statement::bind(std::size_t index, double value) {
  parameters_[index].number = value;
  binds_[index] = {};
  binds_[index].buffer_type = MYSQL_TYPE_DOUBLE;
  binds_[index].buffer = &parameters_[index].number;
}

void Statement::bind(std::size_t index, std::string_view value) {
  binds_[index] = {};
  binds_[index].buffer_type = MYSQL_TYPE_STRING;
  binds_[index].buffer = const_cast<char*>(value.data() == nullptr ? "" : value.data());
  binds_[index].buffer_length = value.size();
}

void Statement::bind_time(std::size_t index, std::int64_t time_us) {
  parameters_[index].time = to_datetime(time_us);
  binds_[index] = {};
  binds_[index].buffer_type = MYSQL_TYPE_DATETIME;
  binds_[index].buffer = &parameters_[index].time;
}

void Statement::bind_null(std::size_t index) {
  binds_[index] = {};
  binds_[index].buffer_type = MYSQL_TYPE_NULL;
}

double Statement::number_of_any(std::size_t column) const {
  const Column& c = columns_[column];
  if (c.is_null != 0) return std::numeric_limits<double>::quiet_NaN();
  if (results_[column].buffer_type == MYSQL_TYPE_DOUBLE) return c.number;
  if (results_[column].buffer_type == MYSQL_TYPE_LONGLONG) return static_cast<double>(c.integer);
  return std::numeric_limits<double>::quiet_NaN();
}

void Statement::execute() {
  if (!binds_.empty() && mysql_stmt_bind_param(stmt_.get(), binds_.data()) != 0) fail();
  if (mysql_stmt_execute(stmt_.get()) != 0) fail();
  if (results_.empty()) return;
  if (mysql_stmt_bind_result(stmt_.get(), results_.data()) != 0 || mysql_stmt_store_result(stmt_.get()) != 0) fail();
}

bool Statement::fetch() {
  const int got = mysql_stmt_fetch(stmt_.get());
  if (got == MYSQL_NO_DATA) {
    mysql_stmt_free_result(stmt_.get());
    return false;
  }
  if (got != 0 && got != MYSQL_DATA_TRUNCATED) fail();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (results_[i].buffer_type != MYSQL_TYPE_STRING) continue;
    Column& column = columns_[i];
    column.text.assign(column.is_null != 0 ? 0 : column.length, '\0');
    if (column.text.empty()) continue;
    MYSQL_BIND bind{};
    bind.buffer_type = MYSQL_TYPE_STRING;
    bind.buffer = column.text.data();
    bind.buffer_length = column.text.size();
    bind.length = &column.length;
    bind.is_null = &column.is_null;
    if (mysql_stmt_fetch_column(stmt_.get(), &bind, static_cast<unsigned>(i), 0) != 0) fail();
  }
  return true;
}

}  // namespace mesura::database::mariadb
