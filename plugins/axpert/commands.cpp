// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "detection.hpp"
#include "table.hpp"

namespace mesura::axpert {
namespace {

constexpr std::array<std::string_view, 40> kArguments{"balance",
                                                      "blue",
                                                      "brightness",
                                                      "bulk_voltage",
                                                      "colors",
                                                      "command",
                                                      "condition",
                                                      "connected",
                                                      "control",
                                                      "current",
                                                      "cutoff_voltage",
                                                      "date",
                                                      "days",
                                                      "effect",
                                                      "flag",
                                                      "float_voltage",
                                                      "force_charge",
                                                      "frequency",
                                                      "green",
                                                      "logic",
                                                      "max_charge_current",
                                                      "max_discharge_current",
                                                      "minutes",
                                                      "mode",
                                                      "period",
                                                      "place",
                                                      "priority",
                                                      "range",
                                                      "red",
                                                      "speed",
                                                      "stages",
                                                      "state",
                                                      "state_of_charge",
                                                      "steps",
                                                      "stop_charge",
                                                      "stop_discharge",
                                                      "time",
                                                      "type",
                                                      "unit",
                                                      "voltage"};

struct NeedQueries {
  Need need;
  std::string_view query, query18;
};
constexpr std::array kNeeds = {
    NeedQueries{kRatings, "QPIRI", "PIRI"},
    NeedQueries{kChargeCurrents, "QMCHGCR", "MCHGCR"},
    NeedQueries{kUtilityCurrents, "QMUCHGCR", "MUCHGCR"},
    NeedQueries{kSolarCurrents, "QMSCHGCR", {}},
    NeedQueries{kMode, "QMOD", "MOD"},
    NeedQueries{kMode, "QPIGS", "GS"},
    NeedQueries{kDefaults, "QDI", "DI"},
    NeedQueries{kFlags, "QFLAG", "FLAG"},
    NeedQueries{kLoad, "QLT", {}},
};

/// Asked with every cycle: a refusal is one of those that come for no reason.
bool is_essential(std::string_view query) {
  return std::any_of(queries().begin(), queries().end(),
                     [&](const Query& q) { return q.essential && q.command == query; });
}

void add_once(std::vector<std::string>& list, std::string_view query) {
  if (!query.empty() && std::find(list.begin(), list.end(), query) == list.end()) list.emplace_back(query);
}

}  // namespace

std::span<const std::string_view> argument_names() { return kArguments; }

void Commands::add(const Command& command) {
  Job& job = jobs_.emplace_back();
  job.id = command.id;
  job.name = command.name;
  job.args = Arguments{command.arguments, argument_names()};
  job.dry_run = command.dry_run;
}

// ---------------------------------------------------------------- what to ask

std::optional<Exchange> Commands::next(Dialect dialect) {
  dialect_ = dialect;
  while (!jobs_.empty()) {
    Job& job = jobs_.front();
    if (job.step == Step::begin) begin(job);
    if (job.step != Step::over)
      if (auto exchange = step(job)) return exchange;
    if (job.step == Step::over) jobs_.pop_front();
  }
  return std::nullopt;
}

void Commands::begin(Job& job) {
  if (job.name == "raw") return begin_raw(job);
  if (any_setter([&](const Setter& s) { return s.name == job.name; })) return begin_setter(job);
  Questions q = questions(job.name, job.args, dialect_);
  if (!q.problem.empty()) return end(job, MESURA_REPLY_INVALID, q.problem);
  if (job.dry_run)
    return end(job, MESURA_REPLY_PLAN, fmt::format("asks {} and changes nothing", fmt::join(q.queries, ", ")));
  job.queries = std::move(q.queries);
  job.asks_date = q.asks_date;
  job.step = Step::asking;
}

void Commands::begin_setter(Job& job) {
  Dialects known = 0;
  any_setter([&](const Setter& s) {
    if (s.name != job.name) return false;
    known |= s.dialects;
    if (has(s.dialects, dialect_)) job.setter = &s;
    return false;
  });
  if (job.setter == nullptr)
    return end(job, MESURA_REPLY_INVALID,
               fmt::format("{}: the dialect {} of this inverter has no such setting; it belongs to {}", job.name,
                           name(dialect_), names_of(known)));
  const Setter& row = *job.setter;
  const bool infini = dialect_ == Dialect::pi18;
  const std::string_view own = infini ? row.query18 : row.query;
  if ((row.traits & kPerUnit) != 0 && job.args.has("unit")) job.unit = std::clamp(job.args.integer("unit"), 0, 9);
  if (job.unit >= 0) job.read_back.push_back(fmt::format("{}{}", infini ? "PRI" : "QPGS", job.unit));
  // The first unit may be the only one, which says nothing of itself as a unit.
  if (job.unit <= 0) add_once(job.read_back, own);
  job.queries = job.read_back;
  for (const NeedQueries& n : kNeeds)
    if ((row.needs & n.need) != 0) add_once(job.queries, infini ? n.query18 : n.query);
  if ((row.needs & kLoad) != 0 && !infini) add_once(job.read_back, "QLT");
  if ((row.needs & kFlags) != 0) add_once(job.read_back, infini ? "FLAG" : "QFLAG");
  job.step = Step::asking;
}

void Commands::begin_raw(Job& job) {
  constexpr std::string_view kQuery = "^P", kSet = "^S";
  constexpr std::size_t kNumber = 3;
  std::string command{job.args.text("command")};
  Wire wire = wire_of(dialect_, command);
  if (wire == Wire::infini) {
    const bool query = command.starts_with(kQuery), set = command.starts_with(kSet);
    if (query || set) command.erase(0, kQuery.size());
    // The number of bytes is put there anew.
    const bool numbered =
        (query || set) && command.size() > kNumber &&
        std::all_of(command.begin(), command.begin() + kNumber, [](char c) { return c >= '0' && c <= '9'; });
    if (numbered) command.erase(0, kNumber);
    if (set || (!query && !is_known(command, dialect_))) wire = Wire::set;
  }
  if (command.empty() || command.size() > RequestFrame::kLongestCommand)
    return end(
        job, MESURA_REPLY_INVALID,
        fmt::format("command: expected 1 to {} characters, got {}", RequestFrame::kLongestCommand, command.size()));
  job.transaction = {command, wire, false, false, true};
  plan_or_write(job);
}

/// The question that is next; false: the command has ended.
bool Commands::ask(Job& job) {
  job.query = job.queries[job.at++];
  if (!job.query.ends_with('@')) return true;
  const std::string_view date = port_.date();
  if (date.empty()) {
    end(job, MESURA_REPLY_REFUSED, "the inverter does not say what day it is: give a date");
    return false;
  }
  const char span = job.query[job.query.size() - 2];
  job.query.pop_back();
  job.query += date.substr(0, span == 'Y' ? 4 : span == 'M' ? 6 : 8);
  return true;
}

std::optional<Exchange> Commands::step(Job& job) {
  const bool asking = job.step == Step::asking || job.step == Step::checking;
  if (asking && job.at < job.queries.size()) {
    if (!ask(job)) return std::nullopt;
    const char* what = job.step == Step::checking ? "reading back" : "asking";
    port_.on_progress(job.id, job.at, 0, fmt::format("{} {}", what, job.query));
    return Exchange{{job.query, wire_of(dialect_, job.query), is_essential(job.query), true}, job.id};
  }
  if (job.step == Step::checking) {
    conclude(job);
  } else if (asking && job.setter == nullptr) {
    conclude_read(job);
  } else if (asking) {
    make(job);
  }
  if (job.step != Step::changing) return std::nullopt;
  port_.on_progress(job.id, job.at + 1, 0, fmt::format("sending {}", job.transaction.command));
  job.sent = true;
  return Exchange{job.transaction, job.id, true, job.setter == nullptr};
}

// ---------------------------------------------------------------- what to write

/// Where the setting is among what was read: of that unit, or of the only one. False: there is no such unit.
bool Commands::find_unit(Job& job) {
  job.key = job.setter->key;
  if (job.unit < 0) return true;
  const std::string of_unit = fmt::format("unit{}_{}", job.unit, job.key);
  if (job.before.find(of_unit) != nullptr) {
    job.key = of_unit;
    return true;
  }
  return job.unit == 0;
}

void Commands::make(Job& job) {
  const Setter& row = *job.setter;
  derive(job.before);
  if (!find_unit(job))
    return end(
        job, MESURA_REPLY_INVALID,
        fmt::format("unit: the inverter knows no parallel unit {}; `parallel {}` asks for it", job.unit, job.unit));
  Making m{job.args,
           dialect_,
           job.before,
           zone_,
           job.heard_ns,
           dialect_ == Dialect::pi18 ? row.wire18 : row.wire,
           row.argument,
           job.key,
           job.unit,
           {},
           {},
           {},
           {}};
  row.make(m);
  job.allowed = std::move(m.allowed);
  if (!m.problem.empty() || m.command.empty())
    return end(job, MESURA_REPLY_INVALID, m.problem, change_json(job, false));
  job.key = std::move(m.key);
  job.expected = std::move(m.expected);
  job.transaction = {std::move(m.command), dialect_ == Dialect::pi18 ? Wire::set : Wire::plain, false,
                     (row.traits & kOnce) == 0, true};
  if ((row.traits & kAlways) == 0 && fulfilled(job, job.before, job.heard_ns, true))
    return end(job, job.dry_run ? MESURA_REPLY_PLAN : MESURA_REPLY_DONE, "already in force: nothing to write",
               change_json(job, job.dry_run));
  job.written_ns = job.heard_ns;
  plan_or_write(job);
}

void Commands::plan_or_write(Job& job) {
  if (!job.dry_run) {
    job.step = Step::changing;
    return;
  }
  if (!port_.plan(job.id, job.transaction)) return end(job, MESURA_REPLY_UNREACHABLE, "the link takes nothing now");
  end(job, MESURA_REPLY_PLAN, fmt::format("would send {}", job.transaction.command), change_json(job, true));
}

// ---------------------------------------------------------------- the end of commands

void Commands::end(Job& job, mesura_reply_status status, std::string_view message, std::string_view json) {
  job.step = Step::over;
  port_.reply(job.id, status, message, json, job.raw);
}

void Commands::cancel(std::uint64_t request) {
  // Its place it keeps while an exchange is under way.
  for (Job& job : jobs_)
    if (job.id == request && job.step != Step::over) end(job, MESURA_REPLY_UNREACHABLE, "called off", {});
}

void Commands::end_all(std::string_view reason) {
  std::deque<Job> ended;
  ended.swap(jobs_);
  for (Job& job : ended) {
    if (job.step == Step::over) continue;
    const std::string message =
        job.sent ? fmt::format("{}; {} was sent and may have taken effect", reason, job.transaction.command)
                 : fmt::format("{}; nothing was written", reason);
    end(job, MESURA_REPLY_UNREACHABLE, message, job.setter != nullptr ? change_json(job, false) : std::string{});
  }
}

}  // namespace mesura::axpert
