// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What is asked, of whom, and how often. The order is that in which what is due together leaves.
#include <algorithm>
#include <array>

#include "table.hpp"

namespace mesura::axpert {
namespace {

using C = Cadence;
constexpr Dialects kNewer = kKing | kMax;

constexpr std::array kQueries = {
    Query{"QPIGS", kPi30, C::cycle, true},
    Query{"QMOD", kPi30, C::cycle, true},
    Query{"QPIGS2", kPi30 & ~kRevo, C::cycle},
    Query{"QPGS#", kPi30 & ~kRevo, C::parallel},
    Query{"QP2GS#", kDuo | kSplit, C::parallel},
    Query{"QPIWS", kPi30, C::second},
    Query{"QPIRI", kPi30, C::slow, true},
    Query{"QFLAG", kPi30, C::slow},
    Query{"QT", kNewer | kSplit, C::slow},
    Query{"QET", kNewer, C::slow},
    Query{"QED@", kNewer, C::slow},
    Query{"QEM@", kNewer, C::slow},
    Query{"QEY@", kNewer, C::slow},
    Query{"QLT", kNewer, C::slow},
    Query{"QLD@", kNewer, C::slow},
    Query{"QLM@", kNewer, C::slow},
    Query{"QLY@", kNewer, C::slow},
    Query{"QBEQI", kNewer | kSplit, C::slow},
    Query{"QBMS", kMax, C::slow},
    Query{"Q1", of(Dialect::pi30), C::slow},
    Query{"QOPPT", kNewer, C::slow},
    Query{"QCHPT", kNewer, C::slow},
    Query{"QLED", kMax, C::slow},
    Query{"QCST", kDuo, C::slow},
    Query{"QCVT", kDuo, C::slow},
    Query{"QALL", kRevo, C::slow},
    Query{"QLITH0", kRevo, C::slow},
    Query{"QVFW", kPi30, C::once},
    Query{"QVFW2", kPi30, C::once},
    Query{"QVFW3", kDuo | kNewer, C::once},
    Query{"QVFW4", kDuo, C::once},
    Query{"VERFW:", kNewer, C::once},
    Query{"QMN", kPi30 & ~kRevo, C::once},
    Query{"QGMN", kPi30 & ~kRevo, C::once},
    Query{"QDI", kPi30, C::once},
    Query{"QMCHGCR", kPi30, C::once},
    Query{"QMUCHGCR", kPi30, C::once},
    Query{"QMSCHGCR", kDuo, C::once},
    Query{"QOPM", kClassic | kDuo | kMax | kSplit, C::once},
    Query{"QBOOT", kClassic | kDuo, C::once},

    Query{"GS", kInfini, C::cycle, true},
    Query{"MOD", kInfini, C::cycle, true},
    Query{"FWS", kInfini, C::second},
    Query{"PGS#", kInfini, C::parallel},
    Query{"PRI#", kInfini, C::slow},
    Query{"PIRI", kInfini, C::slow, true},
    Query{"FLAG", kInfini, C::slow},
    Query{"T", kInfini, C::slow},
    Query{"ET", kInfini, C::slow},
    Query{"ED@", kInfini, C::slow},
    Query{"EM@", kInfini, C::slow},
    Query{"EY@", kInfini, C::slow},
    Query{"VFW", kInfini, C::once},
    Query{"DI", kInfini, C::once},
    Query{"MCHGCR", kInfini, C::once},
    Query{"MUCHGCR", kInfini, C::once},
    Query{"ACCT", kInfini, C::once},
    Query{"ACLT", kInfini, C::once},
};

bool digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::span<const Query> queries() { return kQueries; }

bool command_fits(std::string_view pattern, std::string_view command) {
  const char last = pattern.back();
  if (last != '#' && last != '@') return pattern == command;
  const std::string_view stem = pattern.substr(0, pattern.size() - 1);
  if (!command.starts_with(stem)) return false;
  const std::string_view rest = command.substr(stem.size());
  if (rest.empty() || !std::all_of(rest.begin(), rest.end(), digit)) return false;
  return last == '#' ? rest.size() == 1 : rest.size() == 4 || rest.size() == 6 || rest.size() == 8;
}

}  // namespace mesura::axpert
