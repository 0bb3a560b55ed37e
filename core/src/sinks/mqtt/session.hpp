// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// One connection of libmosquitto: made of the options, and what its failures mean.
#pragma once

#include "sinks/mqtt/options.hpp"

#include <mosquitto.h>

#include <memory>
#include <string>

namespace mesura::sinks::mqtt {

struct DestroySession {
  void operator()(mosquitto* session) const { ::mosquitto_destroy(session); }
};
using SessionPtr = std::unique_ptr<mosquitto, DestroySession>;

/// Not connected yet; null with a message when it cannot be made. `owner` comes back in its callbacks.
[[nodiscard]] SessionPtr make_session(const Options& options, void* owner, std::string& problem);
/// Of client.cpp.
void set_callbacks(mosquitto* session);

/// A result of libmosquitto, with errno, in the words of the one who has to mend it.
[[nodiscard]] std::string explain(const Address& address, int result, int error);
/// The broker's answer to CONNECT.
[[nodiscard]] std::string explain_refusal(const Address& address, const Options& options, int code);

}  // namespace mesura::sinks::mqtt
