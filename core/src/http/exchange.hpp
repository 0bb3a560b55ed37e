// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One request and what is known about it; who may ask what. No I/O.
#pragma once

#include "http/answer.hpp"
#include "http/auth/authenticator.hpp"
#include "http/head.hpp"
#include "http/message.hpp"
#include "http/options.hpp"
#include "http/peer.hpp"
#include "http/router.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace mesura::http {

/// What every request of a listener is held against.
struct Rules {
  ListenerOptions options;
  Router router;
  bool loopback = true;                    ///< all of its addresses are
  Authenticator* authenticator = nullptr;  ///< null: nobody can log in
};

struct Exchange {
  Request request;
  std::string shown_method;  ///< as asked: HEAD too
  const Route* route = nullptr;
  std::string key;
  AnswerFacts facts;
  bool check_password = false;
  std::int64_t began_ns = 0;
  std::uint64_t sent_bytes = 0;
};

/// Fills `exchange` (all but the body) from a header. The answer, if it is settled without a handler: a refusal, or
/// what OPTIONS gets. The caller then has the body unread.
[[nodiscard]] std::optional<Response> admit(const Rules& rules, const Head& head, const Peer& peer, bool secure,
                                            Exchange& exchange);
/// The rest of admit() once the password is known to be right, or wrong.
[[nodiscard]] std::optional<Response> authorise(const Rules& rules, const Identity& identity, Exchange& exchange);

}  // namespace mesura::http
