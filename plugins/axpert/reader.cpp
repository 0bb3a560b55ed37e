// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "reader.hpp"

#include <algorithm>

namespace mesura::axpert {
namespace {

constexpr std::size_t kMayGrow = 9;  // a layout of so many fields may get more; a shorter one is another reply then
constexpr std::size_t kGrowth = 12;
constexpr std::size_t kPvCurrent = 12;    // index in QPIGS
constexpr std::size_t kMachineType = 19;  // index in QPIRI
constexpr std::size_t kCvTime = 25;       // index in QPIRI
constexpr std::size_t kOemFields = 25;

std::string_view stem(std::string_view pattern) {
  return pattern.ends_with('#') || pattern.ends_with('@') ? pattern.substr(0, pattern.size() - 1) : pattern;
}

bool is_infini(const Layout& l) { return l.dialects == kInfini; }

/// A reply of any text: only who asked for it knows it.
bool is_shapeless(const Layout& l) { return l.prefix.empty() && l.shape == "t"; }

}  // namespace

void Reader::forget() {
  evidence_ = {};
  decoder_.forget();
  for (const auto& plan : plans_) plan->forget();
}

void Reader::expect(std::string_view command) {
  if (command == command_) return;
  command_ = command;
  expected_.clear();
  if (command.empty()) return;
  any_layout([&](const Layout& l) {
    if (command_fits(l.command, command) || stem(l.command) == command) expected_.push_back(&l);
    return false;
  });
}

bool Reader::fits(const Layout& l, char separator, std::size_t growth) const {
  const std::size_t n = tokens_.size();
  if (n < l.least || n > l.most + (l.most >= kMayGrow ? growth : 0U)) return false;
  if ((separator == ',') != is_infini(l)) return false;
  if (!l.prefix.empty() && !payload_.starts_with(l.prefix)) return false;
  return looks_like(tokens_, l.shape, l.shortest, l.longest);
}

bool Reader::fits_dialect(const Layout& l) const { return has(l.dialects, dialect_); }

Reader::Match Reader::match(const Checked& reply) {
  payload_ = reply.payload;
  tokens_.split(payload_, reply.separator, true);
  layout_ = nullptr;
  if (command_.empty()) {
    const Match exact = match_any(reply.separator, 0);
    return exact != Match::none ? exact : match_any(reply.separator, kGrowth);
  }
  // Of several that fit, the one of this dialect.
  for (const Layout* l : expected_) {
    if (!fits(*l, reply.separator, kGrowth)) continue;
    const bool right = fits_dialect(*l);
    if (layout_ == nullptr || right) layout_ = l;
    if (right) break;
  }
  return layout_ != nullptr ? Match::found : Match::none;
}

Reader::Match Reader::match_any(char separator, std::size_t growth) {
  ambiguity_.clear();
  const Layout* shapeless = nullptr;
  bool several = false;
  any_layout([&](const Layout& l) {
    if (is_shapeless(l)) {
      if (l.command == "QMN" && !tokens_[0].is_number()) shapeless = &l;
      return false;
    }
    if (tokens_.size() == 0 || !fits(l, separator, growth)) return false;
    if (layout_ == nullptr) {
      layout_ = &l;
      ambiguity_ = l.command;
    } else if (layout_->command == l.command) {
      if (!fits_dialect(*layout_) && fits_dialect(l)) layout_ = &l;
    } else if (l.shape == "D" || (l.shape == layout_->shape && l.prefix.size() > layout_->prefix.size())) {
      layout_ = &l;  // more is asked of it
    } else if (layout_->shape != "D" && l.prefix.empty() && layout_->prefix.empty()) {
      several = true;
      ambiguity_.append(", ").append(l.command);
    }
    return false;
  });
  if (layout_ == nullptr) layout_ = shapeless;
  if (layout_ == nullptr) return Match::none;
  if (layout_->shape == "D") several = false;
  return several ? Match::ambiguous : Match::found;
}

void Reader::observe() {
  const std::string_view c = layout_->command;
  const auto n = static_cast<int>(tokens_.size());
  Evidence e = evidence_;
  if (c == "QPIGS") {
    e.qpigs = n;
    e.pv_point = tokens_[kPvCurrent].kind == Token::Kind::decimal ? 1 : 0;
  } else if (c == "QPIGS2") {
    e.qpigs2 = n;
  } else if (c == "QPIRI") {
    const bool oem = tokens_.size() > kCvTime && tokens_[kCvTime].kind == Token::Kind::decimal;
    e.qpiri = oem ? static_cast<int>(kOemFields) : n;
    e.machine_type = static_cast<int>(tokens_[kMachineType].mantissa);
  } else if (c == "QPI") {
    e.protocol = tokens_[0].size == 4 ? (tokens_[0].begin[2] - '0') * 10 + (tokens_[0].begin[3] - '0') : 30;
  } else if (c == "QGMN") {
    e.model_code = static_cast<int>(tokens_[0].mantissa);
  } else if (c == "QPIWS") {
    e.qpiws = static_cast<int>(tokens_[0].size);
  } else if (c == "QPGS#") {
    e.qpgs = n;
  } else if (c == "QALL") {
    e.qall = 1;
  } else if (is_infini(*layout_)) {
    e.protocol = 18;
  } else {
    return;
  }
  if (e == evidence_) return;
  evidence_ = e;
  if (guess_) dialect_ = dialect_from(e);
}

Plan& Reader::plan(int unit) {
  const auto is_it = [&](const Plan& p) { return &p.layout == layout_ && p.dialect == dialect_ && p.unit == unit; };
  if (latest_ != nullptr && is_it(*latest_)) return *latest_;
  const auto found = std::find_if(plans_.begin(), plans_.end(), [&](const auto& p) { return is_it(*p); });
  if (found == plans_.end()) {
    plans_.push_back(std::make_unique<Plan>(*layout_, dialect_, unit));
    latest_ = plans_.back().get();
  } else {
    latest_ = found->get();
  }
  return *latest_;
}

ReplyDecoder::Result Reader::decode(int unit, const ReplyDecoder::Context& context, bool whole) {
  // The guess may have changed with this very reply, and with it the layout.
  if (!fits_dialect(*layout_))
    for (const Layout* l : expected_)
      if (fits_dialect(*l) && l->shape == layout_->shape) layout_ = l;
  Plan& known = plan(unit);
  if (whole) known.forget();
  return decoder_.decode(known, tokens_, context);
}

}  // namespace mesura::axpert
