// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/relay.hpp"

#include <utility>

namespace mesura::transport {
namespace {

Link::Maker maker(const Context& context, const Relay::Options& options) {
  config::Value listen{config::Value::Map{
      {"listen", config::Value{options.listen}},
      {"max_peers", config::Value{std::int64_t{options.max_clients}}},
  }};
  return [context, listen = std::move(listen)] { return find_kind("tcp_listen")->make(listen, context); };
}

}  // namespace

Relay::Relay(const Context& context, const Options& options)
    : link_(context, maker(context, options), {.backoff = options.backoff, .silence = {}, .seed = options.seed},
            {.on_open = [] {}, .on_bytes = [](Bytes, const Meta&) {}, .on_closed = [](const Reason&, bool) {}}) {}

void Relay::publish(Bytes frame) {
  if (link_.state() == Link::State::open && !link_.send(frame, {})) ++missed_;
}

}  // namespace mesura::transport
