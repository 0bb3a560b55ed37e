// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "house.hpp"

#include <poll.h>
#include <sqlite3.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace mesura::test {

namespace {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

}  // namespace

Command program(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), MESURA_PROGRAM);
  // Nothing of the machine's own may leak in: no configuration of its user, no other plugins.
  return Command{std::move(arguments),
                 {{"MESURA_CONFIG", ""},
                  {"HOME", "/nonexistent"},
                  {"XDG_CONFIG_HOME", "/nonexistent"},
                  {"MESURA_PLUGIN_PATH", ""}}};
}

Outcome run_mesura(std::vector<std::string> arguments, std::string input) {
  auto command = program(std::move(arguments));
  command.input = std::move(input);
  Process process{std::move(command)};
  const Exit end = process.wait();
  return {end.signal == 0 ? end.code : 128 + end.signal, process.out(), process.err()};
}

Meter::Meter(std::vector<std::string> options, std::string listen) : options_(std::move(options)) { start(listen); }

void Meter::start(const std::string& listen) {
  std::vector<std::string> arguments{"simulate", "dsmr_p1", "--listen", listen};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  process_ = std::make_unique<Process>(program(std::move(arguments)));
  const std::string line = process_->wait_for_line("serving");
  const std::string address = line.substr(line.rfind(' ') + 1);
  host_ = address.substr(0, address.rfind(':'));
  port_ = std::stoi(address.substr(address.rfind(':') + 1));
}

void Meter::start_again() { start("tcp:" + host_ + ":" + std::to_string(port_)); }

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out{path, std::ios::binary};
  out << text;
  out.close();
  if (!out) throw std::runtime_error("can't write " + path.string());
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<std::vector<std::string>> query(const std::filesystem::path& database, const std::string& sql) {
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(database.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, CloseDatabase> db{raw};
  if (opened != SQLITE_OK) throw std::runtime_error(database.string() + ": " + sqlite3_errmsg(raw));
  sqlite3_busy_timeout(raw, 5000);
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(raw, sql.c_str(), -1, &prepared, nullptr) != SQLITE_OK)
    throw std::runtime_error(sql + ": " + sqlite3_errmsg(raw));
  const std::unique_ptr<sqlite3_stmt, FinishStatement> statement{prepared};
  std::vector<std::vector<std::string>> rows;
  for (;;) {
    const int result = sqlite3_step(prepared);
    if (result == SQLITE_DONE) return rows;
    if (result != SQLITE_ROW) throw std::runtime_error(sql + ": " + sqlite3_errmsg(raw));
    auto& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(prepared); ++i) {
      const auto* text = sqlite3_column_text(prepared, i);
      row.emplace_back(text == nullptr ? "NULL" : reinterpret_cast<const char*>(text));
    }
  }
}

std::vector<std::vector<std::string>> wait_for_rows(
    const std::filesystem::path& database, const std::string& sql,
    const std::function<bool(const std::vector<std::vector<std::string>>&)>& good, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string last;
  for (;;) {
    try {
      auto rows = query(database, sql);
      if (good(rows)) return rows;
      last = std::to_string(rows.size()) + " rows";
    } catch (const std::runtime_error& e) {
      last = e.what();  // no file or no table yet
    }
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error("waited in vain for: " + sql + "; last: " + last);
    // SQLite has no event for "somebody else has committed": look again soon.
    ::poll(nullptr, 0, 50);
  }
}

}  // namespace mesura::test
