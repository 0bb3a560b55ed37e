// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The session's side of commands: their exchanges go over the same engine as polls, and before them.
#include <utility>

#include "session.hpp"

namespace mesura::axpert {
namespace {

constexpr LinkId kData = 0;

/// The number of a parallel unit at the end of QPGS1; -1: not such a query.
int unit_of_reply(const Layout& layout, std::string_view command) {
  return layout.command.ends_with('#') ? command.back() - '0' : -1;
}

}  // namespace

void AxpertSession::on_command(const Command& command) {
  if (settings_.offline)
    return host().reply(command.id, MESURA_REPLY_UNREACHABLE, "a file or recording takes no commands");
  if (phase_ == Phase::closed) return host().reply(command.id, MESURA_REPLY_UNREACHABLE, "there is no connection");
  commands_.add(command);
  advance();
}

void AxpertSession::on_cancel(std::uint64_t request, std::int64_t now_ns) {
  schedule_.tick(now_ns);
  commands_.cancel(request);
  advance();
}

/// Control before polls. False: no command wants anything.
bool AxpertSession::begin_exchange() {
  if (commands_.idle()) return false;
  exchange_ = commands_.next(reader_.dialect());
  if (!exchange_) return false;
  Transaction& transaction = exchange_->transaction;
  // What was answered before may be refused for no reason.
  if (!exchange_->changes && schedule_.answered(transaction.command)) transaction.answered_before = true;
  reader_.expect(transaction.command);
  engine_.begin(transaction);
  return true;
}

void AxpertSession::on_exchanged(const Done& done) {
  const std::optional<Exchange> exchange = std::exchange(exchange_, std::nullopt);
  Facts facts;
  const Layout* layout = reader_.layout();
  if (done.outcome == Outcome::ok && layout != nullptr) {
    collecting_ = &facts;
    const int unit = unit_of_reply(*layout, exchange->transaction.command);
    static_cast<void>(read({{}, done.frame, done.offset}, done.received_ns, unit, true));
    collecting_ = nullptr;
    collect_batch(facts);
  }
  commands_.answered(done, facts);
  advance();
}

void AxpertSession::collect_batch(Facts& facts) const {
  for (const mesura_measurement& m : reader_.decoder().batch()) {
    const auto name = series_names_.find(m.series);
    if (name == series_names_.end()) continue;
    facts.set(name->second,
              m.type == MESURA_TEXT ? Value::of(std::string_view{m.text, m.text_size}) : Value::of(m.number));
  }
}

void AxpertSession::reply(std::uint64_t request, mesura_reply_status status, std::string_view message,
                          std::string_view json, Bytes bytes) {
  host().reply(request, status, message, json, bytes);
}

bool AxpertSession::plan(std::uint64_t request, const Transaction& transaction) {
  return host().send_for(request, kData, engine_.preview(transaction));
}

void AxpertSession::on_progress(std::uint64_t request, std::uint64_t done, std::uint64_t total, std::string_view text) {
  host().progress(request, done, total, text);
}

}  // namespace mesura::axpert
