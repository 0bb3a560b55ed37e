// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The C API of MariaDB and MySQL with owners: nothing more than we need.
#pragma once

#include <mysql.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::database::mariadb {

/// A failed call in the server's or the library's own words, which never hold a password.
class Error : public std::runtime_error {
 public:
  Error(unsigned number, std::string sqlstate, const std::string& what)
      : std::runtime_error(what), number_(number), sqlstate_(std::move(sqlstate)) {}
  [[nodiscard]] unsigned number() const { return number_; }  ///< 1045, 2013, ...
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }
  /// The library's own number: the server did not answer, or not in a way that we understand.
  [[nodiscard]] bool of_client() const { return (number_ >= 2000 && number_ < 3000) || number_ >= 5000; }

 private:
  unsigned number_;
  std::string sqlstate_;
};

enum class TlsMode : std::uint8_t {
  off,
  unverified,  ///< encrypted, whoever answers
  on           ///< and the server's certificate must be vouched for and made out to the host's name
};

struct Tls {
  TlsMode mode = TlsMode::off;
  std::string ca_file;    ///< certificates to trust; empty: the system's
  std::string cert_file;  ///< our own, if the server asks for one
  std::string key_file;
};

/// How to get in.
struct Login {
  std::string host = "localhost";
  std::uint16_t port = 3306;
  std::string socket;  ///< path of a Unix socket, in place of host and port
  std::string user;
  std::string password;
  std::string database;  ///< empty: none
  Tls tls;
  std::chrono::milliseconds connect_timeout{10'000};  ///< rounded up to seconds
  std::chrono::milliseconds answer_timeout{30'000};   ///< of each read and each write of the socket

  /// "db.local:3306" or the socket's path.
  [[nodiscard]] std::string where() const;
};

/// One connection, for one thread. Everything throws Error.
class Connection {
 public:
  explicit Connection(const Login& login);

  /// One statement; its result is dropped.
  void execute(std::string_view sql) const;
  using Row = std::vector<std::optional<std::string>>;
  /// All rows of a query, as text.
  [[nodiscard]] std::vector<Row> query(std::string_view sql) const;
  /// The single value of a query; "" when there is no row or it is NULL.
  [[nodiscard]] std::string text(std::string_view sql) const;
  [[nodiscard]] std::int64_t integer(std::string_view sql) const;
  /// Rows that the last execute() changed.
  [[nodiscard]] std::uint64_t changes() const { return mysql_affected_rows(db_.get()); }

  [[nodiscard]] bool is_mariadb() const { return mariadb_connection(db_.get()) != 0; }
  /// Whether a statement takes arrays of parameters (MARIADB_CLIENT_STMT_BULK_OPERATIONS); MySQL's don't.
  [[nodiscard]] bool takes_arrays() const;
  /// "10.11.6-MariaDB"
  [[nodiscard]] std::string version() const { return mysql_get_server_info(db_.get()); }
  /// The cipher in use; empty without TLS.
  [[nodiscard]] std::string cipher() const;
  /// A text as SQL: 'it\'s', quotes included.
  [[nodiscard]] std::string quote(std::string_view text) const;
  /// The longest message that the server takes, in bytes.
  [[nodiscard]] std::size_t max_packet() const { return max_packet_; }
  [[nodiscard]] MYSQL* handle() const { return db_.get(); }

 private:
  struct Close {
    void operator()(MYSQL* db) const { mysql_close(db); }
  };
  [[noreturn]] void fail() const;
  std::unique_ptr<MYSQL, Close> db_;
  std::size_t max_packet_ = 0;
};

/// A name as SQL: `l1_voltage_v`, backticks inside doubled.
[[nodiscard]] std::string quote_name(std::string_view name);

/// Microseconds since 1970 as the library's DATETIME, and back. Years 1000 to 9999.
[[nodiscard]] MYSQL_TIME to_datetime(std::int64_t time_us);
[[nodiscard]] std::int64_t from_datetime(const MYSQL_TIME& time);
/// The same as SQL text without quotes: 2026-06-14 12:45:01.000000
[[nodiscard]] std::string datetime_text(std::int64_t time_us);

/// A prepared statement for one set of parameters at a time. Parameters and columns count from 0; texts given to bind()
/// must live until execute() has returned. Must not outlive its connection.
class Statement {
 public:
  Statement() = default;
  Statement(const Connection& db, std::string_view sql);

  explicit operator bool() const { return stmt_ != nullptr; }
  void bind(std::size_t index, std::int64_t value);
  void bind(std::size_t index, double value);
  void bind(std::size_t index, std::string_view value);
  void bind_time(std::size_t index, std::int64_t time_us);
  void bind_null(std::size_t index);
  /// Runs it; the rows of a query are all fetched to this side.
  void execute();
  /// True while there is a row.
  bool fetch();

  [[nodiscard]] bool is_null(std::size_t column) const { return columns_[column].is_null != 0; }
  [[nodiscard]] std::int64_t integer(std::size_t column) const { return columns_[column].integer; }
  [[nodiscard]] double number(std::size_t column) const { return columns_[column].number; }
  /// Of a column of integers, too; NaN where it is NULL or a text.
  [[nodiscard]] double number_of_any(std::size_t column) const;
  [[nodiscard]] std::int64_t time_us(std::size_t column) const { return from_datetime(columns_[column].time); }
  [[nodiscard]] const std::string& text(std::size_t column) const { return columns_[column].text; }

 private:
  struct Parameter {
    std::int64_t integer = 0;
    double number = 0;
    MYSQL_TIME time{};
  };
  struct Column {
    std::int64_t integer = 0;
    double number = 0;
    MYSQL_TIME time{};
    std::string text;
    unsigned long length = 0;
    my_bool is_null = 0;
  };
  struct Close {
    void operator()(MYSQL_STMT* s) const { mysql_stmt_close(s); }
  };
  void bind_results();
  [[noreturn]] void fail() const;

  std::unique_ptr<MYSQL_STMT, Close> stmt_;
  std::vector<MYSQL_BIND> binds_;
  std::vector<Parameter> parameters_;
  std::vector<MYSQL_BIND> results_;
  std::vector<Column> columns_;
};

/// Many rows of parameters for one statement, column by column as array binding wants them. Kept between uses, so that
/// nothing is allocated once it is warm.
class Parameters {
 public:
  enum class Type : std::uint8_t { time, number, integer, text };

  explicit Parameters(const std::vector<Type>& types);
  void clear() { rows_ = 0; }
  /// Makes room for so many rows; their cells are then set one by one, every one of them.
  void resize(std::size_t rows);
  void set_time(std::size_t row, std::size_t column, const MYSQL_TIME& time) { columns_[column].times[row] = time; }
  void set(std::size_t row, std::size_t column, double value) { columns_[column].numbers[row] = value; }
  void set(std::size_t row, std::size_t column, std::int64_t value) { columns_[column].integers[row] = value; }
  /// The text must live until it is executed.
  void set(std::size_t row, std::size_t column, std::string_view value);
  void set_null(std::size_t row, std::size_t column);
  [[nodiscard]] double number(std::size_t row, std::size_t column) const { return columns_[column].numbers[row]; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_.size(); }

 private:
  friend class Bulk;
  struct Column {
    Type type;
    std::vector<MYSQL_TIME> times;
    std::vector<double> numbers;
    std::vector<std::int64_t> integers;
    std::vector<const char*> texts;
    std::vector<unsigned long> lengths;
    std::vector<void*> pointers;  // to times
    std::vector<char> nulls;      // STMT_INDICATOR_*; empty while nothing is NULL
  };
  [[nodiscard]] MYSQL_BIND bind(std::size_t column, std::size_t first, bool array);
  /// What a row takes on the wire, at most.
  [[nodiscard]] std::size_t bytes(std::size_t row) const;

  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

/// A statement that is run for many rows at once: `head` + `row` + `tail`, where `row` is "(?, ?)". By array binding
/// where the server takes it; else `row` is repeated, or (with `row` empty) the statement is run row by row.
class Bulk {
 public:
  Bulk(const Connection& db, std::string head, std::string row, std::string tail, bool arrays);
  /// Runs rows [first, first + count). When it throws, an unknown part of them has been done: in a transaction, and
  /// only for statements that may be repeated.
  void execute(Parameters& parameters, std::size_t first, std::size_t count);

 private:
  struct Close {
    void operator()(MYSQL_STMT* s) const { mysql_stmt_close(s); }
  };
  using Handle = std::unique_ptr<MYSQL_STMT, Close>;
  Handle prepare(std::size_t rows) const;
  void run_array(Parameters& parameters, std::size_t first, std::size_t count);
  void run_rows(Parameters& parameters, std::size_t first, std::size_t count);

  const Connection* db_;
  std::string head_, row_, tail_;
  bool arrays_;
  std::size_t packet_;
  std::vector<Handle> sizes_;  // for 1, 2, 4 ... rows; with arrays only the first
  std::vector<MYSQL_BIND> binds_;
};

}  // namespace mesura::database::mariadb
