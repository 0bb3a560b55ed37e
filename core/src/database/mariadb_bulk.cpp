// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Many rows with one call.
#include "database/mariadb.hpp"

#include <algorithm>

namespace mesura::database::mariadb {
namespace {

// More rows in a call gain nothing (limits: 1000 and 10 000 are within 10 %), and the server holds all of them at once.
constexpr std::size_t kMaxRows = 10'000;
constexpr std::size_t kMaxPacket = std::size_t{8} << 20;
// Of a multi-row INSERT: the server takes 65 535 parameters.
constexpr std::size_t kMaxParameters = 65'535;
constexpr std::size_t kMaxSize = 9;  // 512 rows

[[noreturn]] void fail(MYSQL_STMT* stmt) {
  throw Error(mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt), mysql_stmt_error(stmt));
}

}  // namespace

Parameters::Parameters(const std::vector<Type>& types) {
  for (const Type type : types) {
    columns_.emplace_back();
    columns_.back().type = type;
  }
}

void Parameters::resize(std::size_t rows) {
  rows_ = rows;
  for (Column& column : columns_) {
    std::fill(column.nulls.begin(), column.nulls.end(), static_cast<char>(STMT_INDICATOR_NONE));
    switch (column.type) {
      case Type::time:
        if (column.times.size() >= rows) break;
        column.times.resize(rows);
        column.pointers.clear();
        for (MYSQL_TIME& time : column.times) column.pointers.push_back(&time);
        break;
      case Type::number:
        if (column.numbers.size() < rows) column.numbers.resize(rows);
        break;
      case Type::integer:
        if (column.integers.size() < rows) column.integers.resize(rows);
        break;
      case Type::text:
        if (column.texts.size() >= rows) break;
        column.texts.resize(rows);
        column.lengths.resize(rows);
        break;
    }
    if (!column.nulls.empty() && column.nulls.size() < rows)
      column.nulls.resize(rows, static_cast<char>(STMT_INDICATOR_NONE));
  }
}

void Parameters::set(std::size_t row, std::size_t column, std::string_view value) {
  columns_[column].texts[row] = value.data() == nullptr ? "" : value.data();
  columns_[column].lengths[row] = value.size();
}

void Parameters::set_null(std::size_t row, std::size_t column) {
  Column& c = columns_[column];
  if (c.nulls.size() < rows_) c.nulls.resize(rows_, static_cast<char>(STMT_INDICATOR_NONE));
  c.nulls[row] = static_cast<char>(STMT_INDICATOR_NULL);
  if (c.type == Type::text) set(row, column, std::string_view{});
}

std::size_t Parameters::bytes(std::size_t row) const {
  constexpr std::size_t kTime = 13;
  constexpr std::size_t kNumber = 9;
  constexpr std::size_t kLength = 10;
  std::size_t n = 0;
  for (const Column& column : columns_) {
    n += column.type == Type::time ? kTime : column.type == Type::text ? kLength + column.lengths[row] : kNumber;
  }
  return n;
}

// As an array: pointers to the first row's cells. Else the cell itself.
MYSQL_BIND Parameters::bind(std::size_t column, std::size_t first, bool array) {
  Column& c = columns_[column];
  MYSQL_BIND bind{};
  switch (c.type) {
    case Type::time:
      bind.buffer_type = MYSQL_TYPE_DATETIME;
      bind.buffer = array ? static_cast<void*>(&c.pointers[first]) : &c.times[first];
      break;
    case Type::number:
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      bind.buffer = &c.numbers[first];
      break;
    case Type::integer:
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = &c.integers[first];
      break;
    case Type::text:
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = array ? static_cast<void*>(&c.texts[first]) : const_cast<char*>(c.texts[first]);
      bind.length = &c.lengths[first];
      bind.buffer_length = c.lengths[first];
      break;
  }
  if (!c.nulls.empty()) {
    if (array) {
      bind.u.indicator = &c.nulls[first];
    } else if (c.nulls[first] == static_cast<char>(STMT_INDICATOR_NULL)) {
      bind.buffer_type = MYSQL_TYPE_NULL;
    }
  }
  return bind;
}

Bulk::Bulk(const Connection& db, std::string head, std::string row, std::string tail, bool arrays)
    : db_(&db),
      head_(std::move(head)),
      row_(std::move(row)),
      tail_(std::move(tail)),
      arrays_(arrays && db.takes_arrays()),
      packet_(std::min(kMaxPacket, db.max_packet() / 2)) {
  sizes_.resize(kMaxSize + 1);
  sizes_[0] = prepare(1);
}

Bulk::Handle Bulk::prepare(std::size_t rows) const {
  std::string sql = head_;
  for (std::size_t i = 0; i < rows; ++i) {
    if (i > 0) sql += ", ";
    sql += row_;
  }
  sql += tail_;
  Handle stmt{mysql_stmt_init(db_->handle())};
  if (!stmt || mysql_stmt_prepare(stmt.get(), sql.data(), sql.size()) != 0) {
    if (!stmt) throw std::bad_alloc();
    fail(stmt.get());
  }
  return stmt;
}

void Bulk::execute(Parameters& parameters, std::size_t first, std::size_t count) {
  const std::size_t end = first + count;
  while (first < end) {
    std::size_t n = 0;
    std::size_t bytes = 0;
    do {
      bytes += parameters.bytes(first + n);
      ++n;
    } while (first + n < end && n < kMaxRows && bytes < packet_);
    if (arrays_) {
      run_array(parameters, first, n);
    } else {
      run_rows(parameters, first, n);
    }
    first += n;
  }
}

void Bulk::run_array(Parameters& parameters, std::size_t first, std::size_t count) {
  MYSQL_STMT* stmt = sizes_[0].get();
  binds_.clear();
  for (std::size_t c = 0; c < parameters.columns(); ++c) binds_.push_back(parameters.bind(c, first, true));
  const auto rows = static_cast<unsigned>(count);
  if (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &rows) != 0 || mysql_stmt_bind_param(stmt, binds_.data()) != 0 ||
      mysql_stmt_execute(stmt) != 0) {
    fail(stmt);
  }
}

void Bulk::run_rows(Parameters& parameters, std::size_t first, std::size_t count) {
  const std::size_t end = first + count;
  while (first < end) {
    std::size_t size = row_.empty() ? 0 : kMaxSize;
    while (size > 0 && ((std::size_t{1} << size) > end - first ||
                        (std::size_t{1} << size) * parameters.columns() > kMaxParameters)) {
      --size;
    }
    const std::size_t n = std::size_t{1} << size;
    Handle& stmt = sizes_[size];
    if (!stmt) stmt = prepare(n);
    binds_.clear();
    for (std::size_t r = 0; r < n; ++r) {
      for (std::size_t c = 0; c < parameters.columns(); ++c) binds_.push_back(parameters.bind(c, first + r, false));
    }
    if (mysql_stmt_bind_param(stmt.get(), binds_.data()) != 0 || mysql_stmt_execute(stmt.get()) != 0) fail(stmt.get());
    first += n;
  }
}

}  // namespace mesura::database::mariadb
