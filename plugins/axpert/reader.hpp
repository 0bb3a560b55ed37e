// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dialect.hpp"
#include "frame_check.hpp"
#include "plan.hpp"
#include "reply_decoder.hpp"
#include "token.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::axpert {

/// Which layout a reply has, what it betrays of the dialect, and what it says.
class Reader {
 public:
  Reader(DecodeSink& sink, const date::time_zone* zone) : decoder_(sink, zone) {}

  /// A new connection: everything learnt counts no more.
  void forget();

  /// Replies to this command are read from now on; empty: to any, told apart by their shape.
  void expect(std::string_view command);
  /// The dialect is known; nothing: it is guessed from each reply.
  void set_dialect(Dialect dialect) { dialect_ = dialect, guess_ = false; }
  [[nodiscard]] Dialect dialect() const { return dialect_; }

  enum class Match : std::uint8_t {
    found,
    none,      ///< it looks like no reply to what is expected
    ambiguous  ///< several commands have such replies
  };
  /// Splits a verified reply and finds its layout.
  Match match(const Checked& reply);
  /// Of the last match.
  [[nodiscard]] const Tokens& tokens() const { return tokens_; }
  [[nodiscard]] const Layout* layout() const { return layout_; }
  [[nodiscard]] std::string_view candidates() const { return ambiguity_; }  ///< of an ambiguous one, for a message

  /// Notes what the last match says of the dialect, and guesses that if it is not set.
  void observe();
  [[nodiscard]] const Evidence& evidence() const { return evidence_; }
  [[nodiscard]] Evidence& evidence() { return evidence_; }

  /// Decodes the last match. unit: of a parallel unit, or -1. `whole`: tells what has not changed too.
  ReplyDecoder::Result decode(int unit, const ReplyDecoder::Context& context, bool whole = false);
  [[nodiscard]] const ReplyDecoder& decoder() const { return decoder_; }

 private:
  /// growth: how many tokens more than documented are taken.
  [[nodiscard]] bool fits(const Layout& layout, char separator, std::size_t growth) const;
  [[nodiscard]] bool fits_dialect(const Layout& layout) const;
  Match match_any(char separator, std::size_t growth);
  Plan& plan(int unit);

  ReplyDecoder decoder_;
  Tokens tokens_;
  std::string_view payload_;
  std::string command_;
  std::vector<const Layout*> expected_;
  const Layout* layout_ = nullptr;
  std::string ambiguity_;
  Evidence evidence_;
  Dialect dialect_ = Dialect::pi30;
  bool guess_ = true;
  std::vector<std::unique_ptr<Plan>> plans_;
  Plan* latest_ = nullptr;
};

}  // namespace mesura::axpert
