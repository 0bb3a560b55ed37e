// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What comes of the exchanges of a command, and what it ends with.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "commands.hpp"

namespace mesura::axpert {
namespace {

bool silent(Outcome o) {
  return o == Outcome::timeout || o == Outcome::crc || o == Outcome::short_reply || o == Outcome::unexpected;
}

std::string what_came(Outcome o) {
  return o == Outcome::timeout ? std::string{"no reply"} : fmt::format("no whole reply ({})", name(o));
}

bool equal(const Expected& e, const Value& got, double passed) {
  if (e.value.is_text || got.is_text) return e.value.is_text && got.is_text && e.value.text == got.text;
  const double wanted = e.value.number + (e.runs ? passed : 0);
  return e.at_most ? got.number <= wanted + e.tolerance : std::abs(got.number - wanted) <= e.tolerance;
}

}  // namespace

void Commands::derive(Facts& facts) {
  constexpr std::size_t kColor = 9;
  const std::string_view colors = facts.text("led/led_colors");
  if (!colors.empty()) facts.set("led/color_count", Value::of(static_cast<double>(colors.size() / kColor)));
}

void Commands::answered(const Done& done, const Facts& facts) {
  if (jobs_.empty()) return;
  Job& job = jobs_.front();
  if (done.received_ns != 0) job.heard_ns = done.received_ns;
  switch (job.step) {
    case Step::asking: return asked(job, done, facts);
    case Step::changing: return changed(job, done, facts);
    case Step::checking: return checked(job, done, facts);
    default: return;
  }
}

void Commands::asked(Job& job, const Done& done, const Facts& facts) {
  const std::string_view nothing = job.setter != nullptr ? "; nothing was written" : "";
  if (done.outcome == Outcome::io)
    return end(job, MESURA_REPLY_UNREACHABLE, fmt::format("the link did not take {}{}", job.query, nothing));
  if (silent(done.outcome))
    return end(job, MESURA_REPLY_TIMEOUT, fmt::format("{}: {}{}", job.query, what_came(done.outcome), nothing));
  if (done.outcome != Outcome::ok) {
    job.refused.push_back(job.query);
    return;
  }
  if (job.asks_date && job.at == 1) return;
  job.before.take(facts);
  job.raw.insert(job.raw.end(), done.frame.begin(), done.frame.end());
}

void Commands::conclude_read(Job& job) {
  if (job.raw.empty())
    return end(
        job, MESURA_REPLY_REFUSED,
        fmt::format("this inverter does not know {} (dialect {})", fmt::join(job.refused, ", "), name(dialect_)));
  std::string message;
  if (!job.refused.empty()) message = fmt::format("not known to this inverter: {}", fmt::join(job.refused, ", "));
  end(job, MESURA_REPLY_DONE, message, job.before.json());
}

std::string Commands::refusal(const Job& job) const {
  std::string why = fmt::format("the inverter refused {}", job.transaction.command);
  if (job.setter == nullptr) return why;
  if (!job.allowed.empty()) why += fmt::format("; it should take {}", job.allowed);
  return why + "; its mode, its battery type or another setting may stand against it, or this model does not have it";
}

void Commands::changed(Job& job, const Done& done, const Facts& facts) {
  job.raw.assign(done.frame.begin(), done.frame.end());
  const bool readable =
      job.setter != nullptr && !job.read_back.empty() && (!job.expected.empty() || (job.setter->traits & kShow) != 0);
  const bool refused = done.outcome == Outcome::nak || done.outcome == Outcome::echo;
  if (done.outcome == Outcome::io) job.sent = done.attempts > 1;
  if (done.outcome == Outcome::io)
    return end(job, MESURA_REPLY_UNREACHABLE,
               done.attempts > 1 ? "the link went away before an answer came; it may have taken effect"
                                 : "the link did not take it: nothing was written",
               change_json(job, false));
  if (job.setter == nullptr) return raw_answer(job, done, facts);
  if (refused && (done.attempts == 1 || !readable))
    return end(job, MESURA_REPLY_REFUSED, refusal(job), change_json(job, false));
  job.refused_at_last = refused;
  job.in_doubt = silent(done.outcome) || refused;
  job.doubt = what_came(done.outcome);
  if (!readable) {
    if (job.in_doubt)
      return end(job, MESURA_REPLY_TIMEOUT,
                 fmt::format("{}: {}; it may have taken effect, and this can't be read back", job.transaction.command,
                             job.doubt));
    return end(job, MESURA_REPLY_UNVERIFIED, "the inverter took it; there is nothing to read it back from",
               change_json(job, false));
  }
  job.step = Step::checking;
  job.queries = job.read_back;
  job.at = 0;
}

void Commands::raw_answer(Job& job, const Done& done, const Facts& facts) {
  if (done.outcome == Outcome::nak || done.outcome == Outcome::echo)
    return end(job, MESURA_REPLY_REFUSED, refusal(job));
  if (silent(done.outcome))
    return end(job, MESURA_REPLY_TIMEOUT,
               fmt::format("{}: {}; it may have taken effect", job.transaction.command, what_came(done.outcome)));
  std::string json = "{\"reply\":";
  append_quoted(json, done.outcome == Outcome::ack ? std::string_view{"ACK"} : done.reply.payload);
  if (!facts.empty()) json += fmt::format(",\"fields\":{}", facts.json());
  end(job, MESURA_REPLY_DONE, done.outcome == Outcome::ack ? "accepted" : "", json + "}");
}

void Commands::checked(Job& job, const Done& done, const Facts& facts) {
  if (done.outcome == Outcome::io)
    return end(job, MESURA_REPLY_UNREACHABLE,
               "the link went away before it could be read back; it may have taken effect", change_json(job, false));
  if (done.outcome == Outcome::ok) job.after.take(facts);
  if (silent(done.outcome)) job.at = job.queries.size();
}

bool Commands::fulfilled(const Job& job, const Facts& facts, std::int64_t at_ns, bool before) const {
  constexpr double kRight = 1;  // s by which a clock may be wrong and still needs no setting
  if (job.expected.empty()) return false;
  const double passed = before ? 0 : static_cast<double>(at_ns - job.written_ns) / 1e9;
  return std::all_of(job.expected.begin(), job.expected.end(), [&](Expected e) {
    if (before && e.runs) e.tolerance = kRight;
    const Value* got = facts.find(e.key);
    return got != nullptr && equal(e, *got, passed);
  });
}

std::string Commands::difference(const Job& job) const {
  std::string list;
  const double passed = static_cast<double>(job.heard_ns - job.written_ns) / 1e9;
  for (const Expected& e : job.expected) {
    const Value* got = job.after.find(e.key);
    if (got != nullptr && equal(e, *got, passed)) continue;
    if (!list.empty()) list += "; ";
    list += fmt::format("{}: expected ", e.key);
    append_value(list, &e.value);
    list += ", read back ";
    append_value(list, got);
  }
  return list;
}

void Commands::conclude(Job& job) {
  derive(job.after);
  const std::string& command = job.transaction.command;
  const std::string json = change_json(job, false);
  const bool all_read = std::all_of(job.expected.begin(), job.expected.end(),
                                    [&](const Expected& e) { return job.after.find(e.key) != nullptr; });
  if (job.in_doubt && (job.expected.empty() || !all_read))
    return end(job, job.refused_at_last ? MESURA_REPLY_REFUSED : MESURA_REPLY_TIMEOUT,
               job.refused_at_last
                   ? refusal(job)
                   : fmt::format("{}: {}, nor could it be read back; it may have taken effect", command, job.doubt),
               json);
  if (job.expected.empty() || !all_read)
    return end(job, MESURA_REPLY_UNVERIFIED,
               job.expected.empty() ? "the inverter took it; what it shows now stands beside what it showed before"
                                    : "the inverter took it, but it could not be read back",
               json);
  if (fulfilled(job, job.after, job.heard_ns, false))
    return end(job, MESURA_REPLY_DONE, job.in_doubt ? "the ACK was lost, but the new value is in force" : "", json);
  if (!job.in_doubt) return end(job, MESURA_REPLY_MISMATCH, difference(job), json);
  if (job.refused_at_last) return end(job, MESURA_REPLY_REFUSED, refusal(job), json);
  const bool unchanged = std::all_of(job.expected.begin(), job.expected.end(), [&](const Expected& e) {
    const Value* before = job.before.find(e.key);
    return before != nullptr && equal({e.key, *before, e.tolerance, e.runs}, *job.after.find(e.key), 0);
  });
  if (unchanged)
    return end(job, MESURA_REPLY_TIMEOUT, fmt::format("{}: {}; the setting is as it was", command, job.doubt), json);
  end(job, MESURA_REPLY_MISMATCH, fmt::format("{}: {}; {}", command, job.doubt, difference(job)), json);
}

}  // namespace mesura::axpert
