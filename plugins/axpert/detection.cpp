// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "detection.hpp"

namespace mesura::axpert {

Wire wire_of(Dialect dialect, std::string_view command) {
  if (dialect == Dialect::pi18) return Wire::infini;
  return command == "QALL" || command == "QLITH0" ? Wire::sum : Wire::plain;
}

void Detection::ask(std::initializer_list<Probe> probes) { probes_.insert(probes_.end(), probes); }

void Detection::start(std::optional<Dialect> dialect) {
  state_ = State::asking;
  probes_.clear();
  refused_.clear();
  at_ = protocols_end_ = serials_end_ = 0;
  fixed_ = dialect.has_value();
  if (fixed_) {
    dialect_ = *dialect;
    found(dialect_ == Dialect::pi18 ? 18 : 30);
    return;
  }
  ask({{"QPI", Wire::plain}, {"PI", Wire::infini}, {"QALL", Wire::sum}});
  protocols_end_ = probes_.size();
}

/// Who is it, and which of the relatives.
void Detection::found(int protocol) {
  probes_.resize(at_);
  protocols_end_ = at_;
  if (protocol == 18) {
    ask({{"ID", Wire::infini}});
    serials_end_ = probes_.size();
    return;
  }
  ask({{"QID", Wire::plain}, {"QSID", Wire::plain}});
  serials_end_ = probes_.size();
  if (!fixed_) ask({{"QMN"}, {"QGMN"}, {"QPIRI"}, {"QPIGS2"}, {"QPIGS"}, {"QALL", Wire::sum}});
}

void Detection::answered(Outcome outcome, const Evidence& evidence) {
  const Probe asked = probe();
  const bool protocol = at_ < protocols_end_;
  if (outcome == Outcome::nak || outcome == Outcome::echo) refused_.emplace(asked.command);
  ++at_;
  if (protocol && outcome == Outcome::ok) return found(evidence.protocol < 0 ? 30 : evidence.protocol);
  if (protocol && at_ == protocols_end_) {
    state_ = State::failed;
    return;
  }
  // Sorotec's own query is the last straw: a unit that knows its model or second tracker is no Sorotec.
  const bool last_straw = at_ < probes_.size() && at_ >= serials_end_ && probes_[at_].command == "QALL";
  const bool explained = evidence.protocol == 41 || evidence.qpigs2 > 0 || evidence.model_code > 0 ||
                         dialect_from(evidence) != Dialect::pi30;
  if (serials_end_ != 0 && last_straw && (evidence.qall == 1 || explained)) ++at_;
  if (at_ < probes_.size()) return;
  state_ = State::known;
  if (!fixed_) dialect_ = dialect_from(evidence);
}

}  // namespace mesura::axpert
