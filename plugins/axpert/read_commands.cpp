// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "read_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "setter.hpp"
#include "table.hpp"

namespace mesura::axpert {
namespace {

constexpr std::array kReads = {
    ReadCommand{"status", {"QPIGS", "QPIGS2", "GS"}},
    ReadCommand{"mode", {"QMOD", "MOD"}},
    ReadCommand{"ratings", {"QPIRI", "PIRI"}},
    ReadCommand{"flags", {"QFLAG", "FLAG"}},
    ReadCommand{"warnings", {"QPIWS", "FWS"}},
    ReadCommand{"defaults", {"QDI", "DI"}},
    ReadCommand{"identify", {"QPI", "QID", "QSID", "QMN", "QGMN", "QVFW", "PI", "ID", "VFW"}},
    ReadCommand{"firmware", {"QVFW", "QVFW2", "QVFW3", "QVFW4", "VERFW:", "VFW"}},
    ReadCommand{"parallel", {"QPGS#", "QP2GS#", "PGS#", "PRI#"}},
    ReadCommand{"time", {"QT", "T"}},
    ReadCommand{"equalization", {"QBEQI"}},
    ReadCommand{"charge_currents", {"QMCHGCR", "QMUCHGCR", "QMSCHGCR", "MCHGCR", "MUCHGCR"}},
    ReadCommand{"batteries", {"QBMS", "QLITH0"}},
    ReadCommand{"charging", {"QCST", "QCVT", "Q1"}},
    ReadCommand{"schedules", {"QOPPT", "QCHPT", "ACCT", "ACLT"}},
    ReadCommand{"output_mode", {"QOPM"}},
    ReadCommand{"led", {"QLED"}},
};

struct Period {
  std::string_view name;
  char letter;
  std::size_t digits;
};
constexpr std::array kPeriods = {Period{"total", 'T', 0}, Period{"year", 'Y', 4}, Period{"month", 'M', 6},
                                 Period{"day", 'D', 8}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "2024-05-01" and "20240501"; nothing but digits comes out, or nothing at all.
std::string digits_of(std::string_view date) {
  std::string digits;
  for (const char c : date) {
    if (!is_digit(c) && c != '-') return {};
    if (c != '-') digits += c;
  }
  return digits;
}

/// Asked while it is found out who is there, and not with the others.
constexpr std::array kProbes = {Query{"QPI", kPi30, Cadence::once}, Query{"QID", kPi30, Cadence::once},
                                Query{"QSID", kPi30, Cadence::once}, Query{"PI", kInfini, Cadence::once},
                                Query{"ID", kInfini, Cadence::once}};

Dialects dialects_of(std::string_view query) {
  Dialects found = 0;
  for (const std::span<const Query> table : {queries(), std::span<const Query>{kProbes}})
    for (const Query& q : table)
      if (!query.empty() && (q.command == query || command_fits(q.command, query))) found |= q.dialects;
  return found;
}

void date_in(Questions& q, const Arguments& args, std::size_t digits, Dialect dialect) {
  if (!args.has("date")) {
    q.queries.insert(q.queries.begin(), dialect == Dialect::pi18 ? "T" : "QT");
    q.asks_date = true;
    return;
  }
  const std::string date = digits_of(args.text("date"));
  if (date.size() != digits) {
    q.problem = fmt::format("date: expected {} digits ({}), got '{}'", digits,
                            digits == 8   ? "YYYY-MM-DD"
                            : digits == 6 ? "YYYY-MM"
                                          : "YYYY",
                            args.text("date"));
    return;
  }
  for (std::string& query : q.queries)
    if (query.ends_with('@')) query.replace(query.size() - 1, 1, date);
}

Questions energy(const Arguments& args, Dialect dialect) {
  Questions q;
  const auto period =
      std::find_if(kPeriods.begin(), kPeriods.end(), [&](const Period& p) { return p.name == args.text("period"); });
  if (period == kPeriods.end()) {
    q.problem = fmt::format("period: expected total, year, month or day, got '{}'", args.text("period"));
    return q;
  }
  for (const char* stem : {"QE", "QL", "E"}) {
    const std::string query = fmt::format("{}{}{}", stem, period->letter, period->digits > 0 ? "@" : "");
    if (is_known(query, dialect)) q.queries.push_back(query);
  }
  if (q.queries.empty()) {
    q.problem = fmt::format("the dialect {} has no energy counters", name(dialect));
  } else if (period->digits > 0) {
    date_in(q, args, period->digits, dialect);
  }
  return q;
}

/// How many digits of a date a query of this name takes: QED 8, QEM 6, QEY 4.
std::size_t date_digits(std::string_view query) {
  const char letter = query[query.size() - 2];
  return letter == 'Y' ? 4 : letter == 'M' ? 6 : 8;
}

Questions single_query(const Arguments& args, Dialect dialect) {
  Questions q;
  std::string query{args.text("command")};
  const bool dated = any_layout([&](const Layout& l) { return l.command == fmt::format("{}@", query); });
  if (dated) query += '@';
  if (!is_known(query, dialect)) {
    q.problem = fmt::format("the dialect {} has no query {}; it belongs to {}", name(dialect), args.text("command"),
                            names_of(dialects_of(query)));
    return q;
  }
  q.queries.push_back(query);
  if (dated) {
    date_in(q, args, date_digits(query), dialect);
  } else if (args.has("date")) {
    q.problem = fmt::format("date: {} takes none", query);
  }
  return q;
}

}  // namespace

std::span<const ReadCommand> read_commands() { return kReads; }

bool is_known(std::string_view query, Dialect dialect) { return has(dialects_of(query), dialect); }

Questions questions(std::string_view command, const Arguments& args, Dialect dialect) {
  if (command == "query") return single_query(args, dialect);
  if (command == "energy") return energy(args, dialect);
  Questions q;
  const auto row = std::find_if(kReads.begin(), kReads.end(), [&](const ReadCommand& r) { return r.name == command; });
  if (row == kReads.end()) {
    q.problem = fmt::format("there is no command {}", command);
    return q;
  }
  Dialects others = 0;
  for (const std::string_view query : row->queries) {
    others |= dialects_of(query);
    if (!is_known(query, dialect)) continue;
    q.queries.emplace_back(query);
    if (query.ends_with('#')) q.queries.back().back() = static_cast<char>('0' + std::clamp(args.integer("unit"), 0, 9));
  }
  if (q.queries.empty())
    q.problem = fmt::format("the dialect {} has no {}; it belongs to {}", name(dialect), command, names_of(others));
  return q;
}

}  // namespace mesura::axpert
