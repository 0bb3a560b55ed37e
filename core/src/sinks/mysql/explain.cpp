// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mysql/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace mesura::sinks::mysql {
namespace {

struct Kind {
  std::string_view code;
  std::string_view what;
  std::string_view hint;  // {} is the user
  std::array<unsigned, 10> numbers;
};

// Numbers of the library (2xxx, 5xxx) and of the servers; see mysqld_error.h.
constexpr std::array kKinds{
    Kind{"sink-unreachable",
         "no connection",
         "is the server running, are host and port (or socket) right, does a firewall stand between?",
         {2002, 2003, 2004, 2005, 2009}},
    Kind{"sink-lost", "the connection was lost", "", {2006, 2013, 2055, 1053, 1079, 1080, 1158, 1159, 1160, 1927}},
    Kind{"sink-lost", "the connection was lost", "", {1161, 1152, 1184, 1317, 4031}},
    Kind{"sink-tls",
         "no TLS",
         "does the server speak TLS, and is its certificate one that `ca_file` vouches for, made out to this host?",
         {2026, 3159, 5000}},
    Kind{"sink-access",
         "access denied",
         "user '{}' needs a right password and SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, CREATE VIEW "
         "on the database",
         {1044, 1045, 1698, 1142, 1143, 1227, 1370, 1251, 1862, 4151}},
    Kind{"sink-access",
         "this computer is not let in",
         "does an account of '{}' exist for this host? `mariadb-admin flush-hosts` on the server forgives",
         {1129, 1130}},
    Kind{"sink-connections",
         "the server takes no more connections",
         "raise max_connections, or the limits of user '{}'",
         {1040, 1203, 1226}},
    Kind{"sink-cluster",
         "this node is not part of the cluster's majority",
         "see `SHOW STATUS LIKE 'wsrep%'` there; `hosts` may name further nodes",
         {1047}},
    Kind{"sink-busy", "locked by another session", "", {1205, 1213, 1969, 3024, 1099, 1100, 1223, 1192}},
    Kind{"sink-read-only",
         "cannot be written",
         "is it a replica? the sink must write to the primary",
         {1290, 1792, 1836, 1209, 1874}},
    Kind{"sink-full", "no room left", "free disk space, or memory, on the server", {1021, 1114, 1037, 1038, 1041, 3}},
    Kind{"sink-layout",
         "a table was changed or dropped by another program; it is read again, and what is missing made anew",
         "",
         {1049, 1046, 1146, 1054, 1051, 1109, 1932}},
    Kind{"sink-packet", "a message was too long", "raise max_allowed_packet on the server", {1153, 2020}},
};

constexpr unsigned kStorageEngine = 1030;

}  // namespace

bool is_records_fault(const database::mariadb::Error& error) {
  // Classes of SQLSTATE: data exception, integrity constraint, check option, raised by the owner of a trigger.
  constexpr std::array<std::string_view, 4> kClasses{"22", "23", "44", "45"};
  // Without a class: a row too long, no default for a column, no partition for the value, wrong or cut off value.
  constexpr std::array<unsigned, 6> kNumbers{1118, 1364, 1526, 1366, 1265, 1748};
  if (error.of_client()) return false;
  return std::any_of(kClasses.begin(), kClasses.end(),
                     [&](std::string_view c) { return error.sqlstate().starts_with(c); }) ||
         std::find(kNumbers.begin(), kNumbers.end(), error.number()) != kNumbers.end();
}

std::string explain(const std::string& what, const std::string& user, const database::mariadb::Error& error) {
  const std::string tail = fmt::format("{} (error {}, SQLSTATE {})", error.what(), error.number(), error.sqlstate());
  // The storage engine tells the disk's troubles by the number of the operating system.
  const std::string_view text = error.what();
  if ((error.number() == kStorageEngine && text.find("error 28") != std::string_view::npos) ||
      text.find("No space left on device") != std::string_view::npos)
    return fmt::format("sink-full: {}: no room left: {}\n  hint      free disk space on the server", what, tail);
  for (const Kind& kind : kKinds) {
    if (std::find(kind.numbers.begin(), kind.numbers.end(), error.number()) == kind.numbers.end()) continue;
    std::string out = fmt::format("{}: {}: {}: {}", kind.code, what, kind.what, tail);
    if (!kind.hint.empty()) out += "\n  hint      " + fmt::format(fmt::runtime(kind.hint), user);
    return out;
  }
  return fmt::format("sink-io: {}: {}", what, tail);
}

}  // namespace mesura::sinks::mysql
